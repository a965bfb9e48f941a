//! What the client has said and not seen come back: a FIFO.
//!
//! A line that comes back and equals the front is the client's own and is thereby confirmed. When
//! a connection is lost, all that is left in here is sent again over the next one, and what came
//! back last as well.
//!
//! A leaf: plain data, nothing shared.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::parts::Parts;

/// How many lines may be sent and not confirmed: enough to keep a connection busy, and no more
/// than a room can swallow at once.
pub const WINDOW: usize = 64;

/// No server needs longer than this to send what was said to everyone.
const ROUND: Duration = Duration::from_secs(1);

/// Lines in the order in which they are said; the first [`in_flight`](Outbox::in_flight) of them
/// have been sent over the present connection.
#[derive(Debug, Default)]
pub struct Outbox {
    lines: VecDeque<String>,
    in_flight: usize,
    /// How many, from the front, the user has been shown as waiting.
    seen: usize,
    /// How many, from the front, have come back before.
    again: usize,
    /// The last lines that came back, and when.
    settling: VecDeque<(Instant, String)>,
    parts: Parts,
}

/// What it means that a line of our own came back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Own {
    /// It is confirmed.
    Confirmed,
    /// It was confirmed before, and said again.
    Again,
}

impl Outbox {
    /// Adds a line to be sent.
    pub fn push(&mut self, line: String) {
        self.lines.push_back(line);
    }

    /// How many lines are not confirmed, sent or not.
    pub fn unconfirmed(&self) -> usize {
        self.lines.len() - self.again
    }

    /// How many lines have to come back, sent or not.
    pub fn len(&self) -> usize {
        self.lines.len()
    }

    /// Whether everything has come back.
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// How many lines are sent and not confirmed.
    pub fn in_flight(&self) -> usize {
        self.in_flight
    }

    /// The next line to send, which is in flight from now on.
    pub fn send(&mut self) -> Option<&str> {
        let line = self.lines.get(self.in_flight)?;
        self.in_flight += 1;
        Some(line)
    }

    /// Takes out what is in flight as far as it is found in what one raw read brought. Returns that
    /// read part by part, each with what it means if it is our own.
    pub fn confirm_parts(&mut self, chunk: &str) -> Vec<(String, Option<Own>)> {
        let in_flight = self.lines.iter().take(self.in_flight).map(String::as_str);
        let parts = self.parts.of(chunk, in_flight);
        let parts: Vec<_> = parts.into_iter().map(|(text, own)| (text.to_owned(), own)).collect();
        parts.into_iter().map(|(text, own)| (text, own.then(|| self.settle()).flatten())).collect()
    }

    /// Takes the front out if it is in flight and `received` is what it looks like coming back.
    pub fn confirm(&mut self, received: &str) -> Option<Own> {
        self.lines.front().filter(|line| self.in_flight > 0 && *line == received)?;
        self.settle()
    }

    /// Takes the front out: it came back.
    fn settle(&mut self) -> Option<Own> {
        let own = if self.again > 0 { Own::Again } else { Own::Confirmed };
        let line = self.pop()?;
        self.settling.push_back((Instant::now(), line));
        self.settling.drain(..self.settling.len().saturating_sub(WINDOW));
        Some(own)
    }

    /// The next line that the user has not been shown as waiting, which counts as shown from now on.
    pub fn show(&mut self) -> Option<&str> {
        let line = self.lines.get(self.seen)?;
        self.seen += 1;
        Some(line)
    }

    /// Whether there is a line to [`show`](Outbox::show).
    pub fn has_unseen(&self) -> bool {
        self.seen < self.lines.len()
    }

    /// Takes the front out: it is as good as confirmed.
    pub fn pop(&mut self) -> Option<String> {
        self.in_flight = self.in_flight.saturating_sub(1);
        self.seen = self.seen.saturating_sub(1);
        self.again = self.again.saturating_sub(1);
        self.lines.pop_front()
    }

    /// Takes out the oldest line in flight that is longer than `limit` bytes: the server refused it.
    pub fn drop_refused(&mut self, limit: usize) -> Option<String> {
        let sent = self.lines.iter().take(self.in_flight);
        let index = sent.into_iter().position(|line| line.len() > limit)?;
        self.in_flight -= 1;
        self.seen -= usize::from(index < self.seen);
        self.again -= usize::from(index < self.again);
        self.lines.remove(index)
    }

    /// The connection broke, and the server may have been killed in the middle of a round, when it
    /// had sent our line to us and not yet to others. So the lines that came back last are said
    /// again. Older ones need not be: a line that follows by more than the window was not even sent
    /// when they came back, so their round was over when it was heard.
    pub fn recall(&mut self) {
        while let Some((when, line)) = self.settling.pop_back()
            && when.elapsed() < ROUND
        {
            self.lines.push_front(line);
            self.again += 1;
            self.seen += 1;
        }
        self.settling.clear();
    }

    /// The connection is lost: nothing is in flight, everything is to be sent again.
    pub fn rewind(&mut self) {
        self.in_flight = 0;
        self.parts.clear();
    }
}
