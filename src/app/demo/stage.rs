//! The stage of the demo: it starts processes, types into them and watches their output. Each line
//! of output is shown under the heading to which it belongs.

use std::io::{self, BufRead, BufReader, IsTerminal, Write};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use crossbeam_channel::{Receiver, Sender, at, select};
use tcp_chat::client::Failure;
use tcp_chat::protocol::{self, Name};

use crate::app::streams::Stdout;
use crate::app::ui::paint::{self, Palette, Style};
use crate::app::ui::terminal::{layout::lay_out, tty};

/// How long a step may take. After this time the demo has failed.
const ACT: Duration = Duration::from_secs(15);

/// The name of a process, and a line that it printed.
type Printed = (String, String);

/// Stands for the end of the output: no process of the demo prints an empty line.
const END: &str = "";

/// A process of the demo. It is killed if the demo ends first.
pub(super) struct Actor {
    pub(super) name: Name,
    child: Child,
}

impl Drop for Actor {
    fn drop(&mut self) {
        // The kill fails if the process has already ended, as it should.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(super) struct Stage {
    printed: Receiver<Printed>,
    printer: Sender<Printed>,
    pause: Duration,
    palette: Palette,
    out: Stdout,
    /// The output that no step has waited for yet.
    seen: Vec<Printed>,
    /// A signal asked the demo to stop. No process may outlive the demo, so the demo ends them
    /// first.
    quit: Receiver<()>,
}

impl Stage {
    pub(super) fn new(pause: Duration, light: bool, quit: Receiver<()>) -> Result<Self> {
        let (printer, printed) = crossbeam_channel::unbounded();
        let out = Stdout::start(quit.clone()).context("cannot start the thread that prints")?;
        let palette = Palette::new(io::stdout().is_terminal(), light);
        Ok(Self { printed, printer, pause, palette, out, seen: Vec::new(), quit })
    }

    /// Prints a heading. All output below belongs to it, because the demo has waited for the output
    /// before it.
    pub(super) fn heading(&mut self, explanation: &str) -> Result<()> {
        self.pause(self.pause)?;
        self.print(&[(Style::Bold, "--- "), (Style::Bold, explanation)], "    ")?;
        self.pause(self.pause / 2)
    }

    fn pause(&mut self, duration: Duration) -> Result<()> {
        let end = Instant::now() + duration;
        while self.next(end)? {}
        Ok(())
    }

    /// Shows the next line of output. Returns false if there was none until `end`.
    fn next(&mut self, end: Instant) -> Result<bool> {
        let printed = select! {
            recv(self.printed) -> printed => printed.ok(),
            recv(self.quit) -> _ => bail!("the demo was stopped"),
            recv(at(end)) -> _ => None,
        };
        let Some((by, line)) = printed else { return Ok(false) };
        if line != END {
            self.show(&by, "|", &line)?;
        }
        self.seen.push((by, line));
        Ok(true)
    }

    pub(super) fn server(&mut self, args: &[&str]) -> Result<(Actor, String)> {
        let server = self.start("Server", &[&["server"], args].concat())?;
        let line = self.wait("Server", |line| line.starts_with("listening on "))?;
        self.wait("Server", |line| line.ends_with(" Online..."))?;
        let address = line.split([' ', ';']).nth(2).unwrap_or_default();
        Ok((server, address.to_owned()))
    }

    /// Starts this program as another process, and collects its output.
    pub(super) fn start(&self, name: &str, args: &[&str]) -> Result<Actor> {
        let failed = || format!("cannot start {name}");
        let program = std::env::current_exe().with_context(failed)?;
        let mut command = Command::new(program);
        // The user's variables for a server must not change the demo's server.
        for (variable, _) in std::env::vars_os() {
            if variable.to_string_lossy().starts_with("TCP_CHAT_") {
                command.env_remove(variable);
            }
        }
        let (from, to) = io::pipe().with_context(failed)?;
        command.stdout(to.try_clone().with_context(failed)?).stderr(to);
        let child = command.args(args).stdin(Stdio::piped()).spawn().with_context(failed)?;
        let (by, printer) = (name.to_owned(), self.printer.clone());
        let actor = Actor { name: name.parse()?, child };
        let collect = move || {
            let lines = BufReader::new(from).lines().map_while(Result::ok);
            for line in lines.chain([END.to_owned()]) {
                let _ = printer.send((by.clone(), line));
            }
        };
        thread::Builder::new().spawn(collect).with_context(failed)?;
        Ok(actor)
    }

