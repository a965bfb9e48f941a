//! Framing: where a message ends.
//!
//! TCP carries bytes, not messages. One `send` may arrive in three reads, and three sends in one
//! read. [`Lines`] ends a message with a newline. [`Chunks`] does as the course assignment does, and
//! takes each read for a message.

/// Cuts a stream of bytes into lines, however the bytes were split on their way.
///
/// Holds at most one line of `max` bytes, whatever the other side sends.
#[derive(Debug)]
pub struct Lines {
    max: usize,
    /// The beginning of a line. Its end has not arrived yet.
    partial: Vec<u8>,
    /// The present line is too long: everything up to its newline is skipped.
    skipping: bool,
}

/// One line that [`Lines`] has found.
#[derive(Debug, PartialEq, Eq)]
pub enum Found<'a> {
    /// A line without its newline. It is not empty, and not sanitized.
    Line(&'a [u8]),
    /// A line over the limit; the rest of it is skipped.
    TooLong,
}

impl Lines {
    /// A cutter for lines of at most `max` bytes.
    pub fn new(max: usize) -> Self {
        Self { max, partial: Vec::new(), skipping: false }
    }

    /// Takes the bytes of one read, and reports each line that they complete.
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

    /// Takes the end of the stream. The bytes after the last newline are a line as well.
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

/// Makes a message of each read, and joins a character that was split across two reads.
#[derive(Debug, Default)]
pub struct Chunks {
    /// The first bytes of a character, three at most. The rest has not arrived yet.
    split: Vec<u8>,
}

impl Chunks {
    /// Takes the bytes of one read, and returns a message of whole characters. Returns nothing if the
    /// bytes are only the beginning of a character.
    pub fn feed(&mut self, bytes: &[u8]) -> Option<Vec<u8>> {
        let mut message = std::mem::take(&mut self.split);
        message.extend_from_slice(bytes);
        self.split = message.split_off(message.len() - unfinished(&message));
        (!message.is_empty()).then_some(message)
    }

    /// Takes the end of the stream. Only an unfinished character can be left.
    pub fn finish(&mut self) -> Option<Vec<u8>> {
        (!self.split.is_empty()).then(|| std::mem::take(&mut self.split))
    }
}

/// How many bytes at the end are the beginning of a longer character.
fn unfinished(bytes: &[u8]) -> usize {
    let last = bytes.utf8_chunks().last().map_or(&[][..], |chunk| chunk.invalid());
    match std::str::from_utf8(last) {
        Err(error) if error.error_len().is_none() => last.len(),
        _ => 0,
    }
}
