//! What the client has said and not seen come back: a FIFO.
//!
//! A line that comes back and equals the front is the client's own and is thereby confirmed. When
//! a connection is lost, all that is left in here is sent again over the next one, and what came
//! back last as well.
//!
//! A leaf: plain data, nothing shared.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::echo::EchoMatcher;
use crate::protocol;

/// How many lines may be sent and not confirmed: enough to keep a connection busy, and no more
/// than a room can swallow at once.
pub const WINDOW: usize = 64;

/// No server needs longer than this to send what was said to everyone.
const ROUND: Duration = Duration::from_secs(1);

/// Lines in the order in which they are said; the first [`in_flight`](Outbox::in_flight) of them
/// have been sent over the present connection.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    lines: VecDeque<Line>,
    in_flight: usize,
    /// The most that were in flight over this connection.
    widest: usize,
    /// The last lines that came back, and when.
    settling: VecDeque<(Instant, String)>,
    refusals: Refusals,
    matcher: EchoMatcher,
}

#[derive(Debug)]
struct Line {
    text: String,
    /// It was sent, over this connection or one before.
    sent: bool,
    /// The user has been shown that it waits.
    shown: bool,
    /// It has come back before.
    again: bool,
}

/// The refusals that were heard since a line of our own came back. Anyone can write such a
/// sentence, so these are claims: the order of what comes back proves them, or does not.
#[derive(Debug, Default)]
struct Refusals {
    count: usize,
    /// The smallest limit that one of them names, in bytes.
    limit: usize,
}

/// What it means that a line of our own came back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Own {
    /// It is confirmed.
    Confirmed,
    /// It was confirmed before, and said again.
    Again,
}

impl Outbox {
    /// For lines that are sent without the name of their speaker, which the server knows and puts
    /// in front.
    pub(super) fn of_speaker(name: &str) -> Self {
        Self { matcher: EchoMatcher::behind(name.to_owned()), ..Self::default() }
    }

    /// Adds a line to be sent.
    pub(super) fn push(&mut self, text: String) {
        self.lines.push_back(Line { text, sent: false, shown: false, again: false });
    }

    /// How many lines have never come back, sent or not.
    pub(super) fn unconfirmed(&self) -> usize {
        self.lines.iter().filter(|line| !line.again).count()
    }

    /// How many lines were never sent.
    pub(super) fn unsent(&self) -> usize {
        self.lines.iter().filter(|line| !line.sent).count()
    }

    /// How many lines have to come back, sent or not.
    pub(super) fn len(&self) -> usize {
        self.lines.len()
    }

    /// Whether everything has come back.
    pub(super) fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// How many lines are sent and not confirmed.
    pub(super) fn in_flight(&self) -> usize {
        self.in_flight
    }

    /// Whether a window of so many lines has room for one more to be accepted. A line that is refused
    /// does not come back, and makes room for another.
    pub(super) fn has_room(&self, window: usize) -> bool {
        self.lines.len() < window.saturating_add(self.refusals.count)
    }

    /// The next line to send, which is in flight from now on; nothing, if as many are as may be.
    pub(super) fn send(&mut self, window: usize) -> Option<&str> {
        let line = self.lines.get_mut(self.in_flight)?;
        if self.in_flight >= window.saturating_add(self.refusals.count) {
            return None;
        }
        self.in_flight += 1;
        self.widest = self.widest.max(self.in_flight);
        line.sent = true;
        Some(&line.text)
    }

    /// Takes out what is in flight as far as it is found in what one raw read brought. Returns that
    /// read part by part, each with what it means if it is our own.
    pub(super) fn confirm_parts(&mut self, chunk: &str) -> Vec<(String, Option<Own>)> {
        let mut parts = Vec::new();
        let mut rest = chunk;
        while self.in_flight > 0
            && let Some(own) = self.matcher.find(&self.lines[0].text, rest)
        {
            parts.push((&rest[..own.start], None));
            parts.push((&rest[own.clone()], self.settle()));
            self.matcher.clear();
            rest = &rest[own.end..];
        }
        parts.push((rest, None));
        let expected = self.lines.front().filter(|_| self.in_flight > 0);
        self.matcher.keep(rest, expected.map(|line| line.text.as_str()));
        let shown = parts.into_iter().map(|(text, own)| (text.trim_matches('\n').to_owned(), own));
        shown.filter(|(text, own)| own.is_some() || !text.is_empty()).collect()
    }

