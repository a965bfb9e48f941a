//! Measures how long the client has made no progress, so that it can give up after a limit.

use std::time::{Duration, Instant};

/// How long a sent line may take to come back. After this time the line is shown as waiting. If the
/// framing is raw, the next line is then sent as well.
const OVERDUE: Duration = Duration::from_secs(1);

/// When the client last made progress, and since when lines can come back.
#[derive(Debug)]
pub(crate) struct ProgressTimer {
    /// None: the client tries for ever.
    limit: Option<Duration>,
    /// A connection alone is no progress, because any server can accept a connection.
    progress: Instant,
    /// The time from which the lines in flight could have come back.
    waiting: Instant,
}

impl ProgressTimer {
    /// Starts the clock now.
    pub(crate) fn new(limit: Option<Duration>) -> Self {
        let now = Instant::now();
        Self { limit, progress: now, waiting: now }
    }

    /// There was progress: for example, a line came back.
    pub(crate) fn progress(&mut self) {
        self.progress = Instant::now();
        self.waiting = self.progress;
    }

    /// There is a new connection: from now on lines can come back.
    pub(crate) fn connected(&mut self) {
        self.waiting = Instant::now();
    }

    /// How many times [`OVERDUE`] has passed since lines could have come back.
    pub(crate) fn overdue(&self) -> usize {
        let times = self.waiting.elapsed().as_millis() / OVERDUE.as_millis();
        usize::try_from(times).unwrap_or(usize::MAX)
    }

    /// When [`overdue`](Self::overdue) grows next.
    pub(crate) fn next_overdue(&self) -> Instant {
        let times = u32::try_from(self.overdue() + 1).unwrap_or(u32::MAX);
        self.waiting + OVERDUE * times
    }

    /// When it is time to give up.
    pub(crate) fn end(&self) -> Option<Instant> {
        self.progress.checked_add(self.limit?)
    }
}
