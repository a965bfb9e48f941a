//! Runs the programs of `tests/peers`, which students write for the assignment, as processes.

use std::net::SocketAddr;
use std::process::Command;

use super::process::Process;
use super::server::{Server, connected};

fn python(program: &str, port: u16, flags: &[&str]) -> Process {
    let mut command = Command::new("python3");
    command.arg(format!("{}/tests/peers/{program}", env!("CARGO_MANIFEST_DIR")));
    command.arg(port.to_string()).args(flags);
    Process::start(command)
}

/// The output of a program for an entry of its history. It is JSON, which looks the same as Rust's
/// debug format for every text in the tests.
pub(crate) fn entry(text: &str) -> String {
    format!("{text:?}")
}

/// The output of a client that sees the end of the connection.
pub(crate) const END: &str = "null";

fn assert_begins(process: &Process, texts: &[&str]) {
    let printed = process
        .out
        .wait_for("as many entries", |lines, _| lines.get(..texts.len()).map(<[_]>::to_vec));
    assert_eq!(printed, texts.iter().map(|text| entry(text)).collect::<Vec<_>>());
}

/// A student's client, without its window.
pub(crate) struct RawClient {
    pub(crate) process: Process,
    pub(crate) port: u16,
}

impl RawClient {
    pub(crate) fn connect(address: SocketAddr, flags: &[&str]) -> Self {
        let process = python("raw_client.py", address.port(), flags);
        let port = process.err.line("its port", |line| line.starts_with("connected, @PORT #"));
        let port = port["connected, @PORT #".len()..].parse().expect("a port");
        Self { process, port }
    }

    /// A client that is in the room. It receives every line from now on.
    pub(crate) fn join(server: &Server, address: SocketAddr, name: &str) -> Self {
        let client = Self::connect(address, &["--name", name]);
        server.event_log().expect_start(&connected(client.port));
        client
    }

    /// Types a message into the window.
    pub(crate) fn say(&mut self, text: &str) {
        self.process.type_line(text);
    }

    /// Waits until the history has as many entries as this list, and asserts that it begins with
    /// this list.
    pub(crate) fn shows(&self, entries: &[&str]) {
        let shown = self
            .process
            .out
            .wait_for("as many entries", |lines, _| lines.get(..entries.len()).map(<[_]>::to_vec));
        assert_eq!(shown, entries.iter().map(|text| entry(text)).collect::<Vec<_>>());
    }

    /// Waits until the joined entries are a text that matches `wanted`, and returns it.
    pub(crate) fn shows_in_a_row(&self, what: &str, wanted: impl Fn(&str) -> bool) -> String {
        self.process.out.wait_for(what, |lines, _| {
            let text = lines.iter().map(|line| line.trim_matches('"')).collect::<String>();
            wanted(&text).then_some(text)
        })
    }
}

/// A student's server.
pub(crate) struct RawServer {
    pub(crate) process: Process,
    pub(crate) address: SocketAddr,
}

impl RawServer {
    /// A server on a free port.
    pub(crate) fn start(flags: &[&str]) -> Self {
        Self::at(0, flags)
    }

    pub(crate) fn at(port: u16, flags: &[&str]) -> Self {
        // Only some tests need a server that spins. Spinning takes a processor from other tests.
        let process = python("raw_server.py", port, &[&["--spin", "0"], flags].concat());
        let address = process.err.line("its address", |line| line.starts_with("listening on "));
        let address = address["listening on ".len()..].parse().expect("an address");
        Self { process, address }
    }

    /// Waits until this many clients are on its list.
    pub(crate) fn has_welcomed(&self, clients: usize) {
        self.process.err.at_least(clients, "a client", |line| line.contains(" Has Connected!"));
    }

    /// Waits for as many messages as this list has. Asserts that each `recv` returned one of them,
    /// in order.
    pub(crate) fn receives(&self, messages: &[&str]) {
        assert_begins(&self.process, messages);
    }
}
