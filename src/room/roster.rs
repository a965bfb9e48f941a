//! The roster: a record for each peer, and the batches that peers behind still need.
//!
//! It takes no lock: the caller holds the room's, so nothing here may wait.
//!
//! A record ends in one of three ways. A peer whose connection is broken, or that is too far behind, is
//! removed at once. A peer that closed its side is removed when it has been sent everything up to then.
//! When the room is closed, each peer is half-closed once it has been sent everything, and removed when
//! its own thread has read the end.

use std::net::SocketAddr;
use std::sync::Arc;

use super::Limits;
use super::backlog::{Backlog, Entry};
use super::lag::Lag;
use super::peer::{CatchUp, Peer, Socket, Standing};
use super::reason::Reason;
use crate::protocol::{Batch, Framing, PeerId, Recipient};
use crate::sync::yield_now;

/// How much of the backlog a catch-up thread takes at once, in bytes, or fewer if that is more than 512
/// batches. A thread that took less would take the roster more often, and delay the speakers.
const PART_SIZE: u64 = 1024 * 1024;

/// With so few peers, a send costs less than waiting for the lines of others.
const FEW: usize = 3;

/// Something that happened in the room.
#[derive(Clone, Debug)]
pub enum Event {
    /// The peer at this address has joined.
    Joined(SocketAddr),
    /// These lines were delivered. A reader may be overrun: it reads, and still loses ground.
    Delivered {
        /// The lines.
        batch: Arc<Batch>,
        /// Whether some reader is overrun now.
        overrun: bool,
    },
    /// A peer has not taken everything: it is behind, and needs a catch-up thread.
    FellBehind {
        /// The peer.
        id: PeerId,
        /// Where it is.
        address: SocketAddr,
    },
    /// The peer at this address was behind, and has everything again.
    CaughtUp(SocketAddr),
    /// The peer at this address has left, or was removed.
    Left(SocketAddr, Reason),
}

/// Sees the events of the room, in order. It is called inside the critical section, so it must never
/// wait.
pub trait Observer: Send + Sync {
    /// This has just happened.
    fn see(&self, event: Event);
}

/// The room at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Report {
    /// Peers in the room.
    pub peers: usize,
    /// Peers that are behind.
    pub laggards: usize,
    /// Lines delivered so far.
    pub lines: u64,
}

/// The peers in the room.
pub(crate) struct Roster<S> {
    peers: Vec<Peer<S>>,
    backlog: Backlog,
    /// The number of the peer that joined last.
    last_id: PeerId,
    /// How many peers are behind. It is counted here, so that a delivery knows at once whether a thread
    /// is left for one more.
    laggards: usize,
    /// How many lines were delivered since the start.
    lines: u64,
    limits: Limits,
    /// There are many peers, and the last batch had several lines. Probably the next one will, too.
    pub(crate) crowded: bool,
    /// The end of the stream, once the room is closed. No peer may join any more.
    closed: Option<u64>,
    observer: Box<dyn Observer>,
}

impl<S: Socket> Roster<S> {
    pub(crate) fn new(limits: Limits, observer: Box<dyn Observer>) -> Self {
        Self {
            peers: Vec::new(),
            backlog: Backlog::default(),
            last_id: 0,
            laggards: 0,
            lines: 0,
            limits,
            crowded: false,
            closed: None,
            observer,
        }
    }

    /// Adds a record for a peer, unless the room is closed.
    pub(crate) fn add(
        &mut self,
        socket: Arc<S>,
        address: SocketAddr,
        framing: Framing,
        echo: bool,
    ) -> Option<PeerId> {
        if self.closed.is_some() {
            return None;
        }
        // Never used again: a thread that still has the number of a peer that is gone finds nothing, and
        // not another peer.
        self.last_id += 1;
        let recipient = Recipient { id: self.last_id, framing, echo };
        self.peers.push(Peer::new(socket, address, recipient));
        self.observer.see(Event::Joined(address));
        log::trace!("joins as peer {}", self.last_id);
        Some(self.last_id)
    }

    /// Lets other speakers append first: one send carries their lines as well. Without this, the p99
    /// latency at 5 to 30 clients is longer.
    pub(crate) fn let_others_append(&self) {
        if self.crowded {
            log::trace!("lets others append");
            yield_now();
        }
    }

