//! What a client says, made out of the bytes that it sends: cut by one framing or the other,
//! repaired, and refused if it is too long.
//!
//! Between a socket and the room, and knows neither.

use crate::batch::{Batch, PeerId};
use crate::wire::{self, Chunks, Found, Framing, Lines, RAW_MESSAGE};

/// The ear of a client's thread.
#[derive(Debug)]
pub struct Hearing {
    speaker: PeerId,
    decoder: Decoder,
    max_line: usize,
    prefix: String,
}

#[derive(Debug)]
enum Decoder {
    Lines(Lines),
    Raw(Chunks),
}

impl Hearing {
    /// Hears `speaker`, whose messages get `prefix` in front of them. Lines have at most `max_line`
    /// bytes; raw messages are short anyway.
    pub fn new(speaker: PeerId, framing: Framing, max_line: usize, prefix: String) -> Self {
        let decoder = match framing {
            Framing::Lines => Decoder::Lines(Lines::new(max_line)),
            Framing::Raw => Decoder::Raw(Chunks::default()),
        };
        Self { speaker, decoder, max_line, prefix }
    }

    /// Takes the bytes of one read, or the end of the stream if there are none. Each message that
    /// they complete is added to `heard`, and `said` is called after it.
    pub fn hear(&mut self, bytes: &[u8], heard: &mut Batch, mut said: impl FnMut(&mut Batch)) {
        let Self { speaker, decoder, max_line, prefix } = self;
        match decoder {
            Decoder::Lines(lines) => {
                let found = |found: Found| {
                    match found {
                        Found::Line(line) => heard.say(*speaker, |text| {
                            text.extend_from_slice(prefix.as_bytes());
                            wire::repair(line, text);
                        }),
                        Found::TooLong => heard.tell(*speaker, &wire::refusal(*max_line)),
                    }
                    said(heard);
                };
                if bytes.is_empty() { lines.finish(found) } else { lines.feed(bytes, found) }
            }
            Decoder::Raw(chunks) => {
                let mut say = |message: Vec<u8>| {
                    heard.say(*speaker, |text| {
                        text.extend_from_slice(prefix.as_bytes());
                        wire::repair_raw(&message, text);
                    });
                    said(heard);
                };
                if bytes.is_empty() {
                    chunks.finish().map(&mut say);
                }
                bytes.chunks(RAW_MESSAGE).filter_map(|bytes| chunks.feed(bytes)).for_each(say);
            }
        }
    }
}
