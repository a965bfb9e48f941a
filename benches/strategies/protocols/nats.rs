//! The client protocol of NATS (<https://docs.nats.io/reference/reference-protocols/nats-protocol>):
//! every client subscribes to one subject and publishes to it.

use std::io::{self, Write};
use std::net::TcpStream;

use super::{Frame, Protocol, decimal, framed, malformed, read_until};

const JOIN: &[u8] = b"CONNECT {\"verbose\":false,\"pedantic\":false}\r\nSUB room 1\r\nPING\r\n";
/// The length and the message follow.
const PUBLISH: &[u8] = b"PUB room ";
const PUSH: &[u8] = b"MSG room 1 ";

pub(crate) struct Nats;

impl Protocol for Nats {
    fn join(mut receiving: &TcpStream, _: &TcpStream) -> io::Result<()> {
        receiving.write_all(JOIN)?;
        read_until(receiving, b"PONG\r\n").map(drop)
    }

    fn pack(message: &[u8], out: &mut Vec<u8>) {
        out.extend_from_slice(PUBLISH);
        write!(out, "{}\r\n", message.len()).expect("memory takes all");
        out.extend_from_slice(message);
        out.extend_from_slice(b"\r\n");
    }

    fn first_frame(bytes: &[u8]) -> io::Result<Option<Frame<'_>>> {
        let Some(end) = bytes.iter().position(|&byte| byte == b'\n') else { return Ok(None) };
        let head = end + 1;
        let Some(rest) = bytes.strip_prefix(PUSH) else {
            // A PING. The server waits minutes for an answer, and no run takes that long.
            return if bytes.starts_with(b"-") {
                Err(malformed("a message of NATS"))
            } else {
                Ok(Some(Frame { length: head, message: &[] }))
            };
        };
        let digits = rest.get(..head - PUSH.len() - 2).unwrap_or_default();
        let length = decimal(digits).ok_or_else(|| malformed("a length of NATS"))?;
        Ok(framed(bytes, head, length, 2))
    }
}
