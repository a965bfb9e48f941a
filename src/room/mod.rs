//! The room: the state that all threads of the server share, and every place where a lock is taken.
//!
//! ```text
//! pending  the messages that are not delivered yet, in their order
//! roster   the peers: socket, address, and how far each has come
//! turns    the budget of the room; speakers that must wait queue for this lock
//! ```
//!
//! A thread with a message appends it to `pending` and *tries* to lock the roster. If it gets the
//! lock, it delivers everything that is pending, also the messages of other threads. If not, another
//! thread holds the roster, and that thread looks at `pending` again after unlocking. So no thread
//! waits for the roster to speak, and one `send` carries many messages. This is flat combining
//! (Hendler, Incze, Shavit, Tzafrir: "Flat combining and the synchronization-parallelism tradeoff",
//! SPAA 2010), except that a thread does not wait for its result.
//!
//! Invariants, and where each is kept:
//! 1. No thread waits for I/O while it holds `pending` or `roster`: sends do not wait, and the observer
//!    does not print. `RUST_LOG=trace` is the exception. The holder of `turns` does wait, but only
//!    other waiting speakers need that lock.
//! 2. Locks are taken in one order: turns or roster, then pending. `pending` is not held during I/O.
//! 3. A message in `pending` is delivered to every peer, or the peer is removed.
//!    ([`Room::deliver_pending`])
//! 4. All peers get the messages in one order: only the holder of the roster takes them from `pending`,
//!    and catch-up threads send the same batches in the same order. ([`Room::deliver`])
//! 5. A record is removed exactly once, inside the lock, and its socket is shut. ([`Roster::remove`],
//!    [`Roster::deliver`])
//!
//! No TCP is named here, and locks, atomics and threads come from `sync.rs`. So the model checker can
//! run this very file.

pub(crate) mod backlog;
pub(crate) mod batch;
pub(crate) mod flow;
pub(crate) mod lag;
pub(crate) mod peer;
pub(crate) mod reason;
pub(crate) mod roster;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use crate::protocol::Framing;
use crate::sync::{AtomicBool, FairMutex, FairMutexGuard, Mutex, Relaxed, yield_now};
use flow::Budget;
use roster::Roster;

pub use backlog::Entry;
pub use batch::{Batch, PeerId, Recipient};
pub use peer::{CatchUp, Socket};
pub use reason::Reason;
pub use roster::{Observer, Report};

/// How long the speaker at the head of the queue rests before it looks again.
const PAUSE: Duration = Duration::from_millis(1);

/// The speaker of the farewell: the number of no peer.
const SERVER: PeerId = 0;

/// How much the room carries.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// How far one peer may fall behind, in bytes of memory.
    pub backlog: u64,
    /// How much may be pending before speakers wait, in bytes of memory.
    pub pending: usize,
}

impl Limits {
    /// The limits of a room in which a peer may fall `backlog` bytes behind.
    pub fn of(backlog: u64) -> Self {
        // An eighth, so that one delivery does not take a reader from half a backlog to a whole one.
        let pending = (backlog / 8).clamp(16 * 1024, 1024 * 1024);
        Self { backlog, pending: usize::try_from(pending).unwrap_or(usize::MAX) }
    }
}

/// Starts the thread that sends the backlog to a peer that is behind.
pub type StartCatchUp<'a, S> = Box<dyn Fn(&Arc<Room<'a, S>>, PeerId) + Send + Sync + 'a>;

/// The shared state. Any thread may call any method.
pub struct Room<'a, S: Socket> {
    pending: Mutex<Pending>,
    roster: FairMutex<Roster<S>>,
    turns: FairMutex<Budget>,
    /// Whether some reader is overrun. Speakers read it without a lock; an old value does no harm.
    overrun: AtomicBool,
    limits: Limits,
    start_catch_up: StartCatchUp<'a, S>,
}

/// The messages that are not delivered yet.
#[derive(Default)]
struct Pending {
    batch: Batch,
    /// How many bytes all peers have said since the start.
    said: u64,
    /// The farewell is in: nothing may follow it.
    closed: bool,
}

impl Pending {
    /// Whether speakers must wait until some messages are delivered.
    fn is_full(&self, limits: Limits) -> bool {
        self.batch.size() >= limits.pending
    }

    fn append(&mut self, lines: Batch) {
        if !self.closed {
            self.said += lines.text().len() as u64;
            self.batch.append(lines);
        }
    }
}

impl<'a, S: Socket> Room<'a, S> {
    /// An empty room.
    pub fn new(
        limits: Limits,
        observer: Box<dyn Observer>,
        start_catch_up: StartCatchUp<'a, S>,
    ) -> Arc<Self> {
        Arc::new(Self {
            pending: Mutex::new(Pending::default()),
            roster: FairMutex::new(Roster::new(limits.backlog, observer)),
            turns: FairMutex::new(Budget::new()),
            overrun: AtomicBool::new(false),
            limits,
            start_catch_up,
        })
    }

    /// Adds a record for a peer. With `echo`, the peer is sent its own lines as well. Returns nothing
    /// if the room is closed.
    pub fn join(
        self: &Arc<Self>,
        socket: Arc<S>,
        address: SocketAddr,
        framing: Framing,
        echo: bool,
    ) -> Option<PeerId> {
        self.with_roster(|roster| roster.add(socket, address, framing, echo))
    }

