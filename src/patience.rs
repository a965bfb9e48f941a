//! How long a client goes on without getting anywhere.

use std::time::{Duration, Instant};

/// How long a line that was sent may take to come back before it is shown as waiting, and no longer
/// waited for with the next if it is raw.
const OVERDUE: Duration = Duration::from_secs(1);

/// When our efforts last got anywhere, and what follows from that.
#[derive(Debug)]
pub(crate) struct Patience {
    /// For ever, if there is none.
    limit: Option<Duration>,
    progress: Instant,
    before: Instant,
}

impl Patience {
    /// Begins now.
    pub(crate) fn new(limit: Option<Duration>) -> Self {
        let now = Instant::now();
        Self { limit, progress: now, before: now }
    }

    /// Something went forward.
    pub(crate) fn progress(&mut self) {
        self.before = std::mem::replace(&mut self.progress, Instant::now());
    }

    /// The last step forward was none after all.
    pub(crate) fn take_back(&mut self) {
        self.progress = self.before;
    }

    /// How many times over the time has passed in which a line should have come back.
    pub(crate) fn overdue(&self) -> usize {
        let times = self.progress.elapsed().as_millis() / OVERDUE.as_millis();
        usize::try_from(times).unwrap_or(usize::MAX)
    }

    /// When it will have passed once more.
    pub(crate) fn next_overdue(&self) -> Instant {
        let times = u32::try_from(self.overdue() + 1).unwrap_or(u32::MAX);
        self.progress + OVERDUE * times
    }

    /// When it is time to give up.
    pub(crate) fn end(&self) -> Option<Instant> {
        self.progress.checked_add(self.limit?)
    }
}
