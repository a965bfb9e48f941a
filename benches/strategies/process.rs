//! Starts servers. Each is a separate process, so that no server disturbs the measurement of
//! another, and each server's CPU time can be measured. No process outlives its `Server`.

use std::env;
use std::fs;
use std::io::{self, BufRead, BufReader};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, Stdio};
use std::sync::mpsc::{self, Sender};
use std::thread;
use std::time::{Duration, Instant};

use crate::connect::Address;

const START_LIMIT: Duration = Duration::from_secs(10);

/// A process that is ended when this is dropped.
pub(crate) struct Process(Child);

impl Process {
    pub(crate) fn id(&self) -> u32 {
        self.0.id()
    }

    /// A process that keeps a core busy: a neighbour of the servers.
    pub(crate) fn busy_loop() -> io::Result<Self> {
        Command::new("sh").args(["-c", "while :; do :; done"]).spawn().map(Self)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Each call fails only if the process has already ended.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

pub(crate) struct Server {
    pub(crate) process: Process,
    pub(crate) address: Address,
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
pub(crate) fn release_dir() -> io::Result<PathBuf> {
    let this = env::current_exe()?;
    let dir = this.ancestors().nth(2).ok_or_else(|| io::Error::other("not run by cargo"))?;
    Ok(dir.to_path_buf())
}

/// A file in the folder `rivals`.
pub(crate) fn rival(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/strategies/rivals").join(name)
}

/// Writes a configuration to a file in the folder for builds, which every run may overwrite.
pub(crate) fn configuration(name: &str, text: &str) -> io::Result<PathBuf> {
    let path = release_dir()?.join(format!("{name}.conf"));
    fs::write(&path, text)?;
    Ok(path)
}

/// Starts a server that says `listening on ADDR` on its standard error, or
/// `listening on ADDR ADDR` if publishers have an address of their own.
pub(crate) fn start_announcing(command: &mut Command) -> io::Result<Server> {
    let command = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut process = Process(command.spawn()?);
    let stderr = process.0.stderr.take().expect("it was asked for just now");
    let (announce, announced) = mpsc::channel();
    thread::spawn(move || follow(stderr, &announce));
    match announced.recv_timeout(START_LIMIT) {
        Ok(address) => Ok(Server { process, address }),
        Err(_) => Err(io::Error::other(format!("no address announced by {command:?}"))),
    }
}

/// Reads to the end, because a closed or full standard error would disturb the server.
fn follow(stderr: ChildStderr, announce: &Sender<Address>) {
    for line in BufReader::new(stderr).lines().map_while(Result::ok) {
        let Some((_, addresses)) = line.split_once("listening on ") else { continue };
        let mut addresses = addresses
            .split_whitespace()
            .map_while(|word| word.trim_end_matches(|c: char| !c.is_ascii_digit()).parse().ok());
        if let Some(receive) = addresses.next() {
            let publish = addresses.next().unwrap_or(receive);
            let _ = announce.send(Address { receive, publish });
        }
    }
}

/// Starts a server that does not accept port 0. It gets a port that was free a moment ago.
pub(crate) fn start_on_a_free_port(
    command: impl FnOnce(&str) -> io::Result<Command>,
) -> io::Result<Server> {
    let addr: SocketAddr = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
    let mut command = command(&addr.port().to_string())?;
    let command = command
        .current_dir(env::temp_dir())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let process = Process(command.spawn()?);
    let start = Instant::now();
    while let Err(e) = TcpStream::connect(addr) {
        if start.elapsed() > START_LIMIT {
            return Err(e);
        }
        thread::sleep(Duration::from_millis(5));
    }
    Ok(Server { process, address: addr.into() })
}
