//! Starts, watches and signals processes of the real program. No process outlives its test.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::SocketAddr;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::{Arc, Condvar, Mutex, Once};
use std::thread;
use std::time::{Duration, Instant};

pub(crate) use rustix::process::Signal;
use signal_hook::consts::{SIGHUP, SIGINT};

use super::{PATIENCE, wait_until};

/// The program, without environment variables that could change its behaviour.
pub(crate) fn program() -> Command {
    clean(Command::new(env!("CARGO_BIN_EXE_tcp-chat")))
}

/// The program as the last step of a shell script. The script may set limits first.
pub(crate) fn program_after(script: &str) -> Command {
    let mut shell = Command::new("sh");
    shell.arg("-c").arg(format!("{script}; exec \"$0\" \"$@\""));
    shell.arg(env!("CARGO_BIN_EXE_tcp-chat"));
    clean(shell)
}

/// Removes the environment variables that could change the program's behaviour.
pub(crate) fn clean(mut command: Command) -> Command {
    heed_interrupts();
    for (key, _) in std::env::vars_os() {
        let key = key.to_string_lossy().into_owned();
        if key.starts_with("TCP_CHAT_") || key.starts_with("RUST_") {
            command.env_remove(key);
        }
    }
    command
}

/// Tests that run as a script's `cargo test &` are started with SIGINT ignored, and those of
/// `nohup cargo test` with SIGHUP. The program would inherit that. It does not inherit a handler.
fn heed_interrupts() {
    static ONCE: Once = Once::new();
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let ignored = ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    let mask = ignored.unwrap_or_default();
    ONCE.call_once(|| {
        for signal in [SIGHUP, SIGINT].into_iter().filter(|signal| mask >> (signal - 1) & 1 == 1) {
            signal_hook::flag::register(signal, Arc::default()).expect("a handler can be set");
        }
    });
}

/// A client on a pipe.
pub(crate) fn client(address: SocketAddr, flags: &[&str]) -> Process {
    let mut command = program();
    command.arg("client").arg(address.to_string()).args(flags);
    Process::start(command)
}

/// A process whose output is collected. It is killed if the test ends first.
pub(crate) struct Process {
    child: Child,
    pub(crate) stdin: Option<ChildStdin>,
    pub(crate) out: Output,
    pub(crate) err: Output,
}

impl Drop for Process {
    fn drop(&mut self) {
        // The kill fails if the process has already ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Process {
    pub(crate) fn start(mut command: Command) -> Self {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        Self::start_with(command)
    }

    /// Starts the command with the standard streams that it sets. The output on pipes is collected.
    pub(crate) fn start_with(mut command: Command) -> Self {
        let mut child = command.spawn().expect("the program starts");
        let stdin = child.stdin.take();
        let out = child.stdout.take().map_or_else(Output::closed, Output::collect);
        let err = child.stderr.take().map_or_else(Output::closed, Output::collect);
        Self { child, stdin, out, err }
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        let id = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(id, signal).expect("the process is there to be signalled");
    }

    /// Types a line into a client.
    pub(crate) fn type_line(&mut self, line: &str) {
        let stdin = self.stdin.as_mut().expect("the input is open");
        writeln!(stdin, "{line}").expect("the process reads its input");
    }

    /// Ends the input.
    pub(crate) fn end_input(&mut self) {
        self.stdin = None;
    }

    /// Writes all of `input`, and then ends the input. A thread does this, because the process may
    /// read slowly.
    pub(crate) fn pipe(&mut self, input: String) {
        let mut stdin = self.stdin.take().expect("the input is open");
        thread::spawn(move || {
            // A killed process does not read to the end.
            let _ = stdin.write_all(input.as_bytes());
        });
    }

    pub(crate) fn has_ended(&mut self) -> bool {
        self.child.try_wait().expect("the process is ours").is_some()
    }

    /// Waits until the process has ended and all its output is collected.
    pub(crate) fn ended(&mut self) -> ExitStatus {
        self.ended_within(PATIENCE)
    }

    pub(crate) fn ended_within(&mut self, patience: Duration) -> ExitStatus {
        let deadline = Instant::now() + patience;
        loop {
            if let Some(status) = self.child.try_wait().expect("the process is ours") {
                self.out.wait_for("its end", |_, closed| closed.then_some(()));
                self.err.wait_for("its end", |_, closed| closed.then_some(()));
                return status;
            }
            if Instant::now() >= deadline {
                let (out, err) = (self.out.last_words(), self.err.last_words());
                panic!("the process did not end in {patience:?}; stdout: {out:?}; stderr: {err:?}");
            }
            thread::sleep(Duration::from_millis(2));
        }
    }

    /// Sends the signal again and again until the process ends, because signals that arrive together
    /// count as one.
    pub(crate) fn end_by(&mut self, signal: Signal) -> ExitStatus {
        wait_until("a signal ends the process", || {
            self.signal(signal);
            self.has_ended()
        });
        self.ended()
    }

    /// Waits for the end and asserts the exit status.
    pub(crate) fn exits(&mut self, code: i32) {
        let status = self.ended();
        assert_eq!(status.code(), Some(code), "{status}; stderr: {:?}", self.err.last_words());
    }

    /// Kills the process with SIGKILL, which it cannot handle.
    pub(crate) fn kill(&mut self) {
        self.child.kill().expect("the process can be killed");
        self.child.wait().expect("the process is ours");
    }
}

/// The output of a process so far, line by line.
#[derive(Clone)]
pub(crate) struct Output(Arc<(Mutex<Printed>, Condvar)>);

#[derive(Default)]
struct Printed {
    lines: Vec<String>,
    closed: bool,
}

impl Output {
    fn closed() -> Self {
        Self(Arc::new((Mutex::new(Printed { lines: Vec::new(), closed: true }), Condvar::new())))
    }