    /// Sends `batch` to every peer that is not behind, with as few sends as possible. A peer whose send
    /// fails is pruned right here, before any other thread can see its record. So is a peer that falls
    /// behind when no thread is left for it.
    pub(crate) fn deliver(&mut self, batch: &Arc<Batch>) {
        log::trace!("sends to all peers: {}", self.peers.len());
        let Self { peers, backlog, laggards, limits, closed, observer, .. } = self;
        let start = backlog.end();
        let mut overrun = false;
        // Pruning in the same pass: a record that stayed until a second pass could be sent to again.
        peers.retain_mut(|peer| {
            let reason = match peer.deliver(batch, start, limits.backlog) {
                Ok(Standing::UpToDate) => return true,
                Ok(Standing::FellBehind) => {
                    *laggards += 1;
                    if *laggards <= limits.laggards {
                        let Peer { address, recipient: Recipient { id, .. }, .. } = *peer;
                        log::trace!("peer {id} falls behind");
                        observer.see(Event::FellBehind { id, address });
                        return true;
                    }
                    log::warn!(
                        "{} clients are behind, and no thread is left for one more: it is dropped",
                        limits.laggards
                    );
                    Reason::TooSlow
                }
                Ok(Standing::Behind { overrun: this_one }) => {
                    overrun |= this_one;
                    return true;
                }
                Err(reason) => reason,
            };
            // Its thread, if it has one, finds no record any more and ends.
            *laggards -= usize::from(peer.lag.is_some());
            peer.end(reason, *closed, &**observer);
            false
        });
        backlog.advance(batch);
        self.lines += batch.count() as u64;
        self.crowded = batch.count() > 1 && self.peers.len() > FEW;
        self.observer.see(Event::Delivered { batch: Arc::clone(batch), overrun });
        self.trim();
    }

    /// Removes a record and shuts its socket, which ends the thread that reads from it. Only the
    /// first caller finds the record.
    pub(crate) fn remove(&mut self, id: PeerId, reason: Reason) {
        let index = self.peers.iter().position(|peer| peer.recipient.id == id);
        if let Some(index) = index {
            // The last record moves to this place. The order of the records means nothing, and a peer is
            // found by its number, which is never given twice.
            let peer = self.peers.swap_remove(index);
            peer.end(reason, self.closed, &*self.observer);
            // Only a laggard needs old batches. Thousands may leave at once, and a look at all peers for
            // each of them would take seconds.
            if peer.lag.is_some() {
                self.laggards -= 1;
                self.trim();
            }
        } else {
            log::trace!("the record of peer {id} is gone already");
        }
    }

    /// A peer has closed its side, and nobody reads from it any more. If it is behind, it stays until
    /// it has been sent everything up to now.
    pub(crate) fn retire(&mut self, id: PeerId) {
        let end = self.backlog.end();
        match self.peer(id) {
            Some(peer) if peer.lag.is_some() => peer.left_at = Some(end),
            _ => self.remove(id, Reason::Left),
        }
    }

    /// The stream ends here, for every peer that has not left before. The farewell stands for all of
    /// them, so no event tells that they leave.
    pub(crate) fn close(&mut self) {
        self.closed = Some(self.backlog.end());
        self.peers.iter().filter(|peer| peer.lag.is_none()).for_each(|peer| peer.socket.finish());
    }

    /// Removes all peers, even those that are behind.
    pub(crate) fn cut_off(&mut self) {
        let Self { peers, closed, observer, .. } = self;
        peers.drain(..).for_each(|peer| peer.end(Reason::TooSlow, *closed, &**observer));
        self.laggards = 0;
        self.trim();
    }

    /// The next part of the backlog for a peer. Nothing, if it has caught up or is gone.
    pub(crate) fn next_part(&mut self, id: PeerId) -> Option<CatchUp<S>> {
        self.trim();
        let Self { peers, backlog, laggards, closed, observer, .. } = self;
        let peer = peers.iter_mut().find(|peer| peer.recipient.id == id)?;
        let lag = peer.lag.as_mut()?;
        let position = lag.position();
        let end = peer.left_at.unwrap_or(backlog.end());
        if position < end {
            let entries = backlog.range(position, end, PART_SIZE);
            lag.given = entries.last().map_or(position, Entry::end);
            return Some(CatchUp {
                socket: Arc::clone(&peer.socket),
                recipient: peer.recipient,
                position: Arc::clone(&lag.position),
                entries,
            });
        }
        log::trace!("peer {id} has caught up");
        if peer.left_at.is_some() {
            // Nobody reads from it any more, so nobody else would remove it.
            self.remove(id, Reason::Left);
            return None;
        }
        *laggards -= 1;
        (peer.lag, peer.has_caught_up) = (None, true);
        if closed.is_some() {
            // Its own thread reads on. The record goes when that thread has read the end.
            peer.socket.finish();
        } else {
            observer.see(Event::CaughtUp(peer.address));
        }
        None
    }

    /// The counts at this moment.
    pub(crate) fn report(&self) -> Report {
        Report { peers: self.peers.len(), laggards: self.laggards, lines: self.lines }
    }

    pub(crate) fn peer(&mut self, id: PeerId) -> Option<&mut Peer<S>> {
        self.peers.iter_mut().find(|peer| peer.recipient.id == id)
    }

    /// Forgets the batches that no peer needs any more. Catch-up threads move the positions on without
    /// the lock, so none of them can be remembered: this looks at all.
    fn trim(&mut self) {
        let lags = self.peers.iter().filter_map(|peer| peer.lag.as_ref());
        let oldest = lags.map(Lag::position).min();
        self.backlog.trim(oldest.unwrap_or(self.backlog.end()));
    }
}
