//! WebSocket (RFC 6455). The server publishes to everyone each message that it receives.

use std::io::{self, Write};
use std::net::TcpStream;

use super::{Frame, Protocol, framed, malformed, read_until};

const UPGRADE: &[u8] = b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\n\
    Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
    Sec-WebSocket-Version: 13\r\n\r\n";
/// A whole message of bytes.
const BINARY: u8 = 0x82;
const MASKED: u8 = 0x80;
const IN_TWO_BYTES: u8 = 126;
const IN_EIGHT_BYTES: u8 = 127;

pub(crate) struct WebSocket;

impl Protocol for WebSocket {
    fn join(mut receiving: &TcpStream, _: &TcpStream) -> io::Result<()> {
        receiving.write_all(UPGRADE)?;
        let reply = read_until(receiving, b"\r\n\r\n")?;
        if reply.starts_with(b"HTTP/1.1 101 ") { Ok(()) } else { Err(malformed("a WebSocket")) }
    }

    fn pack(message: &[u8], out: &mut Vec<u8>) {
        out.push(BINARY);
        match (u8::try_from(message.len()), u16::try_from(message.len())) {
            (Ok(length), _) if length < IN_TWO_BYTES => out.push(MASKED | length),
            (_, Ok(length)) => {
                out.push(MASKED | IN_TWO_BYTES);
                out.extend(length.to_be_bytes());
            }
            _ => unreachable!("the longest message has a thousand bytes"),
        }
        // With this mask, a masked message is the message.
        out.extend([0; 4]);
        out.extend_from_slice(message);
    }

    fn first_frame(bytes: &[u8]) -> io::Result<Option<Frame<'_>>> {
        let &[kind, length, ref rest @ ..] = bytes else { return Ok(None) };
        let frame = match length {
            IN_TWO_BYTES => rest
                .first_chunk()
                .and_then(|length| framed(bytes, 4, u16::from_be_bytes(*length).into(), 0)),
            IN_EIGHT_BYTES.. => return Err(malformed("an unmasked frame of the expected length")),
            _ => framed(bytes, 2, length.into(), 0),
        };
        Ok(frame.map(|frame| match kind {
            BINARY => frame,
            _ => Frame { message: &[], ..frame },
        }))
    }
}
