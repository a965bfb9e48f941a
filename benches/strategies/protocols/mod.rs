//! How a message travels: each protocol has a file of its own, which joins a room, packs a message
//! and finds whole messages in what has arrived.

pub(crate) mod lines;
pub(crate) mod mqtt;
pub(crate) mod nats;
pub(crate) mod redis;
pub(crate) mod websocket;
pub(crate) mod zmtp;

use std::io::{self, ErrorKind, Read};
use std::net::TcpStream;

/// One protocol. Its functions are called for each message, so they must be cheap.
pub(crate) trait Protocol {
    /// Whether a client publishes through a second connection.
    const TWO_CONNECTIONS: bool = false;

    /// Joins the room, and returns when the server must send this client all later messages. The
    /// connections are the same if the protocol needs only one.
    fn join(receiving: &TcpStream, publishing: &TcpStream) -> io::Result<()>;

    /// Appends a message in the form in which a client sends it.
    fn pack(message: &[u8], out: &mut Vec<u8>);

    /// The first frame in `bytes`. None if it is not complete.
    fn first_frame(bytes: &[u8]) -> io::Result<Option<Frame<'_>>>;
}

/// A whole frame that a server has sent.
pub(crate) struct Frame<'a> {
    /// The length of all of it, in bytes.
    pub(crate) length: usize,
    /// The message in it. It is empty in frames that carry none.
    pub(crate) message: &'a [u8],
}

/// A frame with a message between `head` bytes before it and `tail` bytes after it. None if `bytes`
/// ends before it does.
fn framed(bytes: &[u8], head: usize, message: usize, tail: usize) -> Option<Frame<'_>> {
    let length = head + message + tail;
    (bytes.len() >= length).then(|| Frame { length, message: &bytes[head..][..message] })
}

fn malformed(what: &str) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, format!("this is not {what}"))
}

/// Reads exactly `expected`.
fn expect(mut socket: &TcpStream, expected: &[u8], what: &str) -> io::Result<()> {
    let mut reply = vec![0; expected.len()];
    socket.read_exact(&mut reply)?;
    if reply == expected { Ok(()) } else { Err(malformed(what)) }
}

/// Reads up to and including `end`, one byte at a time, because the next byte may belong to a
/// message.
fn read_until(mut socket: &TcpStream, end: &[u8]) -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    while !text.ends_with(end) {
        let mut byte = [0];
        socket.read_exact(&mut byte)?;
        text.extend(byte);
    }
    Ok(text)
}

/// A number in decimal digits.
fn decimal(digits: &[u8]) -> Option<usize> {
    digits.iter().try_fold(0_usize, |number, &digit| {
        let value = digit.checked_sub(b'0').filter(|value| *value < 10)?;
        number.checked_mul(10)?.checked_add(value.into())
    })
}
