//! The room: everything the threads of the server share, and every lock they take for it.
//!
//! ```text
//! said    what was said and is not delivered yet, in the order it was said
//! roster  who is here: a record of socket and address for each peer, and what each has not taken
//! ```
//!
//! Whoever has something to say appends it to `said` and *tries* to get the roster. If it is free,
//! he delivers all that was said, by whomever, to everyone. If it is busy, he goes back to reading
//! his client: the one who holds the roster looks at `said` once more after he let go, and if
//! something is there that he cannot carry himself, he leaves a note for the courier.
//!
//! The rules that make this right, each kept in this file:
//!
//! 1. Nobody blocks while holding a lock: sends do not wait, witnesses do not print.
//! 2. Locks are taken in one order: `roster`, then `said`; and `said` is held for a copy, never
//!    for I/O.
//! 3. What was said is delivered, or its peer is pruned. See [`Turn`].
//! 4. One order for everyone: only the holder of the roster sends, and he sends what `said` holds,
//!    as it stands there.
//! 5. A record is removed once, whoever notices first, and that shuts its socket. See
//!    [`Roster::remove`].
//!
//! No sockets are named here and nothing else of this crate is known but plain data: that is why
//! the model checker can run this file as it is.

use std::net::SocketAddr;
use std::sync::Arc;

use crate::backlog::Backlog;
use crate::batch::{Batch, Ear, PeerId};
use crate::peer::{Owed, Peer, Reason, Socket};
use crate::sync::{Mutex, MutexGuard, Sender};
use crate::wire::Framing;

/// Sees what happens in the room, in the order it happens. Called inside the critical section, so
/// it must never wait.
pub trait Witness: Send + Sync {
    /// A peer has come.
    fn came(&self, address: SocketAddr);
    /// These lines have been delivered.
    fn said(&self, batch: &Arc<Batch>);
    /// A peer has gone.
    fn went(&self, address: SocketAddr, reason: Reason);
}

/// What a holder of the roster leaves for the courier to do.
#[derive(Debug, PartialEq, Eq)]
pub enum Note {
    /// Something was said that nobody carries: call [`Room::deliver`].
    Carry,
    /// This peer fell behind: start a thread that calls [`Room::owed`] and sends.
    Lags(PeerId),
    /// The room is closed and empty: the work is done.
    Closed,
}

/// Why somebody could not join.
#[derive(Debug, PartialEq, Eq)]
pub enum Refused {
    /// As many as the room carries are here.
    Full,
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

/// What the room looks like at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Report {
    /// Peers that are here.
    pub peers: usize,
    /// Those of them that are behind.
    pub laggards: usize,
    /// Lines delivered so far.
    pub lines: u64,
}

/// How many sends one turn may take before the rest is left to the courier: a speaker who carries
/// what others say does not hear his own client meanwhile.
const SENDS_PER_TURN: usize = 256;

/// How many bytes may wait in `said`. Whoever finds more waits his turn instead of reading on.
const SAID_LIMIT: usize = 512 * 1024;

/// How many bytes a catch-up thread takes along at once.
const CATCH_UP: u64 = 64 * 1024;

/// How much memory an idle room keeps for its next batch, in bytes.
const SPARE: usize = 512 * 1024;

/// The shared state. All methods may be called by any thread.
pub struct Room<S: Socket> {
    said: Mutex<Batch>,
    roster: Mutex<Roster<S>>,
    notes: Sender<Note>,
    witness: Box<dyn Witness>,
    limits: Limits,
}

struct Roster<S> {
    peers: Vec<Peer<S>>,
    backlog: Backlog,
    /// The batch of the last round: its memory serves another one, unless it is still needed.
    spare: Option<Arc<Batch>>,
    joined: PeerId,
    lines: u64,
    closed: bool,
}

/// The right to touch the roster, and the duty that comes with it. Fields drop in this order.
struct Turn<'a, S: Socket> {
    roster: MutexGuard<'a, Roster<S>>,
    _duty: LookOnceMore<'a, S>,
}

