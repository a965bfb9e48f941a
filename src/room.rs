//! The room: everything that the threads of the server share, and every lock they take for it.
//!
//! ```text
//! said    what was said and is not delivered yet, in the order in which it was said
//! roster  who is here: socket, address, and what the peer has not taken yet
//! ```
//!
//! Whoever has something to say appends it to `said` and *tries* to get the roster. If it is free,
//! he delivers all that was said, by whomever, to everyone. If it is busy, he goes back to reading
//! from his own client: whoever holds the roster looks at `said` once more after letting go of it,
//! and leaves a note for the courier if there is something there.
//!
//! What holds, and where it is kept:
//!
//! 1. Nobody blocks while holding a lock. Sends do not wait, witnesses do not print, the channel
//!    for notes has no limit.
//! 2. Locks are taken in one order: roster, then said; and said is held to copy or to swap, never
//!    for I/O. ([`Room::round`])
//! 3. A line that was said is delivered, or its peer is pruned. ([`LookOnceMore`])
//! 4. One order for everyone: only who holds the roster sends, and he sends what `said` holds, as
//!    it stands there. ([`Room::round`])
//! 5. A record is removed exactly once, whoever notices first, and that shuts its socket.
//!    ([`Roster::remove`], [`Roster::deliver`])
//!
//! No socket is named here, and the lock comes from `sync.rs`: so the model checker runs this very
//! file, in every order of events that it can think of.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use crate::batch::{Batch, PeerId};
use crate::peer::{Owed, Reason, Socket};
use crate::roster::{Report, Roster, Witness};
use crate::sync::{FairMutex, FairMutexGuard, Mutex, Sender, yield_now};
use crate::wire::Framing;

/// What one who held the roster leaves for the courier to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Note {
    /// Something was said that nobody carries: call [`Room::deliver`].
    Carry,
    /// This peer fell behind: start a thread that sends what [`Room::owed`] says.
    Lags(PeerId),
    /// The room is closed and empty: there will be no more notes.
    Closed,
}

/// Why somebody could not join.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// As many as the room carries are here.
    Full {
        /// Nobody was refused since somebody last came in.
        news: bool,
    },
    /// The room is closed.
    Closed,
}

/// How much the room carries.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Peers at a time.
    pub peers: usize,
    /// How far one peer may fall behind, in bytes.
    pub backlog: u64,
}

/// How many sends one turn may take before the rest is left to the courier: a speaker who carries
/// what others say does not hear his own client meanwhile.
const SENDS_PER_TURN: usize = 256;

/// How many bytes may wait in `said`. Whoever finds more there waits for his turn.
const SAID_LIMIT: usize = 512 * 1024;

/// Up to so many peers, nobody is waited for: there is too little to be carried along.
const FEW: usize = 3;

/// How much memory is kept for the next batch, in bytes.
const SPARE: usize = 512 * 1024;

/// The shared state. Every method may be called by any thread.
pub struct Room<S: Socket> {
    said: Mutex<Batch>,
    roster: FairMutex<Members<S>>,
    /// Somebody who does read loses ground: a hint, so that speakers need no lock to see it.
    outruns: AtomicBool,
    notes: Sender<Note>,
    max_peers: usize,
}

/// What the roster's lock guards.
struct Members<S> {
    here: Roster<S>,
    closed: bool,
    /// Somebody was refused since somebody came in.
    known_full: bool,
    /// The last batch had lines of several: it is likely that the next one will.
    crowded: bool,
    /// The batch of the last round: its memory serves another one, unless it is still needed.
    spare: Option<Arc<Batch>>,
}

/// The right to touch the roster, and the duty that comes with it: the fields drop in this order.
struct Turn<'a, S: Socket> {
    members: FairMutexGuard<'a, Members<S>>,
    _duty: LookOnceMore<'a, S>,
}

/// The duty of whoever held the roster: look at `said` once more *after* letting go.
///
/// A speaker who finds the roster busy goes without a word. This look is why that is safe: what he
/// said before it is seen by it, and had he come after it, he would have found the roster free, or
/// held by another who has the same duty.
struct LookOnceMore<'a, S: Socket>(&'a Room<S>);

impl<S: Socket> Drop for LookOnceMore<'_, S> {
    fn drop(&mut self) {
        let stranded = !self.0.said.lock().is_empty();
        let found = if stranded { "something" } else { "nothing" };
        log::trace!("looks at said once more: {found}");
        if stranded {
            self.0.leave_note(Note::Carry);
        }
    }
}

impl<S: Socket> Room<S> {
    /// An empty room whose courier gets `notes`.
    pub fn new(limits: Limits, notes: Sender<Note>, witness: Box<dyn Witness>) -> Self {
        let here = Roster::new(limits.backlog, witness);
        let members =
            Members { here, closed: false, known_full: false, crowded: false, spare: None };
        Self {
            said: Mutex::new(Batch::default()),
            roster: FairMutex::new(members),
            outruns: AtomicBool::new(false),
            notes,
            max_peers: limits.peers,
        }
    }

