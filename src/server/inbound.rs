//! Makes messages of the bytes that a client sends: finds their ends, sanitizes them, and refuses those
//! that are too long.
//!
//! It stands between a socket and the room, and knows neither.

use std::net::SocketAddr;
use std::sync::Once;

use super::endpoint::ClientPolicy;
use super::template::Template;
use crate::protocol::{
    self, Batch, Chunks, Found, Framing, Lines, MAX_NAME, NOBODY, PeerId, RAW_MESSAGE,
};

/// Turns the bytes of one client into messages.
#[derive(Debug)]
pub struct Inbound<'a> {
    policy: &'a ClientPolicy,
    speaker: PeerId,
    address: SocketAddr,
    /// Of these two, one is used: that of the framing.
    lines: Lines,
    chunks: Chunks,
    /// The text in front of each message. Nothing, while the next message is the client's name.
    prefix: Option<String>,
    /// How often the client was read from, and whether a newline was there.
    reads: u64,
    has_newline: bool,
}

impl<'a> Inbound<'a> {
    /// For the messages of `speaker` at `address`. Adds the greeting to `batch`.
    pub fn new(
        policy: &'a ClientPolicy,
        speaker: PeerId,
        address: SocketAddr,
        batch: &mut Batch,
    ) -> Self {
        let mut inbound = Self {
            policy,
            speaker,
            address,
            lines: Lines::new(policy.max_line),
            chunks: Chunks::default(),
            prefix: None,
            reads: 0,
            has_newline: false,
        };
        if policy.name_first.is_none() {
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
        self.prefix = Some(self.policy.prefix.as_ref().map(fill).unwrap_or_default());
    }

    /// Takes the bytes of one read, or the end of the stream if there are none. Each message that
    /// they complete is added to `batch`, and `each` is called after it.
    pub fn take(&mut self, bytes: &[u8], batch: &mut Batch, mut each: impl FnMut(&mut Batch)) {
        let (speaker, framing) = (self.speaker, self.policy.framing);
        match framing {
            Framing::Lines => {
                self.look_for_newline(bytes);
                let prefix = self.prefix.as_deref().unwrap_or_default();
                let max_line = self.policy.max_line;
                let found = |found: Found| {
                    match found {
                        Found::Line(line) => batch.say(speaker, |text| {
                            text.extend_from_slice(prefix.as_bytes());
                            protocol::sanitize(line, framing, text);
                        }),
                        Found::TooLong => batch.tell(speaker, &protocol::refusal(max_line)),
                    }
                    each(batch);
                };
                let lines = &mut self.lines;
                if bytes.is_empty() { lines.finish(found) } else { lines.feed(bytes, found) }
            }
            Framing::Raw => {
                let parts = bytes.chunks(RAW_MESSAGE);
                let mut messages: Vec<_> =
                    parts.filter_map(|part| self.chunks.feed(part)).collect();
                if bytes.is_empty() {
                    messages.extend(self.chunks.finish());
                }
                for message in messages {
                    if let Some(prefix) = &self.prefix {
                        batch.say_raw(speaker, |text| {
                            text.extend_from_slice(prefix.as_bytes());
                            protocol::sanitize(&message, framing, text);
                        });
                    } else {
                        let name = announced_name(&message);
                        if !name.is_empty() {
                            let port = self.address.port();
                            batch.tell(NOBODY, &format!("Client @PORT #{port} is {name}"));
                        }
                        self.begin(&name, batch);
                    }
                    each(batch);
                }
            }
        }
    }

    /// Gives a hint if the first two reads of a client have no newline, once in the life of the process:
    /// programs for the course assignment send none.
    fn look_for_newline(&mut self, bytes: &[u8]) {
        static HINT: Once = Once::new();
        self.reads += 1;
        self.has_newline = self.has_newline || memchr::memchr(b'\n', bytes).is_some();
        if self.reads == 2 && !self.has_newline && !bytes.is_empty() {
            HINT.call_once(|| {
                log::warn!(
                    "Client @PORT #{} sends no newline, so nothing of it is shown; \
                     for programs without newlines, start the server with --framing raw",
                    self.address.port()
                );
            });
        }
    }
}

/// The name that a raw client sends first, without a newline, and no longer than a name.
fn announced_name(message: &[u8]) -> String {
    protocol::sanitized(message.trim_ascii()).trim().chars().take(MAX_NAME).collect()
}
