//! A server that the test plays, for clients that must meet a faulty server.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use socket2::SockRef;

use super::process::Process;
use super::server::ANY_PORT;
use super::{PATIENCE, wait_until};

/// The server's side of one connection, played by the test.
pub(crate) struct Call(BufReader<TcpStream>);

/// A server played by the test.
pub(crate) struct Fake(TcpListener);

impl Fake {
    pub(crate) fn listen() -> Self {
        Self::at(ANY_PORT)
    }

    /// A server at a given address, for a client that is there before it.
    pub(crate) fn at(address: SocketAddr) -> Self {
        Self(TcpListener::bind(address).unwrap())
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.0.local_addr().unwrap()
    }

    /// Waits for the next connection, with a time limit.
    pub(crate) fn answer(&self) -> Call {
        let mut call = None;
        wait_until("a client connects", || {
            call = self.try_answer();
            call.is_some()
        });
        call.expect("a client connected")
    }

    /// Accepts a connection if a client is connecting.
    pub(crate) fn try_answer(&self) -> Option<Call> {
        self.0.set_nonblocking(true).unwrap();
        let (stream, _) = self.0.accept().ok()?;
        stream.set_nonblocking(false).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_nodelay(true).unwrap();
        Some(Call(BufReader::new(stream)))
    }
}

impl Call {
    /// The next line. None at the end.
    pub(crate) fn hear(&mut self) -> Option<String> {
        let mut line = String::new();
        self.0.read_line(&mut line).expect("the client says something, or ends");
        line.pop().map(|_| line)
    }

    pub(crate) fn expect(&mut self, lines: &[String]) {
        for line in lines {
            assert_eq!(self.hear().as_ref(), Some(line));
        }
    }

    /// Reads this many bytes from a raw client.
    pub(crate) fn hear_bytes(&mut self, bytes: usize) -> String {
        let mut text = vec![0; bytes];
        self.0.read_exact(&mut text).expect("the client says something");
        String::from_utf8(text).expect("the client sends nothing but UTF-8")
    }

    pub(crate) fn say(&mut self, line: &str) {
        self.send(&format!("{line}\n"));
    }

    /// Sends text without a newline, as raw servers do.
    pub(crate) fn send(&mut self, text: &str) {
        self.0.get_mut().write_all(text.as_bytes()).expect("the client listens");
    }

    /// Receives these lines and sends them back.
    pub(crate) fn echo(&mut self, lines: &[String]) {
        for line in lines {
            assert_eq!(self.hear().as_ref(), Some(line));
            self.say(line);
        }
    }

    /// Closes with a reset, like a process that was killed.
    pub(crate) fn reset(self) {
        SockRef::from(self.0.get_ref()).set_linger(Some(Duration::ZERO)).unwrap();
    }
}

/// The one line that says why a client failed.
pub(crate) fn failure(process: &mut Process) -> String {
    process.exits(1);
    let said = process.err.lines();
    let error = said.last().expect("it says why");
    assert!(error.starts_with("tcp-chat: "), "{said:?}");
    error.clone()
}
