//! Flow control: a budget for the whole room while a reader is overrun, a credit for each peer that
//! says little, and the rate of `--rate` for each peer.
//!
//! No locks: the room guards the budget, and each client's thread owns its credit and its rate.

use std::time::{Duration, Instant};

/// How much all peers together may say while a reader is overrun, in bytes per second. A reader that
/// takes this much is never dropped.
const ROOM_RATE: f64 = 262_144.0;

/// How much the budget can save, or owe, in bytes.
const ROOM_BURST: f64 = 65_536.0;

/// How much a peer may say without waiting for its turn, in bytes per second.
const CREDIT_RATE: f64 = 1024.0;

/// How much of this it can save, in bytes: sanitizing can make a line three times as long.
const CREDIT_BURST: f64 = 4_096.0;

/// An amount that grows with time up to a limit, and that speaking spends.
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

    /// The amount now. It is negative after too much was spent.
    fn left(&mut self) -> f64 {
        let now = Instant::now();
        let earned = now.duration_since(self.counted).as_secs_f64() * self.per_second;
        self.left = (self.left + earned).min(self.burst);
        self.counted = now;
        self.left
    }
}

/// How much all peers together may say while a reader is overrun.
#[derive(Debug)]
pub(crate) struct Budget {
    allowance: Allowance,
    /// How many bytes the room had said at the last look.
    said: u64,
}

impl Budget {
    pub(crate) fn new() -> Self {
        Self { allowance: Allowance::new(ROOM_RATE, ROOM_BURST, ROOM_BURST), said: 0 }
    }

    /// Charges everything that was said since the last call, when the room has said `said` bytes in
    /// all; lines that did not wait for a turn as well. Returns whether something was left.
    pub(crate) fn charge(&mut self, said: u64) -> bool {
        let spent = u32::try_from(said - self.said).unwrap_or(u32::MAX);
        self.said = said;
        let left = self.allowance.left() - f64::from(spent);
        self.allowance.left = left.max(-ROOM_BURST);
        left > 0.0
    }
}

/// How much one peer may say without waiting for its turn. It begins with nothing, so a peer that
/// connects again and again gets nothing.
#[derive(Debug)]
pub(crate) struct Credit(Allowance);

impl Credit {
    pub(crate) fn new() -> Self {
        Self(Allowance::new(CREDIT_RATE, CREDIT_BURST, 0.0))
    }

    /// Spends `bytes`. Returns whether they were covered; if not, no credit is left.
    pub(crate) fn spend(&mut self, bytes: usize) -> bool {
        let bytes = f64::from(u32::try_from(bytes).unwrap_or(u32::MAX));
        let covered = self.0.left() >= bytes;
        self.0.left = (self.0.left - bytes).max(0.0);
        covered
    }
}

/// Lets the lines of one peer through at a rate. The lines of one second may pass at once.
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

#[cfg(test)]
mod tests {
    use super::{Allowance, Budget, Credit, Pace};
    use std::time::Duration;

    /// Compares per second, burst, and left.
    fn assert_is(allowance: &Allowance, expected: [f64; 3]) {
        let found = [allowance.per_second, allowance.burst, allowance.left];
        let mut pairs = found.iter().zip(&expected);
        assert!(pairs.all(|(found, expected)| (found - expected).abs() < 0.5), "{found:?}");
    }

    #[test]
    fn an_allowance_grows_with_time_up_to_a_limit() {
        let mut allowance = Allowance::new(0.01, 10.0, -1.0);
        for most in [4.0, 9.0, 10.0, 10.0] {
            let past = allowance.counted.checked_sub(Duration::from_secs(500));
            allowance.counted = past.expect("the clock has run for so long");
            let left = allowance.left();
            assert!((most..most + 0.9).contains(&left), "{left} instead of {most}");
        }
    }

    #[test]
    fn all_together_have_256_kib_per_second() {
        let mut budget = Budget::new();
        assert_is(&budget.allowance, [256.0, 64.0, 64.0].map(|kib| kib * 1024.0));
        budget.allowance.per_second = 0.0;
        assert!(budget.charge(0));
        assert!(budget.charge(64 * 1024 - 1));
        assert!(budget.charge(64 * 1024 - 1), "nothing was said meanwhile");
        assert!(!budget.charge(64 * 1024), "nothing is left");
        assert!(!budget.charge(1 << 40));
        // The debt has a limit.
        assert_is(&budget.allowance, [0.0, 64.0, -64.0].map(|kib| kib * 1024.0));
    }

    #[test]
    fn a_peer_that_says_little_has_1_kib_per_second() {
        let mut credit = Credit::new();
        assert_is(&credit.0, [1024.0, 4096.0, 0.0]);
        credit.0.per_second = 0.0;
        credit.0.left = 100.0;
        assert!(credit.spend(40));
        assert!(credit.spend(60));
        assert!(!credit.spend(1));
        credit.0.left = 100.0;
        assert!(!credit.spend(101));
        // There are no debts.
        assert_is(&credit.0, [0.0, 4096.0, 0.0]);
    }

    #[test]
    fn a_pace_lets_the_lines_of_one_second_pass_at_once() {
        let mut pace = Pace::new(4.0);
        assert_eq!(std::array::from_fn(|_| pace.next()), [Duration::ZERO; 4]);
        let mut pace = Pace::new(0.01);
        let waits = std::array::from_fn(|_| pace.next().as_secs());
        let [0, 99 | 100, 199 | 200] = waits else { panic!("{waits:?}") };
    }
}
