//! The room: everything that the threads of the server share, and every lock they take for it.
//!
//! ```text
//! pending  what was said and is not delivered yet, in the order in which it was said
//! roster   the peers that are here: socket, address, and how far each has come
//! turns    the queue of the speakers that must wait; held by the one whose turn is next
//! ```
//!
//! A thread with something to say appends it to `pending` and *tries* to lock the roster. If that
//! works, it delivers all that is pending, its own lines and those of others. If it does not work,
//! another thread holds the roster, and that thread looks at `pending` again after unlocking. So no
//! thread waits for the roster to speak, and one `send` carries the lines of many. This is flat
//! combining (Hendler, Incze, Shavit, Tzafrir: "Flat combining and the synchronization-parallelism
//! tradeoff", SPAA 2010), with the difference that a thread does not wait for its result.
//!
//! What always holds, and where:
//!
//! 1. Nobody blocks while holding `pending` or `roster`: sends do not wait, the observer does not
//!    print. (Printing what `RUST_LOG=trace` asks for is the exception.) The thread at the head of
//!    `turns` does wait, and only speakers that wait as well can notice.
//! 2. Locks are taken in one order: turns or roster, then pending, and pending never for I/O.
//! 3. A line that was said is delivered, or its peer is pruned. ([`Room::deliver_pending`])
//! 4. There is one order for all: only the holder of the roster sends, and it sends what is
//!    pending, as it stands there. ([`Room::deliver`])
//! 5. A record is removed exactly once, and that ends its socket. ([`Roster::remove`],
//!    [`Roster::deliver`])
//!
//! No TCP is named here, and locks, atomics and threads come from `sync.rs`: so the model checker
//! runs this very file.

pub(crate) mod backlog;
pub(crate) mod batch;
pub(crate) mod flow;
pub(crate) mod peer;
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
pub use peer::{CatchUp, Reason, Socket};
pub use roster::{Observer, Report};

/// How long the speaker whose turn is next rests before it looks again.
const PAUSE: Duration = Duration::from_millis(1);

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
        // An eighth, so that what is delivered at once never takes a reader from half a backlog
        // to a whole one.
        let pending = (backlog / 8).clamp(16 * 1024, 1024 * 1024);
        Self { backlog, pending: usize::try_from(pending).unwrap_or(usize::MAX) }
    }
}

/// Starts the thread that sends to a peer what it has not taken.
pub type StartCatchUp<'a, S> = Box<dyn Fn(&Arc<Room<'a, S>>, PeerId) + Send + Sync + 'a>;

/// The shared state. Every method may be called by any thread.
pub struct Room<'a, S: Socket> {
    pending: Mutex<Pending>,
    roster: FairMutex<Roster<S>>,
    turns: FairMutex<Budget>,
    /// A peer that does read loses ground: a hint, so that speakers need no lock to see it.
    overrun: AtomicBool,
    limits: Limits,
    start_catch_up: StartCatchUp<'a, S>,
}

/// What was said and is not delivered yet.
#[derive(Default)]
struct Pending {
    batch: Batch,
    /// How many bytes were ever said.
    said: u64,
    /// The farewell was said: it is the last thing anyone is sent.
    closed: bool,
}

impl Pending {
    /// Whether speakers must wait until some of it is delivered.
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

    /// Adds a record for a peer, which is sent its own lines only if `echo`. Returns nothing if the
    /// room is closed.
    pub fn join(
        self: &Arc<Self>,
        socket: Arc<S>,
        address: SocketAddr,
        framing: Framing,
        echo: bool,
    ) -> Option<PeerId> {
        self.with_roster(|roster| roster.add(socket, address, framing, echo))
    }

    /// Says all of `lines` now. They are delivered by this thread, or soon by another.
    pub fn say(self: &Arc<Self>, lines: Batch) {
        self.pending.lock().append(lines);
        log::trace!("appends to pending");
        self.deliver_pending();
    }

