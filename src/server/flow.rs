//! Flow control: how long a speaker waits before it may say its lines.
//!
//! While some reader is overrun, all speakers together share a budget. They wait in a queue, in the
//! order in which they came, and only the head of the queue looks at the budget. A speaker that says
//! little has credit, and does not wait. With `--rate`, each speaker has a pace of its own as well.
//!
//! A speaker waits before it says its lines, so it holds no lock of the room meanwhile.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::room::Socket;
use crate::sync::{AtomicBool, AtomicU64, Mutex, Relaxed, Thread, current, park_timeout};

/// How much all peers together may say while a reader is overrun, in bytes per second. The promise: a
/// reader that takes this much stays, unless it pauses for so long that it does not count as a reader.
const ROOM_RATE: f64 = 262_144.0;

/// How much the budget can save, or owe, in bytes: a quarter of a second. With less, speakers that are
/// woken a little late could not say 256 KiB/s. With more, a burst would fill the second half of the
/// backlog of a reader.
const ROOM_BURST: f64 = 65_536.0;

/// How much a peer may say without waiting for its turn, in bytes per second. The promise: a short
/// line is said within a second, whatever the others say.
const CREDIT_RATE: f64 = 1024.0;

/// How much of this it can save, in bytes: sanitizing can make a line three times as long.
const CREDIT_BURST: f64 = 4_096.0;

/// How long the speaker at the head of the queue rests before it looks at the budget again. The promise:
/// meanwhile all may say 256 KiB/s, and each turn can lose this much time. The budget grows by 262 bytes
/// in it.
const HEAD_PAUSE: Duration = Duration::from_millis(1);

/// How long a speaker waits without a look whether its connection has ended or the room is closed. It
/// is shorter than the time that a stopping server waits for the next byte of a peer, so that this
/// peer's thread reads again before that time is over.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// What all speakers share: the budget, and the queue for it. The room tells it whether a reader is
/// overrun, and does not know who waits for what.
pub(crate) struct Flow {
    /// Whether some reader is overrun. Speakers read it without a lock: with an old value, one more read
    /// passes, or waits for one more look.
    overrun: AtomicBool,
    /// The room is closed: lines are thrown away, so no speaker waits any more.
    closed: AtomicBool,
    /// How many bytes all peers have said since the start.
    pub(super) said: AtomicU64,
    pub(super) queue: Mutex<Queue>,
}

/// The speakers that wait, and what they wait for. A lock alone would let them pass in order as well,
/// but a thread that waits for a lock cannot notice that its connection has ended.
pub(super) struct Queue {
    pub(super) budget: Budget,
    pub(super) waiting: VecDeque<Thread>,
}

impl Flow {
    pub(crate) fn new(budget: Budget) -> Self {
        Self {
            overrun: AtomicBool::new(false),
            closed: AtomicBool::new(false),
            said: AtomicU64::new(0),
            queue: Mutex::new(Queue { budget, waiting: VecDeque::new() }),
        }
    }

    /// From now on some reader is overrun, or none is.
    pub(crate) fn set_overrun(&self, overrun: bool) {
        self.overrun.store(overrun, Relaxed);
    }

    /// Lets every speaker go on at once. The room must be closed: what is said now is thrown away.
    pub(crate) fn close(&self) {
        self.closed.store(true, Relaxed);
    }

    /// Whether the room is closed.
    pub(crate) fn is_closed(&self) -> bool {
        self.closed.load(Relaxed)
    }

    /// Waits until `speaker` may say so many bytes. Without an overrun reader, or with enough credit, it
    /// may do so at once. Returns whether it may: not if its connection ends first.
    pub(crate) fn wait(&self, bytes: usize, credit: &mut Credit, speaker: &impl Socket) -> bool {
        if credit.spend(bytes) || !self.overrun.load(Relaxed) {
            self.said.fetch_add(bytes as u64, Relaxed);
            return true;
        }
        self.wait_for_turn(bytes, speaker)
    }

