//! The client's outbox, a FIFO: lines that were said and have not come back.
//!
//! When a received line equals the front, it is the client's own line, and is confirmed. When a
//! connection is lost, all lines in here are sent again over the next connection. If the server did
//! not stop gracefully, the lines that came back last are sent again as well.
//!
//! A line may itself end the connection, as `(quit)` does on some servers: a poison message. After a
//! loss one line goes out alone, so it is known which line did it. After three times it is given up.
//!
//! Plain data: nothing in here is shared between threads.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::echo::EchoMatcher;
use crate::protocol;

/// How many lines may be sent and not confirmed. This keeps a connection busy, and does not flood a room.
pub const WINDOW: usize = 64;

/// Every server needs less time than this to send a line to all clients, or to end the connection
/// because of it.
const ROUND: Duration = Duration::from_secs(1);

/// How often a line may end the connection before it is given up.
const TRIES: u32 = 3;

/// Lines in the order in which they were said. The first [`in_flight`](Outbox::in_flight) of them
/// have been sent over the present connection. So many lines may wait that nothing here looks at all
/// of them: the first `sent`, `shown` and `again` lines are those of which this is true.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    lines: VecDeque<String>,
    /// When each line in flight was sent.
    in_flight: VecDeque<Instant>,
    /// How many lines were sent, over this connection or an earlier connection.
    sent: usize,
    shown: usize,
    /// How many lines have come back before.
    again: usize,
    /// The last connection was lost, and no line has shown on this one that it is harmless.
    is_wary: bool,
    /// Without an echo: when the last line was sent over this connection.
    handed_over: Option<Instant>,
    /// How many times a connection ended when the first unconfirmed line had just been sent.
    strikes: u32,
    /// The highest number of lines in flight on this connection.
    widest: usize,
    /// The last lines that came back, and the time when each came back.
    settling: VecDeque<(Instant, String)>,
    /// How many refusals came since the client's last own line. Any client can send such a sentence, so
    /// these are claims. The order of the lines that come back proves a refusal.
    refusals: usize,
    matcher: EchoMatcher,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Own {
    Confirmed,
    /// The line was confirmed before, and was sent again.
    Again,
}

impl Outbox {
    /// With a name: the lines are sent without it, and the server knows it and puts it in front.
    pub(super) fn new(name: Option<String>) -> Self {
        let mut outbox = Self::default();
        outbox.matcher.name = name;
        outbox
    }

    pub(super) fn push(&mut self, text: String) {
        self.lines.push_back(text);
    }

    /// How many lines have never come back, sent or not.
    pub(super) fn unconfirmed(&self) -> usize {
        self.lines.len() - self.again
    }

    pub(super) fn unsent(&self) -> usize {
        self.lines.len() - self.sent
    }

    pub(super) fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    pub(super) fn in_flight(&self) -> usize {
        self.in_flight.len()
    }

    /// Whether a window of this many lines has room for another line from the input. A refused line
    /// does not come back, so each refusal makes room for another line.
    pub(super) fn has_room(&self, window: usize) -> bool {
        self.lines.len() < window.saturating_add(self.refusals)
    }

    /// The next line to send, which is now in flight. None if the window is full or no line is left.
    pub(super) fn send(&mut self, window: usize) -> Option<&str> {
        let count = self.in_flight.len();
        let alone = self.in_flight.front().or(self.handed_over.as_ref());
        if self.is_wary && alone.is_some_and(is_recent) {
            return None;
        }
        if self.handed_over.is_some() {
            self.trust();
        }
        if count >= window.saturating_add(self.refusals) {
            return None;
        }
        let line = self.lines.get(count)?;
        self.in_flight.push_back(Instant::now());
        self.widest = self.widest.max(count + 1);
        self.sent = self.sent.max(count + 1);
        Some(line)
    }

    /// Removes the front if it is the next to be sent, and has ended too many connections.
    pub(super) fn give_up(&mut self) -> Option<String> {
        if self.strikes < TRIES || self.again > 0 || !self.in_flight.is_empty() {
            return None;
        }
        self.strikes = 0;
        self.take_front(1.min(self.lines.len())).next()
    }

    /// There is another reason why connections end.
    pub(super) fn absolve(&mut self) {
        self.strikes = 0;
    }

    /// A line has come back, or the connection has outlived it by a second.
    fn trust(&mut self) {
        (self.is_wary, self.strikes) = (false, 0);
    }

