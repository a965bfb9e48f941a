//! What the client has said and not seen come back: a FIFO.
//!
//! A line that comes back and equals the front is the client's own and is thereby confirmed. When
//! a connection is lost, all that is left in here is sent again over the next one.
//!
//! A leaf: plain data, nothing shared.

use std::collections::VecDeque;

/// Lines in the order in which they are said; the first [`in_flight`](Outbox::in_flight) of them
/// have been sent over the present connection.
#[derive(Debug, Default)]
pub struct Outbox {
    lines: VecDeque<String>,
    in_flight: usize,
    /// How many, from the front, the user has been shown as waiting.
    seen: usize,
}

impl Outbox {
    /// Adds a line to be sent.
    pub fn push(&mut self, line: String) {
        self.lines.push_back(line);
    }

    /// How many lines are not confirmed, sent or not.
    pub fn len(&self) -> usize {
        self.lines.len()
    }

    /// Whether everything said has been confirmed.
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

    /// Takes apart what one raw read brought. It may be several messages, since TCP joins what
    /// follows closely; our own, the front, is the one that can be told from the rest.
    pub fn parts<'a>(&self, chunk: &'a str) -> Vec<&'a str> {
        let own = self.lines.front().filter(|_| self.in_flight > 0);
        let found = own.and_then(|own| Some((own, chunk.split_once(own.as_str())?)));
        let Some((own, (before, after))) = found else {
            return vec![chunk.trim_end_matches('\n')];
        };
        let own = &chunk[before.len()..before.len() + own.len()];
        let parts = [before, own, after].map(|part| part.trim_matches('\n'));
        parts.into_iter().filter(|part| !part.is_empty()).collect()
    }

    /// Takes the front out if it is in flight and `received` is what it looks like coming back.
    pub fn confirm(&mut self, received: &str) -> bool {
        let own = self.in_flight > 0 && self.lines.front().is_some_and(|line| line == received);
        if own {
            self.pop();
        }
        own
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
        self.lines.pop_front()
    }

    /// Takes out the oldest line in flight that is longer than `limit` bytes: the server refused it.
    pub fn drop_refused(&mut self, limit: usize) -> Option<String> {
        let sent = self.lines.iter().take(self.in_flight);
        let index = sent.into_iter().position(|line| line.len() > limit)?;
        self.in_flight -= 1;
        self.seen -= usize::from(index < self.seen);
        self.lines.remove(index)
    }

    /// The connection is lost: nothing is in flight, everything is to be sent again.
    pub fn rewind(&mut self) {
        self.in_flight = 0;
    }
}
