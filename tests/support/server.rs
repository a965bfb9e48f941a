//! The server, as a process of its own on a free port.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::process::{Command, ExitStatus, Stdio};

use super::peer::Peer;
use super::process::{self, Output, Process, Signal};

/// Any free port of this machine.
pub(crate) const ANY_PORT: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// A server that accepts connections.
pub(crate) struct Server {
    pub(crate) process: Process,
    pub(crate) address: SocketAddr,
}

impl Server {
    /// A server on a free port, with these flags.
    pub(crate) fn start(flags: &[&str]) -> Self {
        Self::at(ANY_PORT, flags)
    }

    /// A server on a given address, for a test that starts a server again.
    pub(crate) fn at(address: SocketAddr, flags: &[&str]) -> Self {
        Self::run(process::program(), address, flags)
    }

    /// A server with limits that a shell sets.
    pub(crate) fn after(script: &str, flags: &[&str]) -> Self {
        Self::run(process::program_after(script), ANY_PORT, flags)
    }

    /// A server that a whole command starts.
    pub(crate) fn start_with(command: Command) -> Self {
        Self::listening(Process::start(command))
    }

    pub(crate) fn run(mut command: Command, address: SocketAddr, flags: &[&str]) -> Self {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        Self::run_with(command, address, flags)
    }

    /// Starts the server with the standard streams that the command sets. Stderr must be a pipe.
    pub(crate) fn run_with(mut command: Command, address: SocketAddr, flags: &[&str]) -> Self {
        command.arg("server").arg(address.to_string()).args(flags);
        Self::listening(Process::start_with(command))
    }

    /// Waits until it listens.
    fn listening(process: Process) -> Self {
        let said = process.err.line("the address it listens on", |line| {
            line.starts_with("listening on ") && line.contains(';')
        });
        let address = said["listening on ".len()..].split(';').next().unwrap_or_default();
        let address = address.parse().expect("an address after `listening on`");
        Self { process, address }
    }

    pub(crate) fn port(&self) -> u16 {
        self.address.port()
    }

    pub(crate) fn id(&self) -> u32 {
        self.process.id()
    }

    /// The server's event log, from its stdout.
    pub(crate) fn event_log(&self) -> &Output {
        &self.process.out
    }

    /// A peer that is in the room. It receives every line from now on.
    pub(crate) fn join(&self) -> Peer {
        let peer = Peer::connect(self.address);
        self.event_log().expect_start(&connected(peer.port()));
        peer
    }

    /// Waits until the event log says that this client has left, and returns the reason.
    pub(crate) fn reason_of(&self, port: u16) -> String {
        let start = gone(port);
        let line = self.event_log().line(&start, |line| line.starts_with(&start));
        let reason = line[start.len()..].split(" after ").next().unwrap_or_default();
        reason.trim_matches(['(', ' ']).to_owned()
    }

    /// The line that the server sends to everyone when it stops.
    pub(crate) fn farewell(&self) -> String {
        format!("Server @PORT #{} Offline...", self.port())
    }

    /// Asks the server to stop, and waits until it has ended.
    pub(crate) fn stop(&mut self) -> ExitStatus {
        self.process.signal(Signal::INT);
        self.process.ended()
    }
}

/// The line of the event log when a client joins, up to the number of clients.
pub(crate) fn connected(port: u16) -> String {
    format!("Client @PORT #{port} Has Connected!")
}

/// The line of the event log when a client leaves, up to the reason.
pub(crate) fn gone(port: u16) -> String {
    format!("Client @PORT #{port} Has Disconnected!")
}