    /// Takes the front out if it is in flight and `received` is what it looks like coming back.
    ///
    /// A line further back comes back as the first one only if those before it were refused. They
    /// are taken out as well, and added to `refused`.
    pub(super) fn confirm(&mut self, received: &str, refused: &mut Vec<String>) -> Option<Own> {
        let is_own = |line: &Line| self.matcher.is_own(&line.text, received);
        let front = self.lines.front().filter(|_| self.in_flight > 0)?;
        if !is_own(front) {
            if let Some(limit) = protocol::refused_over(received) {
                self.refusals.note(limit);
                return None;
            }
            let may_be_refused = |line: &&Line| line.text.len() > self.refusals.limit;
            let most = self.refusals.count.min(self.in_flight - 1);
            let skipped = self.lines.iter().take(most).take_while(may_be_refused).count();
            let behind = self.lines.iter().take(skipped + 1).position(is_own)?;
            self.in_flight -= behind;
            let gone = self.lines.drain(..behind).filter(|line| !line.again);
            refused.extend(gone.map(|line| line.text));
        }
        self.settle()
    }

    /// Whether all that is left seems to have been refused. The next line of our own that comes
    /// back is going to prove it.
    pub(super) fn awaits_proof(&self) -> bool {
        let left = self.lines.len();
        left > 0
            && (left, left) == (self.in_flight, left.min(self.refusals.count))
            && self.lines.iter().all(|line| line.text.len() > self.refusals.limit)
    }

    /// Takes the front out if it is in flight: the network has it, and nobody sends it back.
    pub(super) fn hand_over(&mut self) -> Option<&str> {
        self.settle()?;
        self.settling.back().map(|(_, text)| text.as_str())
    }

    /// Takes the front out if it is in flight: it came back.
    fn settle(&mut self) -> Option<Own> {
        self.in_flight = self.in_flight.checked_sub(1)?;
        let line = self.lines.pop_front()?;
        self.refusals = Refusals::default();
        self.settling.push_back((Instant::now(), line.text));
        let kept = self.widest.max(WINDOW);
        self.settling.drain(..self.settling.len().saturating_sub(kept));
        Some(if line.again { Own::Again } else { Own::Confirmed })
    }

    /// The next line that the user has not been shown as waiting, which counts as shown from now on.
    pub(super) fn show(&mut self) -> Option<&str> {
        let line = self.lines.iter_mut().find(|line| !line.shown)?;
        line.shown = true;
        Some(&line.text)
    }

    /// Whether there is a line to [`show`](Outbox::show).
    pub(super) fn has_unseen(&self) -> bool {
        self.lines.iter().any(|line| !line.shown)
    }

    /// The connection is lost: nothing is in flight, everything is to be sent again.
    pub(super) fn rewind(&mut self) {
        (self.in_flight, self.widest) = (0, 0);
        self.refusals = Refusals::default();
        self.matcher.clear();
    }

    /// [`rewind`](Outbox::rewind) when the connection broke: the server may have been killed in the
    /// middle of a round, when it had sent our line to us and not yet to others. So the lines that
    /// came back last are said again. Older ones need not be: a line that follows by more than were
    /// ever in flight was not even sent when they came back, so their round was over when it was heard.
    ///
    /// Lines that were handed over, and never `came_back`, are unconfirmed until that is repeated.
    pub(super) fn recall(&mut self, came_back: bool) {
        self.rewind();
        while let Some((when, text)) = self.settling.pop_back()
            && when.elapsed() < ROUND
        {
            self.lines.push_front(Line { text, sent: true, shown: true, again: came_back });
        }
        self.settling.clear();
    }
}

impl Refusals {
    fn note(&mut self, limit: usize) {
        self.limit = if self.count == 0 { limit } else { self.limit.min(limit) };
        self.count += 1;
    }
}
