//! MQTT 3.1.1 (<https://docs.oasis-open.org/mqtt/mqtt/v3.1.1/mqtt-v3.1.1.html>), at most once
//! (QoS 0): every client subscribes to one topic and publishes to it.

use std::io::{self, Write};
use std::net::TcpStream;

use super::{Frame, Protocol, expect, framed, malformed};

/// Clean session, no keepalive, and the server chooses the client's name.
const CONNECT: &[u8] = b"\x10\x0c\0\x04MQTT\x04\x02\0\0\0\0";
const CONNECTED: &[u8] = b"\x20\x02\0\0";
const SUBSCRIBE: &[u8] = b"\x82\x09\0\x01\0\x04room\0";
const SUBSCRIBED: &[u8] = b"\x90\x03\0\x01\0";
const PUBLISH: u8 = 0x30;
const TOPIC: &[u8] = b"\0\x04room";

pub(crate) struct Mqtt;

impl Protocol for Mqtt {
    fn join(mut receiving: &TcpStream, _: &TcpStream) -> io::Result<()> {
        receiving.write_all(CONNECT)?;
        expect(receiving, CONNECTED, "an MQTT server")?;
        receiving.write_all(SUBSCRIBE)?;
        expect(receiving, SUBSCRIBED, "an MQTT server")
    }

    fn pack(message: &[u8], out: &mut Vec<u8>) {
        out.push(PUBLISH);
        let mut rest = TOPIC.len() + message.len();
        // Seven bits at a time, the lowest first. The top bit says that more follow.
        while rest > 0x7f {
            out.push(0x80 | rest.to_le_bytes()[0]);
            rest >>= 7;
        }
        out.push(rest.to_le_bytes()[0]);
        out.extend_from_slice(TOPIC);
        out.extend_from_slice(message);
    }

    fn first_frame(bytes: &[u8]) -> io::Result<Option<Frame<'_>>> {
        let (mut length, mut head) = (0, 1);
        loop {
            let Some(&byte) = bytes.get(head) else { return Ok(None) };
            length |= usize::from(byte & 0x7f) << (7 * (head - 1));
            head += 1;
            if byte & 0x80 == 0 {
                break;
            }
            if head > 4 {
                return Err(malformed("a length of MQTT"));
            }
        }
        let Some(frame) = framed(bytes, head, length, 0) else { return Ok(None) };
        let message = match bytes[0] {
            PUBLISH => frame
                .message
                .strip_prefix(TOPIC)
                .ok_or_else(|| malformed("a message of this topic"))?,
            _ => &[],
        };
        Ok(Some(Frame { message, ..frame }))
    }
}
