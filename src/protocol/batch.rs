//! A batch: lines of several peers, one after the other in one piece of memory, so that a single
//! `send` hands all of them to a socket.
//!
//! Plain data: nothing is shared here.

use std::iter;
use std::ops::Range;

use super::{Framing, RAW_MESSAGE};

/// The number of a peer. A server never gives a number twice.
pub type PeerId = u64;

/// The number of no peer.
pub const NOBODY: PeerId = 0;

/// Lines in the order in which they were said.
#[derive(Debug, Default)]
pub struct Batch {
    /// The lines, each with its newline.
    text: Vec<u8>,
    /// All lines of one read are one run: a record for each line would take more memory than a short
    /// line.
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
        let mut start = 0;
        self.runs.iter().flat_map(move |run| {
            let lines = self.text[start..run.end - 1].split(|&byte| byte == b'\n');
            start = run.end;
            let is_said = run.form != Form::Private;
            let is_logged = is_said || run.speaker == NOBODY;
            lines.filter(move |_| is_logged).map(move |line| (line, is_said))
        })
    }

    /// The parts of the text from byte `from` on that `recipient` is sent, each in one `send`.
    pub fn chunks(
        &self,
        recipient: Recipient,
        mut from: usize,
    ) -> impl Iterator<Item = Range<usize>> {
        let is_sent = move |run: &Run| {
            let own = run.speaker == recipient.id;
            if run.form == Form::Private { own } else { recipient.echo || !own }
        };
        let next = self.runs.partition_point(|run| run.end <= from);
        let mut runs = self.runs[next..].iter().peekable();
        iter::from_fn(move || {
            loop {
                while let Some(run) = runs.next_if(|run| run.end == from || !is_sent(run)) {
                    from = run.end;
                }
                let (start, run) = (from, *runs.peek()?);
                let end = match recipient.framing {
                    Framing::Lines => {
                        while let Some(run) = runs.next_if(|run| is_sent(run)) {
                            from = run.end;
                        }
                        from
                    }
                    Framing::Raw => {
                        let (end, next) = self.piece(run, start);
                        from = next;
                        end
                    }
                };
                if start < end {
                    return Some(start..end);
                }
            }
        })
    }

    /// Returns where a raw `send` from byte `start` on must end: with the message, or when it is full. And
    /// where the next one begins.
    fn piece(&self, run: &Run, start: usize) -> (usize, usize) {
        let next = match run.form {
            Form::Message { .. } => run.end,
            Form::Lines | Form::Private => {
                let newline = memchr::memchr(b'\n', &self.text[start..run.end]);
                newline.map_or(run.end, |newline| start + newline + 1)
            }
        };
        let end = next - usize::from(run.form != Form::Message { own_newline: true });
        let mut piece = start + RAW_MESSAGE;
        if piece >= end {
            return (end, next);
        }
        // In UTF-8, all bytes of a character but the first begin with the bits 10.
        while self.text[piece] >> 6 == 0b10 {
            piece -= 1;
        }
        (piece, piece)
    }
}
