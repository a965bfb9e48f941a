//! How much may be said: a budget for the whole room while a reader loses ground, a credit for each
//! peer that says little, and the rate that `--rate` sets for each peer.
//!
//! No locks here: the room guards the budget, and a client's thread owns the rest.

use std::time::{Duration, Instant};

/// How much all peers together may say while a reader is overrun, in bytes per second: a reader
/// that takes as much is never dropped.
const ROOM_RATE: f64 = 256.0 * 1024.0;

/// How far the budget may run into debt or savings, in bytes.
const ROOM_BURST: f64 = 64.0 * 1024.0;

/// How much a peer may say without waiting for its turn, in bytes per second.
const CREDIT_RATE: f64 = 1024.0;

/// How much of that it may save up, in bytes: a line that is repaired can be three times as long.
const CREDIT_BURST: f64 = 4.0 * 1024.0;

/// An amount that grows with time up to a limit, and that is spent.
#[derive(Debug)]
struct Allowance {
    per_second: f64,
    burst: f64,
    left: f64,
    counted: Instant,
}

impl Allowance {
    fn new(per_second: f64, burst: f64, left: f64) -> Self {
        Self { per_second, burst, left, counted: Instant::now() }
    }

    /// What there is by now; negative after too much was spent.
    fn left(&mut self) -> f64 {
        let now = Instant::now();
        let earned = now.duration_since(self.counted).as_secs_f64() * self.per_second;
        self.left = (self.left + earned).min(self.burst);
        self.counted = now;
        self.left
    }
}

/// What all peers together may say while a reader is overrun.
#[derive(Debug)]
pub(crate) struct Budget {
    allowance: Allowance,
    /// How many bytes had been said in all when this was last looked at.
    said: u64,
}

impl Budget {
    pub(crate) fn new() -> Self {
        Self { allowance: Allowance::new(ROOM_RATE, ROOM_BURST, ROOM_BURST), said: 0 }
    }

    /// Whether there is something left, when `said` bytes have been said in all. Lines that did not
    /// wait for their turn count as well.
    pub(crate) fn allows(&mut self, said: u64) -> bool {
        let spent = said.saturating_sub(self.said).min(1 << 30);
        self.said = said;
        let left = self.allowance.left() - f64::from(u32::try_from(spent).unwrap_or(u32::MAX));
        self.allowance.left = left.max(-ROOM_BURST);
        left > 0.0
    }
}

/// What one peer may say without waiting for its turn. It begins with nothing, so peers that come
/// and go get none.
#[derive(Debug)]
pub(crate) struct Credit(Allowance);

impl Credit {
    pub(crate) fn new() -> Self {
        Self(Allowance::new(CREDIT_RATE, CREDIT_BURST, 0.0))
    }

    /// Whether `bytes` are covered. Spends them in any case: a peer that says more has none left.
    pub(crate) fn covers(&mut self, bytes: usize) -> bool {
        let bytes = f64::from(u32::try_from(bytes).unwrap_or(u32::MAX));
        let covers = self.0.left() >= bytes;
        self.0.left = (self.0.left - bytes).max(0.0);
        covers
    }
}

/// Lets one peer's lines through at a rate; up to one second's worth of them at once.
#[derive(Debug)]
pub(crate) struct Pace(Allowance);

impl Pace {
    /// A pace of so many lines per second.
    pub(crate) fn new(per_second: f64) -> Self {
        let burst = per_second.max(1.0);
        Self(Allowance::new(per_second, burst, burst))
    }

    /// Counts a line, and returns how long it has to wait.
    pub(crate) fn next(&mut self) -> Duration {
        self.0.left -= 1.0;
        Duration::from_secs_f64((-self.0.left()).max(0.0) / self.0.per_second)
    }
}
