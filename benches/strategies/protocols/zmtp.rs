//! ZMTP 3.0, the protocol of ZeroMQ (<https://rfc.zeromq.org/spec/23/>): every client has a PUB
//! connection to the proxy's XSUB socket, and a SUB connection to its XPUB socket.

use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use super::{Frame, Protocol, framed, malformed};

/// Flags of a frame.
const LONG: u8 = 2;
const COMMAND: u8 = 4;
const SUBSCRIBE_TO_ALL: &[u8] = &[0, 1, 1];
/// A subscription travels through the proxy, and nobody confirms it. So a client says this until it
/// hears it.
const PROBE: &[u8] = b"Do I hear myself?";
const PROBE_AGAIN: Duration = Duration::from_millis(50);

pub(crate) struct Zmtp;

impl Protocol for Zmtp {
    const TWO_CONNECTIONS: bool = true;

    fn join(mut receiving: &TcpStream, mut publishing: &TcpStream) -> io::Result<()> {
        shake_hands(receiving, *b"SUB")?;
        shake_hands(publishing, *b"PUB")?;
        receiving.write_all(SUBSCRIBE_TO_ALL)?;
        let timeout = receiving.read_timeout()?;
        let mut probe = Vec::new();
        Self::pack(PROBE, &mut probe);
        receiving.set_read_timeout(Some(PROBE_AGAIN))?;
        loop {
            publishing.write_all(&probe)?;
            let mut first = vec![0; probe.len()];
            match receiving.read_exact(&mut first) {
                Ok(()) => break receiving.set_read_timeout(timeout),
                Err(e) if e.kind() == ErrorKind::WouldBlock => {}
                Err(e) => return Err(e),
            }
        }
    }

    fn pack(message: &[u8], out: &mut Vec<u8>) {
        if let Ok(length) = u8::try_from(message.len()) {
            out.extend([0, length]);
        } else {
            out.push(LONG);
            out.extend((message.len() as u64).to_be_bytes());
        }
        out.extend_from_slice(message);
    }

    fn first_frame(bytes: &[u8]) -> io::Result<Option<Frame<'_>>> {
        let Some((&flags, rest)) = bytes.split_first() else { return Ok(None) };
        if flags & LONG == 0 {
            let short = rest.first().and_then(|&length| framed(bytes, 2, length.into(), 0));
            return Ok(short);
        }
        let Some(length) = rest.first_chunk() else { return Ok(None) };
        let length = usize::try_from(u64::from_be_bytes(*length));
        Ok(framed(bytes, 9, length.map_err(|_| malformed("a length of ZeroMQ"))?, 0))
    }
}

/// Exchanges greetings and the commands READY. Mechanism: NULL.
fn shake_hands(mut socket: &TcpStream, socket_type: [u8; 3]) -> io::Result<()> {
    let mut greeting = [0; 64];
    greeting[0] = 0xff;
    greeting[9] = 0x7f;
    greeting[10] = 3;
    greeting[12..16].copy_from_slice(b"NULL");
    socket.write_all(&greeting)?;
    socket.read_exact(&mut greeting)?;

    let mut ready = b"\x05READY\x0bSocket-Type\0\0\0\x03".to_vec();
    ready.extend(socket_type);
    let length = u8::try_from(ready.len()).expect("READY is short");
    socket.write_all(&[&[COMMAND, length], &*ready].concat())?;
    let mut head = [0; 2];
    socket.read_exact(&mut head)?;
    let mut reply = vec![0; head[1].into()];
    socket.read_exact(&mut reply)?;
    if reply.starts_with(b"\x05READY") { Ok(()) } else { Err(malformed("ZeroMQ")) }
}
