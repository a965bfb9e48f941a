//! What goes over the wire: framing, limits, repair, and the few sentences the server says.
//!
//! TCP carries bytes, not messages: what one side sends in one call may arrive in three reads, or
//! three calls in one. So somebody must say where a message ends. [`Lines`] ends it with a newline;
//! [`Chunks`] does what the course assignment does, and takes each read for a message.
//!
//! A leaf: no sockets, no threads, nothing shared.

use std::net::SocketAddr;

/// The longest line a server accepts unless told otherwise, in bytes without the newline.
pub const MAX_LINE: usize = 1024;

/// The most one raw message carries, in bytes: the `recv(1024)` of the assignment's programs.
pub const RAW_MESSAGE: usize = 1024;

/// How messages are told apart on a connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Framing {
    /// One message is one line, ended by `\n`
    #[default]
    Lines,
    /// No delimiter: what one read returns is one message, as in the course assignment
    Raw,
}

/// Cuts a stream of bytes into lines, however the bytes were split on their way.
///
/// Holds at most one line of `max` bytes, whatever the other side sends.
#[derive(Debug)]
pub struct Lines {
    max: usize,
    /// The beginning of a line whose end has not come yet.
    partial: Vec<u8>,
    /// The line being read was refused: nothing of it counts until its newline.
    skipping: bool,
}

/// One line, as [`Lines`] found it.
#[derive(Debug, PartialEq, Eq)]
pub enum Found<'a> {
    /// A line without its newline, never empty, not repaired yet.
    Line(&'a [u8]),
    /// A line over the limit; the rest of it is skipped.
    TooLong,
}

impl Lines {
    /// A cutter for lines of at most `max` bytes.
    pub fn new(max: usize) -> Self {
        Self { max, partial: Vec::new(), skipping: false }
    }

    /// Takes the bytes of one read and reports each line that they complete.
    pub fn feed(&mut self, mut bytes: &[u8], mut found: impl FnMut(Found)) {
        while let Some(end) = memchr::memchr(b'\n', bytes) {
            let (head, rest) = (&bytes[..end], &bytes[end + 1..]);
            if self.skipping {
                self.skipping = false;
            } else if self.partial.is_empty() {
                self.report(head, &mut found);
            } else {
                let mut line = std::mem::take(&mut self.partial);
                line.extend_from_slice(head);
                self.report(&line, &mut found);
            }
            bytes = rest;
        }
        if self.skipping {
            return;
        }
        // One byte over the limit may still turn out to be the `\r` of a `\r\n`.
        let room = (self.max + 2).saturating_sub(self.partial.len());
        self.partial.extend_from_slice(&bytes[..bytes.len().min(room)]);
        if without_cr(&self.partial).len() > self.max {
            self.partial = Vec::new();
            self.skipping = true;
            found(Found::TooLong);
        }
    }

    /// Takes the end of the stream: what came after the last newline is a line as well.
    pub fn finish(&mut self, mut found: impl FnMut(Found)) {
        let line = std::mem::take(&mut self.partial);
        self.report(&line, &mut found);
    }

    fn report(&self, line: &[u8], found: &mut impl FnMut(Found)) {
        let line = without_cr(line);
        if line.len() > self.max {
            found(Found::TooLong);
        } else if !line.is_empty() {
            found(Found::Line(line));
        }
    }
}

fn without_cr(line: &[u8]) -> &[u8] {
    line.strip_suffix(b"\r").unwrap_or(line)
}

/// Takes each read for a message, and joins a character that was split across two reads.
#[derive(Debug, Default)]
pub struct Chunks {
    /// The first bytes of a character whose last ones have not come yet: three at most.
    split: Vec<u8>,
}

impl Chunks {
    /// Takes the bytes of one read and returns the message they make: whole characters, or
    /// nothing if all there is so far is the beginning of one.
    pub fn feed(&mut self, bytes: &[u8]) -> Option<Vec<u8>> {
        let mut message = std::mem::take(&mut self.split);
        message.extend_from_slice(bytes);
        self.split = message.split_off(message.len() - unfinished(&message));
        (!message.is_empty()).then_some(message)
    }

    /// Takes the end of the stream: a character that never became whole is all that can be left.
    pub fn finish(&mut self) -> Option<Vec<u8>> {
        (!self.split.is_empty()).then(|| std::mem::take(&mut self.split))
    }
}

/// How many bytes at the end are the valid beginning of a longer character.
fn unfinished(bytes: &[u8]) -> usize {
    let last = bytes.utf8_chunks().last().map_or(&[][..], |chunk| chunk.invalid());
    match std::str::from_utf8(last) {
        Err(error) if error.error_len().is_none() => last.len(),
        _ => 0,
    }
}

