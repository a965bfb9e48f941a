//! A plain socket as a client. It uses nothing of the library that it tests.

use std::io::{self, BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

use socket2::SockRef;

use super::PATIENCE;

/// How a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    Closed,
    Reset,
}

/// One connection to a server.
pub(crate) struct Peer {
    stream: BufReader<TcpStream>,
    port: u16,
}

impl Peer {
    pub(crate) fn connect(address: SocketAddr) -> Self {
        Self::try_connect(address).expect("the server answers")
    }

    pub(crate) fn try_connect(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect_timeout(&address, PATIENCE)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        let port = stream.local_addr()?.port();
        Ok(Self { stream: BufReader::with_capacity(64 * 1024, stream), port })
    }

    /// The port of this side. The server's event log names the peer by it.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn stream(&self) -> &TcpStream {
        self.stream.get_ref()
    }

    /// A second handle, to write from another thread.
    pub(crate) fn writer(&self) -> TcpStream {
        self.stream().try_clone().expect("a socket can be cloned")
    }

    /// Sends bytes as they are.
    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream().write_all(bytes.as_ref()).expect("the server takes the bytes");
    }

    /// Sends bytes, for a peer that the server may drop meanwhile.
    pub(crate) fn try_send(&mut self, bytes: impl AsRef<[u8]>) -> io::Result<()> {
        self.stream().write_all(bytes.as_ref())
    }

    /// Sends a line.
    pub(crate) fn say(&mut self, line: &str) {
        self.send(format!("{line}\n"));
    }

    /// The next line, or how the connection ended.
    pub(crate) fn next(&mut self) -> Result<String, Ending> {
        let mut line = Vec::new();
        match self.stream.read_until(b'\n', &mut line) {
            Ok(0) => return Err(Ending::Closed),
            Ok(_) => {}
            Err(error) if is_reset(&error) => return Err(Ending::Reset),
            Err(error) => panic!("nothing came from the server: {error}"),
        }
        assert_eq!(line.pop(), Some(b'\n'), "the last line is whole");
        Ok(String::from_utf8(line).expect("the server sends nothing but UTF-8"))
    }

    #[track_caller]
    pub(crate) fn line(&mut self) -> String {
        self.next().expect("the connection is open")
    }

    /// The next line must be this one.
    #[track_caller]
    pub(crate) fn expect(&mut self, line: &str) {
        assert_eq!(self.line(), line);
    }

    /// Skips lines until this one comes.
    #[track_caller]
    pub(crate) fn await_line(&mut self, line: &str) {
        while self.line() != line {}
    }

    /// Reads to the end. Returns the lines, and how the connection ended.
    pub(crate) fn rest(&mut self) -> (Vec<String>, Ending) {
        let mut lines = Vec::new();
        loop {
            match self.next() {
                Ok(line) => lines.push(line),
                Err(ending) => return (lines, ending),
            }
        }
    }

    /// The server must have closed the connection without sending more.
    pub(crate) fn expect_end(&mut self) {
        assert_eq!(self.rest(), (Vec::new(), Ending::Closed));
    }

    /// Exactly so many bytes.
    pub(crate) fn bytes(&mut self, count: usize) -> Vec<u8> {
        let mut bytes = vec![0; count];
        self.stream.read_exact(&mut bytes).expect("the server sends something");
        bytes
    }

    /// All bytes that have arrived so far. They are empty if no text is expected.
    pub(crate) fn pending(&mut self) -> Vec<u8> {
        let mut pending = self.stream.buffer().to_vec();
        self.stream.consume(pending.len());
        let stream = self.stream.get_mut();
        stream.set_nonblocking(true).unwrap();
        // At the end of the available bytes, the read returns an error.
        let _ = stream.read_to_end(&mut pending);
        stream.set_nonblocking(false).unwrap();
        pending
    }

    /// Ends sending, and still listens.
    pub(crate) fn finish(&mut self) {
        self.stream().shutdown(Shutdown::Write).expect("the connection is open");
    }

    /// Closes with a reset, like a process that was killed.
    pub(crate) fn reset(self) {
        SockRef::from(self.stream()).set_linger(Some(Duration::ZERO)).expect("a socket can linger");
    }

    /// Shrinks the receive buffer, so that it is soon full. Call this before any data arrives.
    pub(crate) fn shrink_window(&mut self) {
        SockRef::from(self.stream()).set_recv_buffer_size(4096).expect("a window can be small");
    }
}

fn is_reset(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::ConnectionReset | ErrorKind::BrokenPipe)
}