    /// Says all of `lines`, but waits for its turn while a reader is overrun or too much is
    /// pending. If the connection of the speaker ends meanwhile, the lines are lost with it.
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
        self.deliver_pending();
    }

    /// Whether the speaker at the head of the queue may speak.
    fn has_turn(&self, budget: &mut Budget) -> bool {
        let pending = self.pending.lock();
        let allowed = budget.allows(pending.said) || !self.overrun.load(Relaxed);
        pending.closed || (allowed && !pending.is_full(self.limits))
    }

    /// Ends a membership, unless another thread did before. A peer that closed its side and is
    /// behind is still sent what was said until then.
    pub fn leave(self: &Arc<Self>, id: PeerId, reason: Reason) {
        self.with_roster(|roster| match reason {
            Reason::Left => roster.retire(id),
            _ => roster.remove(id, reason),
        });
    }

    /// What a laggard is to be sent next. If there is nothing, it has caught up or is gone, and its
    /// catch-up thread has done its work.
    pub fn catch_up(self: &Arc<Self>, id: PeerId) -> Option<CatchUp<S>> {
        self.with_roster(|roster| roster.catch_up(id))
    }

    /// Closes the room: says `farewell` to everyone, after all else, and removes every peer that
    /// has it. Laggards stay until they have caught up, or until [`Room::cut_off`].
    ///
    /// Returns the sockets of the removed peers. Their sending side is closed. The caller shuts
    /// them when their peers have had the time to hang up: earlier, what a peer is saying right now
    /// would reset the connection, and a reset can overtake the farewell.
    pub fn close(self: &Arc<Self>, farewell: &str) -> Vec<Arc<S>> {
        self.with_roster(|roster| {
            let mut last = Batch::default();
            last.say(0, |text| text.extend_from_slice(farewell.as_bytes()));
            let mut pending = self.pending.lock();
            pending.append(last);
            pending.closed = true;
            drop(pending);
            self.deliver(roster);
            roster.closed = true;
            roster.retire_all()
        })
    }

    /// Removes the peers that are left, wherever they stand.
    pub fn cut_off(self: &Arc<Self>) {
        self.with_roster(Roster::clear);
    }

    /// What the room looks like now.
    pub fn report(self: &Arc<Self>) -> Report {
        self.with_roster(|roster| roster.report())
    }

    /// Delivers what is pending, unless another thread holds the roster: that thread comes here
    /// after unlocking, and looks again. A look *before* unlocking would miss a line that is
    /// appended in between, by a thread that finds the roster still locked.
    fn deliver_pending(self: &Arc<Self>) {
        while !self.pending.lock().batch.is_empty() {
            let Some(mut roster) = self.roster.try_lock() else {
                return log::trace!("the roster is busy");
            };
            log::trace!("locks the roster");
            if roster.crowded {
                // Other speakers get the processor for a moment, so that one send carries their
                // lines as well. Without this, p99 at 30 clients is three times as long.
                yield_now();
            }
            self.deliver(&mut roster);
            self.unlock(roster);
        }
        log::trace!("finds nothing pending");
    }

    /// Waits for the roster and delivers what is pending; then does what it is locked for.
    fn with_roster<T>(self: &Arc<Self>, act: impl FnOnce(&mut Roster<S>) -> T) -> T {
        log::trace!("waits for the roster");
        let mut roster = self.roster.lock();
        log::trace!("locks the roster");
        self.deliver(&mut roster);
        let done = act(&mut roster);
        self.unlock(roster);
        self.deliver_pending();
        done
    }

    /// Unlocks the roster, and starts the threads of the peers that fell behind meanwhile.
    fn unlock(self: &Arc<Self>, mut roster: FairMutexGuard<Roster<S>>) {
        let fallen_behind = std::mem::take(&mut roster.fallen_behind);
        log::trace!("unlocks the roster");
        drop(roster);
        for id in fallen_behind {
            (self.start_catch_up)(self, id);
        }
    }

    /// Takes all that is pending, and sends it to every peer.
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
