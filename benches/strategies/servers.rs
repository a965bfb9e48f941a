//! The servers to compare. Each is a separate process, so that no server disturbs the measurement
//! of another, and each server's CPU time can be measured. No process outlives its `Server`.

use std::env;
use std::io::{self, BufRead, BufReader};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, Stdio};
use std::sync::mpsc::{self, Sender};
use std::thread;
use std::time::{Duration, Instant};

use crate::client::Protocol;

const START_LIMIT: Duration = Duration::from_secs(10);

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Strategy {
    TcpChat,
    WriteUnderLock,
    CopyTheList,
    OutboxThreads,
    Redis,
    Ceiling,
}

impl Strategy {
    pub(crate) const ALL: [Self; 6] = [
        Self::TcpChat,
        Self::WriteUnderLock,
        Self::CopyTheList,
        Self::OutboxThreads,
        Self::Redis,
        Self::Ceiling,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::TcpChat => "tcp-chat",
            Self::WriteUnderLock => "write under the lock",
            Self::CopyTheList => "copy the list",
            Self::OutboxThreads => "outbox and writer thread",
            Self::Redis => "Redis PUB/SUB",
            Self::Ceiling => "raw ceiling",
        }
    }

    pub(crate) fn protocol(self) -> Protocol {
        if self == Self::Redis { Protocol::Redis } else { Protocol::Lines }
    }

    pub(crate) fn is_installed(self) -> bool {
        let version =
            || Command::new("redis-server").arg("--version").stdout(Stdio::null()).status();
        self != Self::Redis || version().is_ok()
    }

    /// Starts the server and waits until it accepts connections.
    pub(crate) fn start(self) -> io::Result<Server> {
        match self {
            Self::TcpChat => start_announcing(Command::new(env!("CARGO_BIN_EXE_tcp-chat")).args([
                "server",
                "127.0.0.1:0",
                "--quiet",
            ])),
            Self::WriteUnderLock => start_example("2_write_under_lock"),
            Self::CopyTheList => start_example("3_copy_the_list"),
            Self::OutboxThreads => start_example("5_outbox_threads"),
            Self::Redis => start_redis(),
            Self::Ceiling => {
                start_announcing(Command::new(env::current_exe()?).arg("--serve-ceiling"))
            }
        }
    }
}

pub(crate) struct Server {
    child: Child,
    pub(crate) addr: SocketAddr,
}

impl Server {
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        end(&mut self.child);
    }
}

fn end(child: &mut Child) {
    // Each call fails only if the process has already ended.
    let _ = child.kill();
    let _ = child.wait();
}

/// Builds the examples, because `cargo bench` does not build them.
pub(crate) fn build_examples() -> io::Result<()> {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let target = release_dir()?.parent().map(Path::to_path_buf).unwrap_or_default();
    let status = Command::new(cargo)
        .args(["build", "--quiet", "--release", "--examples", "--target-dir"])
        .arg(target)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .status()?;
    if status.success() { Ok(()) } else { Err(io::Error::other("the examples do not build")) }
}

/// The folder in which cargo puts release builds. This program is in its folder `deps`.
fn release_dir() -> io::Result<PathBuf> {
    let this = env::current_exe()?;
    let dir = this.ancestors().nth(2).ok_or_else(|| io::Error::other("not run by cargo"))?;
    Ok(dir.to_path_buf())
}

fn start_example(name: &str) -> io::Result<Server> {
    start_announcing(Command::new(release_dir()?.join("examples").join(name)).arg("127.0.0.1:0"))
}

/// Starts a server that says `listening on ADDR` on its standard error.
fn start_announcing(command: &mut Command) -> io::Result<Server> {
    let mut child =
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn()?;
    let stderr = child.stderr.take().expect("it was asked for just now");
    let (announce, announced) = mpsc::channel();
    thread::spawn(move || follow(stderr, &announce));
    let Ok(addr) = announced.recv_timeout(START_LIMIT) else {
        end(&mut child);
        return Err(io::Error::other(format!("no address announced by {command:?}")));
    };
    Ok(Server { child, addr })
}

/// Reads to the end, because a closed or full standard error would disturb the server.
fn follow(stderr: ChildStderr, announce: &Sender<SocketAddr>) {
    for line in BufReader::new(stderr).lines().map_while(Result::ok) {
        let Some((_, addr)) = line.split_once("listening on ") else { continue };
        let word = addr.split_whitespace().next().unwrap_or_default();
        if let Ok(addr) = word.trim_end_matches(|c: char| !c.is_ascii_digit()).parse() {
            let _ = announce.send(addr);
        }
    }
}

/// Redis does not accept port 0, so it gets a port that was free a moment ago. It gets no limit on
/// its buffers for slow subscribers, because it must run at its fastest and drop no client.
fn start_redis() -> io::Result<Server> {
    let addr = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
    let child = Command::new("redis-server")
        .args(["--port", &addr.port().to_string(), "--bind", "127.0.0.1", "--save", ""])
        .args(["--appendonly", "no", "--maxclients", "15000"])
        .args(["--client-output-buffer-limit", "pubsub 0 0 0"])
        .current_dir(env::temp_dir())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .spawn()?;
    let server = Server { child, addr };
    let start = Instant::now();
    while let Err(e) = TcpStream::connect(addr) {
        if start.elapsed() > START_LIMIT {
            return Err(e);
        }
        thread::sleep(Duration::from_millis(5));
    }
    Ok(server)
}
