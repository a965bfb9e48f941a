//! Makes messages of the bytes that a client sends: finds their ends, sanitizes them, and refuses those
//! that are too long.
//!
//! It stands between a socket and the room, and knows neither.

use std::net::SocketAddr;
use std::sync::Once;

use super::endpoint::ClientPolicy;
use super::template::Template;
use crate::protocol::{
    self, Batch, Chunks, Found, Framing, Lines, NOBODY, Name, PeerId, RAW_MESSAGE,
};

/// Turns the bytes of one client into messages.
#[derive(Debug)]
pub struct Inbound<'a> {
    policy: &'a ClientPolicy,
    speaker: PeerId,
    address: SocketAddr,
    decoder: Decoder,
    prefix: String,
    /// The next message is the client's name.
    awaits_name: bool,
}

#[derive(Debug)]
enum Decoder {
    Lines(Lines, Newlines),
    Raw(Chunks),
}

impl<'a> Inbound<'a> {
    /// For the messages of `speaker` at `address`. Adds the greeting to `batch`.
    pub fn new(
        policy: &'a ClientPolicy,
        speaker: PeerId,
        address: SocketAddr,
        batch: &mut Batch,
    ) -> Self {
        let decoder = match policy.framing {
            Framing::Lines => Decoder::Lines(Lines::new(policy.max_line), Newlines::default()),
            Framing::Raw => Decoder::Raw(Chunks::default()),
        };
        let awaits_name = policy.name_first.is_some();
        let prefix = String::new();
        let mut inbound = Self { policy, speaker, address, decoder, prefix, awaits_name };
        if !awaits_name {
            inbound.begin("", batch);
        }
        inbound
    }

    /// Greets the client, and fills in the text in front of its messages.
    fn begin(&mut self, name: &str, batch: &mut Batch) {
        let fill = |template: &Template| template.fill(self.speaker, self.address, name);
        if let Some(greeting) = &self.policy.greet {
            batch.tell(self.speaker, &fill(greeting));
        }
        self.prefix = self.policy.prefix.as_ref().map(fill).unwrap_or_default();
    }

    /// Takes the bytes of one read, or the end of the stream if there are none. Each message that
    /// they complete is added to `batch`, and `each` is called after it.
    pub fn take(&mut self, bytes: &[u8], batch: &mut Batch, mut each: impl FnMut(&mut Batch)) {
        let speaker = self.speaker;
        match &mut self.decoder {
            Decoder::Lines(lines, newlines) => {
                newlines.look_for(bytes, self.address);
                let (prefix, max_line) = (&self.prefix, self.policy.max_line);
                let found = |found: Found| {
                    match found {
                        Found::Line(line) => batch.say(speaker, |text| {
                            text.extend_from_slice(prefix.as_bytes());
                            protocol::sanitize(line, text);
                        }),
                        Found::TooLong => batch.tell(speaker, &protocol::refusal(max_line)),
                    }
                    each(batch);
                };
                if bytes.is_empty() { lines.finish(found) } else { lines.feed(bytes, found) }
            }
            Decoder::Raw(chunks) => {
                let mut messages: Vec<Vec<u8>> =
                    bytes.chunks(RAW_MESSAGE).filter_map(|bytes| chunks.feed(bytes)).collect();
                if bytes.is_empty() {
                    messages.extend(chunks.finish());
                }
                for message in messages {
                    if std::mem::take(&mut self.awaits_name) {
                        let name = announced_name(&message);
                        if !name.is_empty() {
                            let port = self.address.port();
                            batch.tell(NOBODY, &format!("Client @PORT #{port} is {name}"));
                        }
                        self.begin(&name, batch);
                    } else {
                        batch.say_raw(speaker, |text| {
                            text.extend_from_slice(self.prefix.as_bytes());
                            protocol::sanitize_raw(&message, text);
                        });
                    }
                    each(batch);
                }
            }
        }
    }
}

/// The name that a raw client sends first, without a newline, and cut to the length of a name.
fn announced_name(message: &[u8]) -> String {
    Name::cut(protocol::sanitized(message.trim_ascii()).trim())
}

/// Whether a client sends newlines at all: programs for the course assignment do not.
#[derive(Debug, Default)]
struct Newlines {
    seen: bool,
    reads: usize,
}

impl Newlines {
    /// Gives a hint when the first two reads of a client have no newline, once in the life of the
    /// process.
    fn look_for(&mut self, bytes: &[u8], address: SocketAddr) {
        static HINT: Once = Once::new();
        self.seen |= memchr::memchr(b'\n', bytes).is_some();
        self.reads += 1;
        if !self.seen && !bytes.is_empty() && self.reads == 2 {
            HINT.call_once(|| {
                log::warn!(
                    "Client @PORT #{} sends no newline, so nothing of it is shown; \
                     for programs without newlines, start the server with --framing raw",
                    address.port()
                );
            });
        }
    }
}
