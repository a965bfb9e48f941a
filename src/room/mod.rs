//! The room: the state that all threads of the server share, and every place where a lock of it is
//! taken.
//!
//! ```text
//! pending  what was said and is not delivered yet, in the order in which it was said
//! roster   who is here: socket, address, and how far each peer has come
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
//! 1. No thread waits for I/O while it holds a lock: sends do not wait, and the observer does not
//!    print. `RUST_LOG=trace` is the exception.
//! 2. Locks are taken in one order: roster, then pending. `pending` is not held during I/O.
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
pub(crate) mod lag;
pub(crate) mod peer;
pub(crate) mod reason;
pub(crate) mod roster;

use std::net::SocketAddr;
use std::sync::Arc;

use crate::protocol::{Batch, Framing, NOBODY, PeerId};
use crate::sync::{FairMutex, Mutex};
use roster::Roster;

pub use backlog::Entry;
pub use peer::{CatchUp, Socket};
pub use reason::Reason;
pub use roster::{Event, Observer, Report};

/// How much the room carries.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// How far one peer may fall behind, in bytes of memory.
    pub backlog: u64,
    /// From how much on, in bytes of memory, a speaker waits until what is pending is delivered.
    pub pending: usize,
    /// How many peers may be behind at once. Each needs a thread.
    pub laggards: usize,
}

impl Limits {
    /// The limits of a room in which `laggards` peers may fall `backlog` bytes behind.
    pub fn of(backlog: u64, laggards: usize) -> Self {
        // An eighth, so that one delivery does not take a reader from half a backlog to a whole one.
        // At most 256 KiB, as much as the system is asked to hold for a peer: much more at once would not
        // fit, and every peer would fall behind. With less, a thousand clients wait for one another.
        let pending = (backlog / 8).clamp(16 * 1024, 256 * 1024);
        Self { backlog, pending: usize::try_from(pending).unwrap_or(usize::MAX), laggards }
    }
}

/// The shared state. Any thread may call any method.
pub struct Room<S> {
    pending: Mutex<Pending>,
    /// Fair, because speakers take it with `try_lock` all the time: a thread that joins, leaves or
    /// catches up would find an unfair lock taken again and again.
    roster: FairMutex<Roster<S>>,
    max_pending: usize,
}

/// The messages that are not delivered yet.
#[derive(Default)]
struct Pending {
    batch: Batch,
    /// The farewell is in: nothing may follow it.
    closed: bool,
}

impl Pending {
    /// Adds lines at the end. Returns how much memory is pending now, in bytes.
    fn append(&mut self, lines: Batch) -> usize {
        if !self.closed {
            self.batch.append(lines);
        }
        self.batch.size()
    }
}

impl<S: Socket> Room<S> {
    /// An empty room.
    pub fn new(limits: Limits, observer: Box<dyn Observer>) -> Self {
        Self {
            pending: Mutex::new(Pending::default()),
            roster: FairMutex::new(Roster::new(limits, observer)),
            max_pending: limits.pending,
        }
    }

    /// Adds a record for a peer. With `echo`, the peer is sent its own lines as well. Returns nothing
    /// if the room is closed.
    pub fn join(
        &self,
        socket: Arc<S>,
        address: SocketAddr,
        framing: Framing,
        echo: bool,
    ) -> Option<PeerId> {
        self.with_roster(|roster| roster.add(socket, address, framing, echo))
    }

    /// Says `lines`. This thread delivers them, or another thread does so soon. Returns whether it is
    /// another thread.
    pub fn say(&self, lines: Batch) -> bool {
        let pending = self.pending.lock().append(lines);
        log::trace!("appends to pending");
        if pending < self.max_pending {
            return !self.deliver_pending();
        }
        // Speakers are faster than deliveries. Each of them now waits for the roster, as all would
        // with a single lock, so no more can pile up than one read of each. A thousand may wait, so
        // only one that still finds too much delivers here. If each did, it would send few lines, and
        // the last one would wait for a thousand such deliveries.
        self.with_roster(|roster| {
            if self.pending.lock().batch.size() >= self.max_pending {
                self.deliver(roster);
            }
        });
        false
    }

