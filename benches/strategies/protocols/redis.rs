//! RESP, the protocol of Redis (<https://redis.io/docs/latest/develop/reference/protocol-spec/>):
//! every client subscribes to one channel and publishes to it.

use std::io::{self, Write};
use std::net::TcpStream;

use super::{Frame, Protocol, decimal, expect, framed, malformed};

const SUBSCRIBE: &[u8] = b"*2\r\n$9\r\nSUBSCRIBE\r\n$4\r\nroom\r\n";
const SUBSCRIBED: &[u8] = b"*3\r\n$9\r\nsubscribe\r\n$4\r\nroom\r\n:1\r\n";
/// The length and the message follow.
const PUBLISH: &[u8] = b"*3\r\n$7\r\nPUBLISH\r\n$4\r\nroom\r\n$";
const PUSH: &[u8] = b"*3\r\n$7\r\nmessage\r\n$4\r\nroom\r\n$";

pub(crate) struct Redis;

impl Protocol for Redis {
    /// RESP2 allows a subscribed connection no PUBLISH.
    const TWO_CONNECTIONS: bool = true;

    fn join(mut receiving: &TcpStream, _: &TcpStream) -> io::Result<()> {
        receiving.write_all(SUBSCRIBE)?;
        expect(receiving, SUBSCRIBED, "Redis")
    }

    fn pack(message: &[u8], out: &mut Vec<u8>) {
        out.extend_from_slice(PUBLISH);
        write!(out, "{}\r\n", message.len()).expect("memory takes all");
        out.extend_from_slice(message);
        out.extend_from_slice(b"\r\n");
    }

    fn first_frame(bytes: &[u8]) -> io::Result<Option<Frame<'_>>> {
        if bytes.len() < PUSH.len() {
            return Ok(None);
        }
        let rest = bytes.strip_prefix(PUSH).ok_or_else(|| malformed("a message of Redis"))?;
        let Some(end) = rest.iter().position(|&byte| byte == b'\r') else { return Ok(None) };
        let length = decimal(&rest[..end]).ok_or_else(|| malformed("a length of Redis"))?;
        Ok(framed(bytes, PUSH.len() + end + 2, length, 2))
    }
}