    /// Removes the lines in flight that one raw read brought. Returns the read in parts. For each
    /// part that is an own line, it says whether the line is confirmed now or was confirmed before.
    pub(super) fn confirm_parts(&mut self, chunk: &str) -> Vec<(String, Option<Own>)> {
        let mut parts = Vec::new();
        let mut rest = chunk;
        while !self.in_flight.is_empty()
            && let Some(own) = self.matcher.find(&self.lines[0], rest)
        {
            parts.push((&rest[..own.start], None));
            parts.push((&rest[own.clone()], self.settle(true)));
            self.matcher.clear();
            rest = &rest[own.end..];
        }
        parts.push((rest, None));
        let expected = self.lines.front().filter(|_| !self.in_flight.is_empty());
        self.matcher.keep(rest, expected.map(String::as_str));
        parts.into_iter().map(|(text, own)| (text.trim_matches('\n').to_owned(), own)).collect()
    }

    /// Removes the front if it is in flight and `received` is that line.
    ///
    /// If a later line comes back first, the lines before it were refused. They are removed as
    /// well, and added to `refused`.
    pub(super) fn confirm(&mut self, received: &str, refused: &mut Vec<String>) -> Option<Own> {
        let expected = self.in_flight.len().min(1 + self.refusals);
        let is_own = |line: &String| self.matcher.is_own(line, received);
        let Some(behind) = self.lines.iter().take(expected).position(is_own) else {
            self.refusals += usize::from(expected > 0 && protocol::is_refusal(received));
            return None;
        };
        let known = self.again.min(behind);
        refused.extend(self.take_front(behind).skip(known));
        self.settle(true)
    }

    /// Whether all remaining lines seem to be refused. The next own line that comes back will prove it.
    pub(super) fn awaits_proof(&self) -> bool {
        let left = self.lines.len();
        left > 0 && left == self.in_flight.len() && left <= self.refusals
    }

    /// Removes the front if it is this line: the network has taken it, and the server does not send it
    /// back. The greeting and the farewell are no lines in here.
    pub(super) fn hand_over(&mut self, line: &str) -> bool {
        self.lines.front().is_some_and(|front| front == line) && self.settle(false).is_some()
    }

    /// Removes the front if it is in flight, because it came back, or cannot come back.
    fn settle(&mut self, came_back: bool) -> Option<Own> {
        let own = if self.again > 0 { Own::Again } else { Own::Confirmed };
        let line = self.take_front(1.min(self.in_flight.len())).next()?;
        let now = Instant::now();
        if !came_back {
            self.handed_over = Some(now);
        } else if own == Own::Confirmed {
            self.trust();
        }
        self.refusals = 0;
        self.settling.push_back((now, line));
        let kept = self.widest.max(WINDOW);
        self.settling.drain(..self.settling.len().saturating_sub(kept));
        Some(own)
    }

    fn take_front(&mut self, count: usize) -> impl Iterator<Item = String> {
        for counter in [&mut self.sent, &mut self.shown, &mut self.again] {
            *counter = counter.saturating_sub(count);
        }
        self.in_flight.drain(..count.min(self.in_flight.len()));
        self.lines.drain(..count)
    }

    /// The next line that the user has not seen as waiting. It counts as seen from now on.
    pub(super) fn show(&mut self) -> Option<&str> {
        let line = self.lines.get(self.shown)?;
        self.shown += 1;
        Some(line)
    }

    /// The connection is lost: no line is in flight, and every line must be sent again.
    pub(super) fn rewind(&mut self) {
        self.in_flight.clear();
        (self.widest, self.is_wary, self.handed_over) = (0, true, None);
        self.refusals = 0;
        self.matcher.clear();
    }

    /// Like [`rewind`](Outbox::rewind), for a server that did not stop gracefully. The server may
    /// have been killed when it had sent a line back to this client and not yet to the others. So
    /// the lines that came back last are sent again. An older line need not be sent again: at most
    /// `widest` lines were in flight, so the client sent a later line only after the older line
    /// came back. Before the server sent the later line back, it had sent the older line to everyone.
    ///
    /// Without an echo (`came_back` is false), these lines count as unconfirmed until they are sent again.
    ///
    /// If the first unconfirmed line had just been sent, it may be the reason for the loss.
    pub(super) fn recall(&mut self, came_back: bool) {
        let mut is_suspect = self.again == 0 && self.in_flight.front().is_some_and(is_recent);
        if self.handed_over.is_some_and(|when| !is_recent(&when)) {
            self.trust();
        }
        self.rewind();
        while let Some((when, text)) = self.settling.pop_back()
            && is_recent(&when)
        {
            self.lines.push_front(text);
            self.sent += 1;
            self.shown += 1;
            self.again += usize::from(came_back);
            is_suspect |= !came_back;
        }
        self.settling.clear();
        self.strikes += u32::from(is_suspect);
    }
}

/// Whether it is less than a [`ROUND`] ago.
fn is_recent(when: &Instant) -> bool {
    when.elapsed() < ROUND
}