    /// Adds a record for a peer, which hears its own lines only if `echo`.
    ///
    /// # Errors
    /// The room is full or closed.
    pub fn join(
        &self,
        socket: Arc<S>,
        address: SocketAddr,
        framing: Framing,
        echo: bool,
    ) -> Result<PeerId, Refused> {
        let mut turn = self.turn();
        let members = &mut *turn.members;
        if members.closed {
            return Err(Refused::Closed);
        }
        if members.here.peers.len() >= self.max_peers {
            let news = !std::mem::replace(&mut members.known_full, true);
            return Err(Refused::Full { news });
        }
        members.known_full = false;
        let id = members.here.add(socket, address, framing, echo);
        log::trace!("joins as peer {id}");
        Ok(id)
    }

    /// Says all lines of `heard`, which is empty afterwards. They are delivered now by the caller,
    /// or soon by another.
    pub fn say(&self, heard: &mut Batch) {
        let waiting = {
            let mut said = self.said.lock();
            said.append(heard);
            said.text().len()
        };
        log::trace!("appends to said");
        if waiting > SAID_LIMIT {
            return self.deliver();
        }
        match self.roster.try_lock() {
            Some(members) => {
                log::trace!("the roster is free");
                self.carry(Turn { members, _duty: LookOnceMore(self) });
            }
            None => log::trace!("the roster is busy"),
        }
    }

    /// Waits for the roster and delivers what was said.
    pub fn deliver(&self) {
        self.carry(self.turn());
    }

    /// Ends a membership, if nobody did before. A peer that closed its side and is behind is still
    /// sent what was said until then.
    pub fn leave(&self, id: PeerId, reason: Reason) {
        let mut turn = self.turn();
        if reason == Reason::Left {
            self.round(&mut turn.members);
            turn.members.here.retire(id);
        } else {
            turn.members.here.remove(id, reason);
        }
    }

    /// Whether a peer's record is still here. Asked after the end of its stream was read, this tells
    /// one that closed its side from one that was torn away: whoever notices that by sending holds
    /// the roster until the record is gone.
    pub fn is_here(&self, id: PeerId) -> bool {
        self.turn().members.here.peers.iter().any(|peer| peer.ear.id == id)
    }

    /// What a laggard is to be sent next. If there is nothing, it has caught up or is gone, and its
    /// catch-up thread has done its work.
    pub fn owed(&self, id: PeerId) -> Option<Owed<S>> {
        let mut turn = self.turn();
        if self.outruns.load(Relaxed) {
            self.outruns.store(turn.members.here.outruns(), Relaxed);
        }
        turn.members.here.owed(id)
    }

    /// Whether those who speak outrun one who reads. They should pause before they say more, so
    /// that nobody who reads is ever dropped.
    pub fn outruns_a_reader(&self) -> bool {
        self.outruns.load(Relaxed)
    }

    /// Closes the room: says `farewell` to everyone, after all else, and lets everyone go. Laggards
    /// stay until they have caught up, or until [`Room::cut_off`].
    ///
    /// Returns the sockets of the others, for the caller to shut when they have had the time to
    /// hang up: if that came first, what they are saying right now would reset the connection, and
    /// a reset can overtake the farewell.
    pub fn close(&self, farewell: &str) -> Vec<Arc<S>> {
        let mut turn = self.turn();
        turn.members.closed = true;
        self.round(&mut turn.members);
        self.said.lock().say(0, |text| text.extend_from_slice(farewell.as_bytes()));
        self.round(&mut turn.members);
        turn.members.here.retire_all()
    }

    /// Lets go of whoever is left, wherever they stand.
    pub fn cut_off(&self) {
        self.turn().members.here.clear();
    }

    /// What the room looks like now.
    pub fn report(&self) -> Report {
        self.turn().members.here.report()
    }

    fn turn(&self) -> Turn<'_, S> {
        log::trace!("waits for the roster");
        Turn { members: self.roster.lock(), _duty: LookOnceMore(self) }
    }

    /// Delivers round after round, until nothing is left or the turn is over.
    fn carry(&self, mut turn: Turn<'_, S>) {
        let mut sends = 0;
        if turn.members.crowded && turn.members.here.peers.len() > FEW {
            // Those who are about to speak are let speak first: one send then carries them all.
            yield_now();
        }
        while sends < SENDS_PER_TURN && self.round(&mut turn.members) {
            sends += turn.members.here.peers.len();
        }
    }

    /// Delivers all that is said by now, as one batch. Returns whether there was anything.
    fn round(&self, members: &mut Members<S>) -> bool {
        let mut batch = members.spare.take().and_then(Arc::into_inner).unwrap_or_default();
        batch.clear(SPARE);
        std::mem::swap(&mut batch, &mut *self.said.lock());
        let any = !batch.is_empty();
        log::trace!("takes all of said: {} lines", batch.count());
        let batch = Arc::new(batch);
        if any {
            let delivered = members.here.deliver(&batch);
            delivered.laggards.into_iter().for_each(|id| self.leave_note(Note::Lags(id)));
            self.outruns.store(delivered.outruns, Relaxed);
            members.crowded = batch.count() > 1;
        }
        members.spare = Some(batch);
        any
    }

    fn leave_note(&self, note: Note) {
        log::trace!("leaves a note: {note:?}");
        // Only when the room is closed and empty is nobody there to read notes, or to need them.
        let _ = self.notes.send(note);
    }
}