    /// Waits until `by` prints a matching line, and shows all output meanwhile.
    pub(super) fn wait(&mut self, by: &str, wanted: impl Fn(&str) -> bool) -> Result<String> {
        let deadline = Instant::now() + ACT;
        loop {
            let found = self.seen.iter().position(|(name, line)| name == by && wanted(line));
            if let Some(index) = found {
                return Ok(self.seen.remove(index).1);
            }
            if !self.next(deadline)? {
                bail!("{by} did not show the expected line");
            }
        }
    }

    pub(super) fn all_hear(&mut self, line: &str, listeners: &[String]) -> Result<()> {
        for listener in listeners {
            self.wait(listener, |heard| heard == line)?;
        }
        self.wait("Server", |heard| heard == line).map(drop)
    }

    /// Shows a line that `by` printed or typed. It leaves out how to join, because this server is only
    /// a demo.
    fn show(&self, by: &str, sign: &str, line: &str) -> Result<()> {
        let line = line.split("; connect with: ").next().unwrap_or_default();
        let style = if by == "Server" { Style::Bold } else { paint::hue(by) };
        // What a process says about itself, and not what it says to the others.
        let is_notice = line.contains("@PORT #") || protocol::is_of_server(line);
        let (name, sign) = (format!("{by:>8}"), format!(" {sign} "));
        let mut pieces = vec![(style, &*name), (Style::Plain, &*sign)];
        pieces.extend(if is_notice { vec![(Style::Dim, line)] } else { paint::pieces(line) });
        self.print(&pieces, &format!("{:>8}{sign}", ""))
    }

    fn print(&self, pieces: &[(Style, &str)], lead: &str) -> Result<()> {
        let mut text = String::new();
        lay_out(pieces, lead, tty::columns(usize::MAX / 2), self.palette, &mut text);
        match self.out.print(text.into_bytes()) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                Err(Failure::Unwanted.into())
            }
            printed => printed.context("cannot print to stdout"),
        }
    }

    pub(super) fn type_line(&self, actor: &mut Actor, text: &str) -> Result<()> {
        self.show(&actor.name.to_string(), ">", text)?;
        let stdin = actor.child.stdin.as_mut().context("the client's input is closed")?;
        writeln!(stdin, "{text}").with_context(|| format!("{} does not read its input", actor.name))
    }

    /// Types a line into one client, and waits until all `listeners` have shown it.
    pub(super) fn talk(
        &mut self,
        actor: &mut Actor,
        text: &str,
        listeners: &[String],
    ) -> Result<()> {
        self.pause(self.pause / 2)?;
        self.type_line(actor, text)?;
        self.all_hear(&actor.name.says(text), listeners)
    }

    /// Ends the input of a client. Waits until the client has said goodbye and its process has
    /// ended well.
    pub(super) fn leave(&mut self, mut actor: Actor, listeners: &[String]) -> Result<()> {
        actor.child.stdin = None;
        self.all_hear(&actor.name.farewell(), listeners)?;
        self.wait("Server", |line| line.contains("Has Disconnected! (left"))?;
        self.ended(&mut actor)
    }

    pub(super) fn stop(&mut self, server: &mut Actor) -> Result<()> {
        let id = rustix::process::Pid::from_child(&server.child);
        // If the demo was started with SIGINT ignored, the server ignores it as well.
        rustix::process::kill_process(id, rustix::process::Signal::TERM)
            .context("cannot stop the server")?;
        self.ended(server)
    }

    fn ended(&mut self, actor: &mut Actor) -> Result<()> {
        // Its output ends with the process, so the wait is short.
        self.wait(&actor.name.to_string(), |line| line == END)?;
        let name = &actor.name;
        let status = actor.child.wait().with_context(|| format!("cannot wait for {name}"))?;
        if status.success() { Ok(()) } else { bail!("{name} ended with {status}") }
    }
}