    pub(crate) fn collect(from: impl Read + Send + 'static) -> Self {
        let shared = Arc::<(Mutex<Printed>, Condvar)>::default();
        let printed = Arc::clone(&shared);
        thread::spawn(move || {
            let mut from = BufReader::with_capacity(64 * 1024, from);
            let mut line = Vec::new();
            while from.read_until(b'\n', &mut line).is_ok_and(|length| length > 0) {
                let text = String::from_utf8_lossy(&line).trim_end_matches('\n').to_owned();
                line.clear();
                printed.0.lock().unwrap().lines.push(text);
                printed.1.notify_all();
            }
            printed.0.lock().unwrap().closed = true;
            printed.1.notify_all();
        });
        Self(shared)
    }

    /// All lines so far.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.0.0.lock().unwrap().lines.clone()
    }

    /// The last lines, for an error message.
    pub(crate) fn last_words(&self) -> Vec<String> {
        tail(&self.0.0.lock().unwrap().lines).to_vec()
    }

    /// How many lines so far match `wanted`.
    pub(crate) fn count(&self, wanted: impl Fn(&str) -> bool) -> usize {
        self.0.0.lock().unwrap().lines.iter().filter(|line| wanted(line)).count()
    }

    /// Waits until `found` returns a value. It receives the lines so far, and whether the output
    /// has ended.
    pub(crate) fn wait_for<T>(
        &self,
        what: &str,
        mut found: impl FnMut(&[String], bool) -> Option<T>,
    ) -> T {
        let deadline = Instant::now() + PATIENCE;
        let (printed, changed) = &*self.0;
        let mut printed = printed.lock().unwrap();
        loop {
            if let Some(found) = found(&printed.lines, printed.closed) {
                return found;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(
                !left.is_zero() && !printed.closed,
                "timed out: waited for {what}; the last of {} lines: {:?}",
                printed.lines.len(),
                tail(&printed.lines)
            );
            printed = changed.wait_timeout(printed, left).unwrap().0;
        }
    }

    /// Waits for a line that matches `wanted`, and returns the first.
    pub(crate) fn line(&self, what: &str, wanted: impl Fn(&str) -> bool) -> String {
        let mut looked_at = 0;
        self.wait_for(what, |lines, _| {
            let found = lines[looked_at..].iter().find(|line| wanted(line)).cloned();
            looked_at = lines.len();
            found
        })
    }

    /// Waits for exactly this line.
    pub(crate) fn expect(&self, wanted: &str) {
        self.line(wanted, |line| line == wanted);
    }

    /// Waits for a line that begins like this.
    pub(crate) fn expect_start(&self, wanted: &str) {
        self.line(wanted, |line| line.starts_with(wanted));
    }

    /// Waits until at least this many lines match `wanted`.
    pub(crate) fn at_least(&self, count: usize, what: &str, wanted: impl Fn(&str) -> bool) {
        let (mut looked_at, mut found) = (0, 0);
        self.wait_for(&format!("{count} times {what}"), |lines, _| {
            found += lines[looked_at..].iter().filter(|line| wanted(line)).count();
            looked_at = lines.len();
            (found >= count).then_some(())
        });
    }
}

fn tail(lines: &[String]) -> &[String] {
    &lines[lines.len().saturating_sub(12)..]
}