    /// Waits in the queue. A thread that is not the head is parked: the head wakes the next one.
    fn wait_for_turn(&self, bytes: usize, speaker: &impl Socket) -> bool {
        log::trace!("waits for its turn");
        // Its thread stands for the speaker: a thread serves one client.
        let own = current().id();
        self.queue.lock().waiting.push_back(current());
        let mut ended = false;
        loop {
            let mut queue = self.queue.lock();
            let is_head = queue.waiting.front().is_some_and(|head| head.id() == own);
            if ended || (is_head && self.has_turn(&mut queue.budget)) {
                // The head passes, or a connection has ended somewhere in the queue. The others keep their
                // order. Waking a head that is awake does no harm.
                queue.waiting.retain(|thread| thread.id() != own);
                if let Some(head) = queue.waiting.front() {
                    head.unpark();
                }
                if !ended {
                    // Inside the lock: the next head must see it.
                    self.said.fetch_add(bytes as u64, Relaxed);
                }
                return !ended;
            }
            drop(queue);
            if !is_head {
                park_timeout(LOOK_AGAIN);
            }
            ended = speaker.wait_for_end(if is_head { HEAD_PAUSE } else { Duration::ZERO });
        }
    }

    /// Whether the head of the queue may speak.
    fn has_turn(&self, budget: &mut Budget) -> bool {
        // Charged also if nobody has to wait any more, so that this is not charged later.
        let allowed = budget.charge(self.said.load(Relaxed));
        allowed || !self.overrun.load(Relaxed) || self.is_closed()
    }

    /// Waits until the next line of `speaker` is due. Returns false if its connection ends first.
    pub(crate) fn wait_until_due(&self, pace: &mut Pace, speaker: &impl Socket) -> bool {
        let due = Instant::now() + pace.next();
        loop {
            let left = due.saturating_duration_since(Instant::now());
            if speaker.wait_for_end(left.min(LOOK_AGAIN)) {
                return false;
            }
            if left <= LOOK_AGAIN || self.is_closed() {
                return true;
            }
        }
    }
}

/// An amount that grows with time up to a limit, and that speaking spends.
#[derive(Debug)]
pub(super) struct Allowance {
    pub(super) per_second: f64,
    pub(super) burst: f64,
    pub(super) left: f64,
    pub(super) counted: Instant,
}

impl Allowance {
    pub(super) fn new(per_second: f64, burst: f64, left: f64) -> Self {
        Self { per_second, burst, left, counted: Instant::now() }
    }

    /// The amount now. It is negative after too much was spent.
    pub(super) fn left(&mut self) -> f64 {
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
    pub(super) allowance: Allowance,
    /// How many bytes the room had said at the last look.
    said: u64,
}

impl Budget {
    pub(crate) fn of_room() -> Self {
        Self::new(ROOM_RATE, ROOM_BURST)
    }

    /// So many bytes per second, of which it saves or owes at most `burst`. The model checker has one
    /// of its own, because it has no time to wait.
    pub(crate) fn new(per_second: f64, burst: f64) -> Self {
        Self { allowance: Allowance::new(per_second, burst, burst), said: 0 }
    }

    /// Charges everything that was said since the last call, when the room has said `said` bytes in
    /// all; lines that did not wait for a turn as well. Returns whether something was left.
    pub(crate) fn charge(&mut self, said: u64) -> bool {
        let spent = u32::try_from(said - self.said).unwrap_or(u32::MAX);
        self.said = said;
        let left = self.allowance.left() - f64::from(spent);
        self.allowance.left = left.max(-self.allowance.burst);
        left > 0.0
    }
}

/// How much one peer may say without waiting for its turn. It begins with nothing, so a peer that
/// connects again and again gets nothing.
#[derive(Debug)]
pub(crate) struct Credit(pub(super) Allowance);

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
pub(crate) struct Pace(pub(super) Allowance);

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