/// The duty of whoever held the roster: look at `said` once more *after* letting go.
///
/// A speaker who finds the roster busy leaves without a word. That is safe because of this look:
/// if he came before it, it sees his line; if he came after it, he found the roster free, or
/// somebody else in it who has this duty as well.
struct LookOnceMore<'a, S: Socket>(&'a Room<S>);

impl<S: Socket> Drop for LookOnceMore<'_, S> {
    fn drop(&mut self) {
        let stranded = !self.0.said.lock().is_empty();
        if stranded {
            self.0.leave_note(Note::Carry);
        }
    }
}

impl<S: Socket> Room<S> {
    /// An empty room whose courier reads `notes`.
    pub fn new(limits: Limits, notes: Sender<Note>, witness: Box<dyn Witness>) -> Self {
        let roster = Roster {
            peers: Vec::new(),
            backlog: Backlog::default(),
            spare: None,
            joined: 0,
            lines: 0,
            closed: false,
        };
        Self { said: Mutex::default(), roster: Mutex::new(roster), notes, witness, limits }
    }

    /// Adds a record for a peer that hears its own lines if `echo`.
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
        if turn.roster.closed {
            return Err(Refused::Closed);
        }
        if turn.roster.peers.len() >= self.limits.peers {
            return Err(Refused::Full);
        }
        turn.roster.joined += 1;
        let id = turn.roster.joined;
        let ear = Ear { id, framing, echo };
        turn.roster.peers.push(Peer { socket, address, ear, lag: None });
        self.witness.came(address);
        Ok(id)
    }

    /// Says all lines of `heard`, and leaves it empty. They are delivered now, or by whoever holds
    /// the roster now.
    pub fn say(&self, heard: &mut Batch) {
        let waiting = {
            let mut said = self.said.lock();
            said.append(heard);
            said.text().len()
        };
        if waiting > SAID_LIMIT {
            self.deliver();
        } else if let Some(roster) = self.roster.try_lock() {
            self.carry(Turn { roster, _duty: LookOnceMore(self) });
        } else {
            log::trace!("the roster is busy: its holder carries what I said");
        }
    }

    /// Waits for the roster and delivers what was said.
    pub fn deliver(&self) {
        self.carry(self.turn());
    }

    /// Ends a peer's membership, if nobody did so before. One that left by itself and is behind
    /// still gets what was said before it left.
    pub fn leave(&self, id: PeerId, reason: Reason) {
        let mut turn = self.turn();
        if reason == Reason::Left {
            self.round(&mut turn.roster);
            let end = turn.roster.backlog.end();
            if let Some(Peer { lag: Some(lag), .. }) = turn.roster.peer(id) {
                lag.until.get_or_insert(end);
                return;
            }
        }
        if let Some(peer) = turn.roster.remove(id) {
            self.let_go(&peer, reason);
        }
    }

    /// What a laggard is to be sent now that it has `reached` a position in the stream (0 at
    /// first). Nothing, if it has caught up or is gone: its catch-up thread has done its work.
    pub fn owed(&self, id: PeerId, reached: u64) -> Option<Owed<S>> {
        let mut turn = self.turn();
        let end = turn.roster.backlog.end();
        let peer = turn.roster.peer(id)?;
        let lag = peer.lag.as_mut()?;
        lag.position = lag.position.max(reached);
        let (position, until) = (lag.position, lag.until);
        if position < until.unwrap_or(end) {
            let (socket, ear) = (Arc::clone(&peer.socket), peer.ear);
            turn.roster.trim();
            let batches = turn.roster.backlog.from(position, CATCH_UP);
            return Some(Owed { socket, ear, position, batches });
        }
        log::trace!("peer {id} has caught up");
        peer.lag = None;
        if until.is_some()
            && let Some(peer) = turn.roster.remove(id)
        {
            self.let_go(&peer, Reason::Left);
        }
        turn.roster.trim();
        None
    }

    /// Closes the room: says `farewell` to everyone after all else, and lets everyone go. A laggard
    /// stays until it has caught up, or [`Room::cut_off`].
    pub fn close(&self, farewell: &str) {
        let mut turn = self.turn();
        turn.roster.closed = true;
        self.round(&mut turn.roster);
        self.said.lock().say(0, |text| text.extend_from_slice(farewell.as_bytes()));
        self.round(&mut turn.roster);
        let end = turn.roster.backlog.end();
        turn.roster.peers.retain_mut(|peer| {
            let Some(lag) = &mut peer.lag else {
                peer.socket.shut();
                return false;
            };
            lag.until.get_or_insert(end);
            true
        });
    }

    /// Lets go of whoever is left, wherever they stand.
    pub fn cut_off(&self) {
        let mut turn = self.turn();
        turn.roster.peers.drain(..).for_each(|peer| peer.socket.shut());
    }

    /// What the room looks like now.
    pub fn report(&self) -> Report {
        let turn = self.turn();
        let peers = &turn.roster.peers;
        let laggards = peers.iter().filter(|peer| peer.lag.is_some()).count();
        Report { peers: peers.len(), laggards, lines: turn.roster.lines }
    }

    fn turn(&self) -> Turn<'_, S> {
        Turn { roster: self.roster.lock(), _duty: LookOnceMore(self) }
    }

    /// Delivers round after round, until nothing is left to say or the turn is over.
    fn carry(&self, mut turn: Turn<'_, S>) {
        let mut sends = 0;
        while sends < SENDS_PER_TURN && self.round(&mut turn.roster) {
            sends += turn.roster.peers.len();
        }
    }

    /// Delivers all that was said, to everyone, with one send each. Whoever cannot be sent to is
    /// pruned right here, inside the critical section. Returns whether anything was said.
    fn round(&self, roster: &mut Roster<S>) -> bool {
        let mut batch = roster.spare.take().and_then(Arc::into_inner).unwrap_or_default();
        batch.clear(SPARE);
        std::mem::swap(&mut batch, &mut *self.said.lock());
        let batch = Arc::new(batch);
        if !batch.is_empty() {
            self.send(&batch, roster);
            roster.lines += batch.count() as u64;
            self.witness.said(&batch);
        }
        let said = !batch.is_empty();
        roster.spare = Some(batch);
        said
    }

    fn send(&self, batch: &Arc<Batch>, roster: &mut Roster<S>) {
        log::trace!("delivering {} lines to {} peers", batch.count(), roster.peers.len());
        let start = roster.backlog.end();
        let (mut lags, before) = (false, roster.peers.len());
        roster.peers.retain_mut(|peer| match peer.hear(batch, start, self.limits.backlog) {
            Ok(fell_behind) => {
                if fell_behind {
                    self.leave_note(Note::Lags(peer.ear.id));
                }
                lags |= peer.lag.is_some();
                true
            }
            Err(reason) => {
                self.let_go(peer, reason);
                false
            }
        });
        roster.backlog.advance(batch, lags);
        if roster.peers.len() < before {
            roster.trim();
        }
    }

    /// The end of a record that has just been taken out of the roster, or is about to be.
    fn let_go(&self, peer: &Peer<S>, reason: Reason) {
        log::trace!("pruned peer {}: {reason}", peer.ear.id);
        peer.socket.shut();
        self.witness.went(peer.address, reason);
    }

    fn leave_note(&self, note: Note) {
        // Nobody reads notes once the room is closed and its courier gone: nothing is left to do.
        let _ = self.notes.send(note);
    }
}

impl<S: Socket> Roster<S> {
    fn peer(&mut self, id: PeerId) -> Option<&mut Peer<S>> {
        self.peers.iter_mut().find(|peer| peer.ear.id == id)
    }

    /// Takes a record out; there is one to take only for the first who notices.
    fn remove(&mut self, id: PeerId) -> Option<Peer<S>> {
        let index = self.peers.iter().position(|peer| peer.ear.id == id)?;
        let peer = self.peers.swap_remove(index);
        self.trim();
        Some(peer)
    }

    /// Forgets what every laggard has taken.
    fn trim(&mut self) {
        let positions = self.peers.iter().filter_map(|peer| Some(peer.lag?.position));
        let oldest = positions.min().unwrap_or(self.backlog.end());
        self.backlog.trim(oldest);
    }
}