    /// Says `lines` now. This thread delivers them, or another thread does so soon.
    pub fn say(self: &Arc<Self>, lines: Batch) {
        self.pending.lock().append(lines);
        log::trace!("appends to pending");
        self.deliver_pending();
    }

    /// Says `lines`, but first waits for a turn while a reader is overrun or too much is pending. If
    /// the speaker's connection ends before its turn, the lines are lost with it.
    pub fn say_in_turn(self: &Arc<Self>, lines: Batch, speaker: &S) {
        let mut pending = self.pending.lock();
        if !pending.is_full(self.limits) && !self.overrun.load(Relaxed) {
            pending.append(lines);
            drop(pending);
            log::trace!("appends to pending");
            return self.deliver_pending();
        }
        drop(pending);
        log::trace!("waits for its turn");
        let mut budget = self.turns.lock();
        while !self.has_turn(&mut budget) {
            if speaker.wait_for_end(PAUSE) {
                return;
            }
        }
        self.pending.lock().append(lines);
        drop(budget);
        log::trace!("appends to pending");
        self.deliver_pending();
    }

    /// Whether the speaker at the head of the queue may speak.
    fn has_turn(&self, budget: &mut Budget) -> bool {
        let pending = self.pending.lock();
        let allowed = budget.charge(pending.said) || !self.overrun.load(Relaxed);
        pending.closed || (allowed && !pending.is_full(self.limits))
    }

    /// Removes a peer, unless another thread has done so. A peer that closed its side while it was
    /// behind is first sent everything up to now.
    pub fn leave(self: &Arc<Self>, id: PeerId, reason: Reason) {
        self.with_roster(|roster| match reason {
            Reason::Left => {
                self.deliver(roster);
                roster.retire(id);
            }
            _ => roster.remove(id, reason),
        });
    }

    /// The next part of the backlog for a peer that is behind. Nothing means that the peer has caught
    /// up or is gone, and that its catch-up thread can end.
    pub fn next_part(self: &Arc<Self>, id: PeerId) -> Option<CatchUp<S>> {
        self.with_roster(|roster| roster.next_part(id))
    }

    /// Closes the room: sends `farewell` to everyone as the last line, and removes every peer that
    /// has it. Peers that are behind stay until they have caught up, or until [`Room::cut_off`].
    ///
    /// Returns the sockets of the removed peers, half closed. The caller shuts them after the peers
    /// have had time to hang up. If it shut them at once, a message that still arrives would reset the
    /// connection, and a reset can overtake the farewell.
    pub fn close(self: &Arc<Self>, farewell: &str) -> Vec<Arc<S>> {
        self.with_roster(|roster| {
            let mut last = Batch::default();
            last.say(SERVER, |text| text.extend_from_slice(farewell.as_bytes()));
            let mut pending = self.pending.lock();
            pending.append(last);
            pending.closed = true;
            drop(pending);
            self.deliver(roster);
            roster.closed = true;
            roster.retire_all()
        })
    }

    /// Removes the remaining peers, even those that are behind.
    pub fn cut_off(self: &Arc<Self>) {
        self.with_roster(Roster::clear);
    }

    /// How many peers there are now, and how many messages were delivered.
    pub fn report(self: &Arc<Self>) -> Report {
        self.with_roster(|roster| roster.report())
    }

    /// Delivers everything that is pending. If another thread holds the roster, that thread comes
    /// here after unlocking and looks again. A look *before* unlocking would be too early: a thread
    /// could still append a line after it, find the roster locked, and return.
    fn deliver_pending(self: &Arc<Self>) {
        while !self.pending.lock().batch.is_empty() {
            let Some(mut roster) = self.roster.try_lock() else {
                return log::trace!("the roster is busy");
            };
            log::trace!("locks the roster");
            if roster.crowded {
                // Other speakers can append first, and one send carries their lines as well. Without
                // this, the p99 latency at 5 to 30 clients is two to four times as long.
                yield_now();
            }
            self.deliver(&mut roster);
            self.unlock(roster);
        }
        log::trace!("finds nothing pending");
    }

    /// Waits for the roster, and runs `act`. It does not deliver first: a thousand threads that join
    /// at once would then wait for a thousand deliveries.
    fn with_roster<T>(self: &Arc<Self>, act: impl FnOnce(&mut Roster<S>) -> T) -> T {
        log::trace!("waits for the roster");
        let mut roster = self.roster.lock();
        log::trace!("locks the roster");
        let done = act(&mut roster);
        self.unlock(roster);
        self.deliver_pending();
        done
    }

    /// Unlocks the roster. Then starts a thread for each peer that fell behind meanwhile.
    fn unlock(self: &Arc<Self>, mut roster: FairMutexGuard<Roster<S>>) {
        let fallen_behind = std::mem::take(&mut roster.fallen_behind);
        log::trace!("unlocks the roster");
        drop(roster);
        for id in fallen_behind {
            (self.start_catch_up)(self, id);
        }
    }

    /// Takes everything that is pending, and sends it to every peer.
    fn deliver(&self, roster: &mut Roster<S>) {
        let batch = std::mem::take(&mut self.pending.lock().batch);
        if batch.is_empty() {
            return;
        }
        log::trace!("takes all that is pending, lines: {}", batch.count());
        let overrun = roster.deliver(&Arc::new(batch));
        self.overrun.store(overrun, Relaxed);
    }
}