/// Cuts repaired text into messages of at most `max` bytes, never through a character.
pub fn pieces(text: &[u8], max: usize) -> impl Iterator<Item = &[u8]> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let mut end = rest.len().min(max);
        while end < rest.len() && end > 0 && is_continuation(rest[end]) {
            end -= 1;
        }
        let (piece, tail) = rest.split_at(end);
        rest = tail;
        (!piece.is_empty()).then_some(piece)
    })
}

fn is_continuation(byte: u8) -> bool {
    byte & 0b1100_0000 == 0b1000_0000
}

/// Appends `bytes` to `out` as text that is safe to show: valid UTF-8 in which nothing but a tab
/// can move a cursor, and nothing can reverse the order of what is read.
///
/// Invalid UTF-8, C1 controls and bidirectional overrides become U+FFFD; C0 controls and DEL
/// become their pictures (ESC is shown as `␛`). One byte becomes three at the most. What is
/// repaired already comes out as it went in.
pub fn repair(bytes: &[u8], out: &mut Vec<u8>) {
    repair_keeping(bytes, out, |_| false);
}

/// [`repair`] for raw messages, which may be several lines of text: newlines stay.
pub fn repair_raw(bytes: &[u8], out: &mut Vec<u8>) {
    repair_keeping(bytes, out, |character| character == '\n');
}

/// [`repair`] into a string of its own.
pub fn repaired(bytes: &[u8]) -> String {
    into_string(bytes, repair)
}

/// [`repair_raw`] into a string of its own.
pub fn repaired_raw(bytes: &[u8]) -> String {
    into_string(bytes, repair_raw)
}

fn into_string(bytes: &[u8], repair: fn(&[u8], &mut Vec<u8>)) -> String {
    let mut text = Vec::with_capacity(bytes.len());
    repair(bytes, &mut text);
    String::from_utf8_lossy(&text).into_owned()
}

fn repair_keeping(bytes: &[u8], out: &mut Vec<u8>, keep: impl Fn(char) -> bool) {
    if bytes.iter().all(|&byte| matches!(byte, b' '..=b'~' | b'\t')) {
        return out.extend_from_slice(bytes);
    }
    let mut utf8 = [0; 4];
    for chunk in bytes.utf8_chunks() {
        for character in chunk.valid().chars() {
            let shown = if keep(character) { character } else { visible(character) };
            out.extend_from_slice(shown.encode_utf8(&mut utf8).as_bytes());
        }
        if !chunk.invalid().is_empty() {
            out.extend_from_slice("\u{FFFD}".as_bytes());
        }
    }
}

fn visible(character: char) -> char {
    match character {
        '\t' => '\t',
        // The "control pictures" block of Unicode stands in the order of the controls.
        '\0'..='\x1f' => char::from_u32(0x2400 + u32::from(character)).unwrap_or('\u{FFFD}'),
        '\x7f' => '\u{2421}',
        '\u{80}'..='\u{9f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => '\u{FFFD}',
        other => other,
    }
}

/// What the server says to everyone when it stops.
pub fn offline(port: u16) -> String {
    format!("Server @PORT #{port} Offline...")
}

/// Whether `line` is what a server says when it stops; its port may be that of its
/// other address.
pub fn is_offline(line: &str) -> bool {
    let port =
        line.strip_prefix("Server @PORT #").and_then(|rest| rest.strip_suffix(" Offline..."));
    port.is_some_and(|port| port.parse::<u16>().is_ok())
}

/// What the server's history shows when a client has not taken everything.
pub fn fell_behind(address: SocketAddr) -> String {
    format!("Client @PORT #{} Is Behind!", address.port())
}

/// What the server's history shows when such a client has everything again.
pub fn caught_up(address: SocketAddr) -> String {
    format!("Client @PORT #{} Has Caught Up!", address.port())
}

/// What the server's history shows when a client came.
pub fn connected(address: SocketAddr) -> String {
    format!("Client @PORT #{} Has Connected!", address.port())
}

/// What the server's history shows when a client went, and why.
pub fn disconnected(address: SocketAddr, reason: &str) -> String {
    format!("Client @PORT #{} Has Disconnected! ({reason})", address.port())
}

/// What the server tells the sender of a line over its limit.
pub fn refusal(max: usize) -> String {
    format!("* Line refused: a line may have at most {max} bytes, yours had more")
}

/// The limit that a [`refusal`] names, if `line` is one.
pub fn refused_over(line: &str) -> Option<usize> {
    let rest = line.strip_prefix("* Line refused: a line may have at most ")?;
    rest.split(' ').next()?.parse().ok()
}

/// What the server tells a client for which there is no place.
pub fn full(max: usize) -> String {
    format!("* Server full: {max} clients are connected, try again later")
}

/// Whether `line` says that there was no place for us.
pub fn is_full(line: &str) -> bool {
    line.starts_with("* Server full: ")
}

/// What the server's history begins with.
pub fn online(port: u16) -> String {
    format!("Server @PORT #{port} Online...")
}
