//! A batch: lines of several peers, one after the other in one piece of memory, so that a single
//! `send` hands all of them to a socket.
//!
//! Plain data: nothing is shared here.

use std::ops::Range;

use super::{Framing, RAW_MESSAGE, pieces};

/// The number of a peer. A server never gives a number twice.
pub type PeerId = u64;

/// The number of no peer.
pub const NOBODY: PeerId = 0;

/// Lines in the order in which they were said.
#[derive(Debug, Default)]
pub struct Batch {
    /// The lines, each with its newline.
    text: Vec<u8>,
    /// The speaker of each part of the text. All lines of one read are one run: a record for each
    /// line would take more memory than a short line.
    runs: Vec<Run>,
    messages: usize,
}

/// A part of the text. It begins at the end of the run before.
#[derive(Clone, Copy, Debug)]
struct Run {
    speaker: PeerId,
    end: usize,
    form: Form,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    /// Lines for everyone.
    Lines,
    /// A line for the speaker alone.
    Private,
    /// One raw message. It may contain newlines, and may end with one of its own.
    Message { own_newline: bool },
}

/// A peer as the receiver of a batch.
#[derive(Clone, Copy, Debug)]
pub struct Recipient {
    /// Which peer.
    pub id: PeerId,
    /// Whether one `send` carries many lines, or each message needs its own.
    pub framing: Framing,
    /// Whether the peer is sent its own lines as well.
    pub echo: bool,
}

impl Batch {
    /// The memory of a batch besides its text and its runs, in bytes: the value itself, its place in
    /// a list, and the allocator's own record of each of the three pieces.
    pub(crate) const OVERHEAD: usize = 136;

    /// Adds a line that `speaker` says to everyone; `write` appends its sanitized text.
    pub fn say(&mut self, speaker: PeerId, write: impl FnOnce(&mut Vec<u8>)) {
        write(&mut self.text);
        self.text.push(b'\n');
        self.messages += 1;
        self.push_run(speaker, self.text.len(), Form::Lines);
    }

    /// Adds a raw message, which may end with a newline; `write` appends its sanitized text.
    pub fn say_raw(&mut self, speaker: PeerId, write: impl FnOnce(&mut Vec<u8>)) {
        let start = self.text.len();
        write(&mut self.text);
        // A second newline would show as an empty line.
        let own_newline = self.text[start..].last() == Some(&b'\n');
        if !own_newline {
            self.text.push(b'\n');
        }
        self.messages += 1;
        self.push_run(speaker, self.text.len(), Form::Message { own_newline });
    }

    /// Adds a line that the server says to `listener` alone. It has its place among the other lines,
    /// so the listener knows which of its own lines came before it. A line for [`NOBODY`] is a note for
    /// the event log.
    pub fn tell(&mut self, listener: PeerId, line: &str) {
        self.text.extend_from_slice(line.as_bytes());
        self.text.push(b'\n');
        self.push_run(listener, self.text.len(), Form::Private);
    }

    fn push_run(&mut self, speaker: PeerId, end: usize, form: Form) {
        let last = self.runs.last_mut().filter(|_| form == Form::Lines);
        match last.filter(|last| (last.form, last.speaker) == (form, speaker)) {
            Some(run) => run.end = end,
            None => self.runs.push(Run { speaker, end, form }),
        }
    }

    /// Moves all lines of `other` behind those of this one.
    pub fn append(&mut self, other: Self) {
        if self.is_empty() {
            *self = other;
            return;
        }
        let before = self.text.len();
        self.text.extend_from_slice(&other.text);
        for run in other.runs {
            self.push_run(run.speaker, run.end + before, run.form);
        }
        self.messages += other.messages;
    }

    /// Whether there are no lines.
    pub fn is_empty(&self) -> bool {
        self.runs.is_empty()
    }

    /// How many messages were said to everyone.
    pub fn count(&self) -> usize {
        self.messages
    }

    /// The bytes of all lines, newlines included.
    pub fn text(&self) -> &[u8] {
        &self.text
    }

    /// How much memory its text and its records need, in bytes. More may be reserved.
    pub fn size(&self) -> usize {
        self.text.len() + self.runs.len() * size_of::<Run>() + Self::OVERHEAD
    }

    /// Each line for the event log, without its newline, and whether it was said to everyone.
    pub fn logged_lines(&self) -> impl Iterator<Item = (&[u8], bool)> {
        let starts = std::iter::once(0).chain(self.runs.iter().map(|run| run.end));
        let said =
            starts.zip(&self.runs).map(|(start, run)| (start, run, run.form != Form::Private));
        let logged = said.filter(|(_, run, is_said)| *is_said || run.speaker == NOBODY);
        logged.flat_map(|(start, run, is_said)| {
            let lines = self.text[start..run.end - 1].split(|&byte| byte == b'\n');
            lines.map(move |line| (line, is_said))
        })
    }

    /// The parts of the text from byte `from` on that `recipient` is sent, each in one `send`.
    pub fn chunks(&self, recipient: Recipient, from: usize) -> BatchChunks<'_> {
        let next = self.runs.partition_point(|run| run.end <= from);
        BatchChunks { batch: self, recipient, runs: &self.runs[next..], from }
    }
}

/// See [`Batch::chunks`].
#[derive(Debug)]
pub struct BatchChunks<'a> {
    batch: &'a Batch,
    recipient: Recipient,
    /// The runs that are still to be sent; `from` lies in the first of them.
    runs: &'a [Run],
    from: usize,
}

impl Iterator for BatchChunks<'_> {
    type Item = Range<usize>;

    fn next(&mut self) -> Option<Range<usize>> {
        match self.recipient.framing {
            Framing::Lines => self.next_lines(),
            Framing::Raw => self.next_message(),
        }
    }
}

impl BatchChunks<'_> {
    fn is_for_recipient(&self, run: &Run) -> bool {
        let own = run.speaker == self.recipient.id;
        if run.form == Form::Private { own } else { self.recipient.echo || !own }
    }

    fn skip_others(&mut self) {
        while let [run, rest @ ..] = self.runs
            && !self.is_for_recipient(run)
        {
            self.from = run.end;
            self.runs = rest;
        }
    }

    fn next_lines(&mut self) -> Option<Range<usize>> {
        self.skip_others();
        let runs = self.runs.iter().take_while(|run| self.is_for_recipient(run)).count();
        let (runs, rest) = self.runs.split_at(runs);
        let chunk = self.from..runs.last()?.end;
        self.runs = rest;
        self.from = chunk.end;
        Some(chunk)
    }

    fn next_message(&mut self) -> Option<Range<usize>> {
        loop {
            self.skip_others();
            let run = *self.runs.first()?;
            let text = &self.batch.text[self.from..run.end];
            // Where the message ends, and where the next one begins.
            let (end, next) = match run.form {
                Form::Message { own_newline } => (run.end - usize::from(!own_newline), run.end),
                Form::Lines | Form::Private => {
                    let end = memchr::memchr(b'\n', text).map_or(run.end, |end| self.from + end);
                    (end, run.end.min(end + 1))
                }
            };
            let start = self.from;
            let message = self.batch.text.get(start..end).unwrap_or_default();
            let piece = pieces(message, RAW_MESSAGE).next().map_or(0, <[u8]>::len);
            self.from += piece;
            if self.from >= end {
                self.from = next;
            }
            if self.from == run.end {
                self.runs = &self.runs[1..];
            }
            if piece > 0 {
                return Some(start..start + piece);
            }
        }
    }
}