    /// The thread that reads from this peer ends: `reason` says why. If the peer has closed its side
    /// and is behind, it is first sent everything up to now. Otherwise its record is removed, unless
    /// another thread has done so.
    pub fn leave(&self, id: PeerId, reason: Reason) {
        self.with_roster(|roster| match reason {
            Reason::Left => {
                // Its own last lines may be pending still, and it is to be sent these as well.
                self.deliver(roster);
                roster.retire(id);
            }
            _ => roster.remove(id, reason),
        });
    }

    /// The next part of the backlog for a peer that is behind. Nothing means that the peer has caught
    /// up or is gone, and that its catch-up thread can end.
    pub fn next_part(&self, id: PeerId) -> Option<CatchUp<S>> {
        self.with_roster(|roster| roster.next_part(id))
    }

    /// Closes the room: says `farewell` as the last line. Each peer's stream ends with it, and once the
    /// peer has been sent everything, its socket is half-closed. Its record stays until the thread
    /// that reads from it leaves, or until [`Room::cut_off`]. That thread must go on reading: a
    /// message that arrives after a socket is shut resets the connection, and a reset can overtake the
    /// farewell.
    ///
    /// Returns how many peers there were, and how many messages were delivered before the farewell.
    pub fn close(&self, farewell: &str) -> Report {
        self.with_roster(|roster| {
            let peers = roster.report();
            let mut last = Batch::default();
            last.say(NOBODY, |text| text.extend_from_slice(farewell.as_bytes()));
            let mut pending = self.pending.lock();
            pending.append(last);
            pending.closed = true;
            drop(pending);
            self.deliver(roster);
            roster.close();
            Report { lines: roster.report().lines - 1, ..peers }
        })
    }

    /// Removes the remaining peers, even those that are behind.
    pub fn cut_off(&self) {
        self.with_roster(Roster::cut_off);
    }

    /// How many peers there are now, and how many messages were delivered.
    pub fn report(&self) -> Report {
        self.with_roster(|roster| roster.report())
    }

    /// Delivers everything that is pending. If another thread holds the roster, that thread comes
    /// here after unlocking and looks again. A look *before* unlocking would be too early: a thread
    /// could still append a line after it, find the roster locked, and return. Returns false if
    /// another thread delivers.
    fn deliver_pending(&self) -> bool {
        while !self.pending.lock().batch.is_empty() {
            let Some(mut roster) = self.roster.try_lock() else {
                log::trace!("the roster is busy");
                return false;
            };
            log::trace!("locks the roster");
            roster.let_others_append();
            self.deliver(&mut roster);
            log::trace!("unlocks the roster");
        }
        log::trace!("finds nothing pending");
        true
    }

    /// Waits for the roster, and runs `act`. It does not deliver first: a thousand threads that join
    /// at once would then wait for a thousand deliveries. Afterwards it looks at `pending`: another
    /// thread may have found the roster busy meanwhile.
    fn with_roster<T>(&self, act: impl FnOnce(&mut Roster<S>) -> T) -> T {
        log::trace!("waits for the roster");
        let mut roster = self.roster.lock();
        log::trace!("locks the roster");
        let done = act(&mut roster);
        log::trace!("unlocks the roster");
        drop(roster);
        self.deliver_pending();
        done
    }

    /// Takes everything that is pending, and sends it to every peer. The caller holds the roster.
    fn deliver(&self, roster: &mut Roster<S>) {
        let batch = std::mem::take(&mut self.pending.lock().batch);
        if !batch.is_empty() {
            // `pending` is unlocked again: others append while this thread sends.
            log::trace!("takes all that is pending, lines: {}", batch.count());
            roster.deliver(&Arc::new(batch));
        }
    }
}
