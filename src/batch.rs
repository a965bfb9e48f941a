//! A batch: what several peers said, one line after the other in one piece of memory, so that a
//! single `send` hands all of it to a socket.
//!
//! A leaf: plain data, nothing shared.

use std::ops::Range;

use crate::wire::{self, Framing};

/// Names a peer for as long as the server runs; never given twice.
pub type PeerId = u64;

/// Lines in the order in which they were said.
#[derive(Debug, Default)]
pub struct Batch {
    /// The lines, each with its newline.
    text: Vec<u8>,
    lines: Vec<Line>,
    /// Some line is for its speaker alone, so the text as a whole is for nobody.
    has_private: bool,
}

#[derive(Clone, Copy, Debug)]
struct Line {
    speaker: PeerId,
    private: bool,
    /// Where the message ends in the text: before the newline, unless that is part of it.
    message_end: usize,
    /// Where the next line begins.
    end: usize,
}

/// What one peer hears of a batch, and in which form.
#[derive(Clone, Copy, Debug)]
pub struct Ear {
    /// The listening peer.
    pub id: PeerId,
    /// Whether lines run on in one `send`, or each message has one of its own.
    pub framing: Framing,
    /// Whether the peer hears its own lines as well.
    pub echo: bool,
}

impl Batch {
    /// Adds what `speaker` says to everyone; `write` appends the repaired text.
    pub fn say(&mut self, speaker: PeerId, write: impl FnOnce(&mut Vec<u8>)) {
        self.push(speaker, false, write);
    }

    /// Adds what the server says to `listener` alone. It takes its place among the lines, so the
    /// listener knows which of its own came before.
    pub fn tell(&mut self, listener: PeerId, text: &str) {
        self.push(listener, true, |out| out.extend_from_slice(text.as_bytes()));
    }

    fn push(&mut self, speaker: PeerId, private: bool, write: impl FnOnce(&mut Vec<u8>)) {
        write(&mut self.text);
        let message_end = self.text.len();
        // A raw message may bring a newline of its own; a second one would show as an empty line.
        if self.text.last() != Some(&b'\n')
            || self.lines.last().is_some_and(|line| line.end == message_end)
        {
            self.text.push(b'\n');
        }
        self.lines.push(Line { speaker, private, message_end, end: self.text.len() });
        self.has_private |= private;
    }

    /// Moves all lines of `other` behind those of this one.
    pub fn append(&mut self, other: &mut Batch) {
        let before = self.text.len();
        self.text.append(&mut other.text);
        self.lines.extend(other.lines.drain(..).map(|line| Line {
            message_end: line.message_end + before,
            end: line.end + before,
            ..line
        }));
        self.has_private |= std::mem::take(&mut other.has_private);
    }

    /// Forgets the lines; keeps up to `capacity` bytes of memory for the next ones.
    pub fn clear(&mut self, capacity: usize) {
        self.text.clear();
        self.text.shrink_to(capacity);
        self.lines.clear();
        self.lines.shrink_to(capacity / size_of::<Line>());
        self.has_private = false;
    }

    /// Whether nothing has been said.
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// How many lines there are.
    pub fn count(&self) -> usize {
        self.lines.len()
    }

    /// The bytes of all lines, newlines included.
    pub fn text(&self) -> &[u8] {
        &self.text
    }

    /// Each line that was said to everyone, without its newline.
    pub fn public_lines(&self) -> impl Iterator<Item = &[u8]> {
        let starts = std::iter::once(0).chain(self.lines.iter().map(|line| line.end));
        let spoken = starts.zip(&self.lines).filter(|(_, line)| !line.private);
        spoken.map(|(start, line)| &self.text[start..line.end - 1])
    }

    /// What `ear` hears of the text from byte `from` on: the ranges to hand to the socket, each in
    /// one `send` of its own.
    pub fn chunks(&self, ear: Ear, from: usize) -> Chunks<'_> {
        let heard_whole = ear.framing == Framing::Lines && ear.echo && !self.has_private;
        let lines = if heard_whole { &[] } else { &self.lines[..] };
        let next = lines.partition_point(|line| line.end <= from);
        Chunks { batch: self, ear, lines: &lines[next..], from, heard_whole }
    }
}

/// See [`Batch::chunks`].
#[derive(Debug)]
pub struct Chunks<'a> {
    batch: &'a Batch,
    ear: Ear,
    /// The lines not handed out yet; `from` lies in the first of them.
    lines: &'a [Line],
    from: usize,
    heard_whole: bool,
}

impl Iterator for Chunks<'_> {
    type Item = Range<usize>;

    fn next(&mut self) -> Option<Range<usize>> {
        if self.heard_whole {
            let rest = self.from..self.batch.text.len();
            self.from = rest.end;
            return (!rest.is_empty()).then_some(rest);
        }
        self.skip_unheard();
        match self.ear.framing {
            Framing::Lines => self.run_of_lines(),
            Framing::Raw => self.raw_message(),
        }
    }
}

impl Chunks<'_> {
    fn hears(&self, line: &Line) -> bool {
        let own = line.speaker == self.ear.id;
        if line.private { own } else { self.ear.echo || !own }
    }

    fn skip_unheard(&mut self) {
        while let [line, rest @ ..] = self.lines
            && !self.hears(line)
        {
            self.from = line.end;
            self.lines = rest;
        }
    }

    fn run_of_lines(&mut self) -> Option<Range<usize>> {
        let run = self.lines.iter().take_while(|line| self.hears(line)).count();
        let (run, rest) = self.lines.split_at(run);
        let chunk = self.from..run.last()?.end;
        self.lines = rest;
        self.from = chunk.end;
        Some(chunk)
    }

    fn raw_message(&mut self) -> Option<Range<usize>> {
        let [line, rest @ ..] = self.lines else { return None };
        let start = self.from.min(line.message_end);
        let message = &self.batch.text[start..line.message_end];
        let piece = wire::pieces(message, wire::RAW_MESSAGE).next().map_or(0, <[u8]>::len);
        self.from = start + piece;
        if self.from == line.message_end {
            self.from = line.end;
            self.lines = rest;
        }
        if piece == 0 { self.next() } else { Some(start..start + piece) }
    }
}
