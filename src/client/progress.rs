//! How long the client goes on without getting anywhere.

use std::time::{Duration, Instant};

/// How long a line that was sent may take to come back. Then it is shown as waiting, and if it is
/// raw, the next one is sent without it.
const OVERDUE: Duration = Duration::from_secs(1);

/// When our efforts last got anywhere, and what follows from that.
#[derive(Debug)]
pub(crate) struct ProgressTimer {
    /// For ever, if there is none.
    limit: Option<Duration>,
    /// A connection alone is no progress: any server can be connected to.
    progress: Instant,
    /// Since when what is in flight could have come back.
    waiting: Instant,
}

impl ProgressTimer {
    /// Begins now.
    pub(crate) fn new(limit: Option<Duration>) -> Self {
        let now = Instant::now();
        Self { limit, progress: now, waiting: now }
    }

    /// Something was achieved.
    pub(crate) fn progress(&mut self) {
        self.progress = Instant::now();
        self.waiting = self.progress;
    }

    /// There is a connection, over which lines can come back.
    pub(crate) fn connected(&mut self) {
        self.waiting = Instant::now();
    }

    /// How many times over the time has passed in which a line should have come back.
    pub(crate) fn overdue(&self) -> usize {
        let times = self.waiting.elapsed().as_millis() / OVERDUE.as_millis();
        usize::try_from(times).unwrap_or(usize::MAX)
    }

    /// When it will have passed once more.
    pub(crate) fn next_overdue(&self) -> Instant {
        let times = u32::try_from(self.overdue() + 1).unwrap_or(u32::MAX);
        self.waiting + OVERDUE * times
    }

    /// When it is time to give up.
    pub(crate) fn end(&self) -> Option<Instant> {
        self.progress.checked_add(self.limit?)
    }
}
