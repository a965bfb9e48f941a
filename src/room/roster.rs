//! The roster: a record for each peer, and the batches that peers behind still need.
//!
//! It takes no lock: the caller holds the room's, so nothing here may wait.

use std::net::SocketAddr;
use std::sync::Arc;

use super::backlog::{Backlog, Entry};
use super::batch::{Batch, PeerId, Recipient};
use super::lag::Lag;
use super::peer::{CatchUp, Peer, Socket, Standing};
use super::reason::Reason;
use crate::protocol::Framing;

/// How much of the backlog a catch-up thread takes at once, in bytes. It must be more than the room can
/// say in the meantime, or the thread would never catch up.
const PART: u64 = 1024 * 1024;

/// With so few peers, a send costs less than waiting for the lines of others.
const FEW: usize = 3;

/// Sees the events of the room, in order. It is called inside the critical section, so it must never
/// wait.
pub trait Observer: Send + Sync {
    /// A peer has joined.
    fn joined(&self, address: SocketAddr);
    /// These lines were delivered.
    fn delivered(&self, batch: &Arc<Batch>);
    /// A peer has not taken everything: it is behind.
    fn fell_behind(&self, address: SocketAddr);
    /// A peer that was behind has everything again.
    fn caught_up(&self, address: SocketAddr);
    /// A peer has left, or was removed.
    fn left(&self, address: SocketAddr, reason: Reason);
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
    /// How many lines were delivered since the start.
    lines: u64,
    /// How far a peer may fall behind, in bytes.
    max_backlog: u64,
    /// Peers that have just fallen behind: their threads start after unlocking.
    pub(crate) fallen_behind: Vec<PeerId>,
    /// There are many peers, and the last batch had several lines. Probably the next one will, too.
    pub(crate) crowded: bool,
    /// No peer may join any more.
    pub(crate) closed: bool,
    observer: Box<dyn Observer>,
}

impl<S: Socket> Roster<S> {
    pub(crate) fn new(max_backlog: u64, observer: Box<dyn Observer>) -> Self {
        Self {
            peers: Vec::new(),
            backlog: Backlog::default(),
            last_id: 0,
            lines: 0,
            max_backlog,
            fallen_behind: Vec::new(),
            crowded: false,
            closed: false,
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
        if self.closed {
            return None;
        }
        self.last_id += 1;
        let recipient = Recipient { id: self.last_id, framing, echo };
        self.peers.push(Peer { socket, address, recipient, lag: None, has_caught_up: false });
        self.observer.joined(address);
        log::trace!("joins as peer {}", self.last_id);
        Some(self.last_id)
    }

    /// Sends `batch` to every peer that is not behind, with as few sends as possible. A peer whose send
    /// fails is pruned right here, before any other thread can see its record. Returns whether a reader
    /// is overrun.
    pub(crate) fn deliver(&mut self, batch: &Arc<Batch>) -> bool {
        log::trace!("sends to all peers: {}", self.peers.len());
        let Self { peers, backlog, max_backlog, fallen_behind, observer, .. } = self;
        let start = backlog.end();
        let mut any_overrun = false;
        peers.retain_mut(|peer| {
            match peer.deliver(batch, start, *max_backlog) {
                Ok(Standing::UpToDate) => {}
                Ok(Standing::FellBehind) => {
                    log::trace!("peer {} falls behind", peer.recipient.id);
                    fallen_behind.push(peer.recipient.id);
                    observer.fell_behind(peer.address);
                }
                Ok(Standing::Behind { overrun }) => any_overrun |= overrun,
                Err(reason) => {
                    shut_and_report(peer, reason, &**observer);
                    return false;
                }
            }
            true
        });
        backlog.advance(batch);
        self.lines += batch.count() as u64;
        self.crowded = batch.count() > 1 && self.peers.len() > FEW;
        self.observer.delivered(batch);
        self.trim();
        any_overrun
    }

    /// Removes a record and shuts its socket, which ends the thread that reads from it. Only the
    /// first caller finds the record.
    pub(crate) fn remove(&mut self, id: PeerId, reason: Reason) {
        let index = self.peers.iter().position(|peer| peer.recipient.id == id);
        if let Some(index) = index {
            shut_and_report(&self.peers.swap_remove(index), reason, &*self.observer);
            self.trim();
        } else {
            log::trace!("the record of peer {id} is gone already");
        }
    }

    /// A peer has closed its side. If it is behind, it stays until it has been sent everything up to
    /// now.
    pub(crate) fn retire(&mut self, id: PeerId) {
        let end = self.backlog.end();
        match self.peer(id) {
            Some(Peer { lag: Some(lag), .. }) => _ = lag.until.get_or_insert(end),
            _ => self.remove(id, Reason::Left),
        }
    }

    /// Removes every peer that has everything. The others leave when they have caught up. Returns the
    /// half-closed sockets of the removed peers. The observer sees no `left` events: the farewell
    /// stands for all of them.
    pub(crate) fn retire_all(&mut self) -> Vec<Arc<S>> {
        let end = self.backlog.end();
        let mut half_closed = Vec::new();
        self.peers.retain_mut(|peer| {
            if let Some(lag) = &mut peer.lag {
                lag.until.get_or_insert(end);
            } else {
                peer.socket.finish();
                half_closed.push(Arc::clone(&peer.socket));
            }
            peer.lag.is_some()
        });
        half_closed
    }

    /// Removes all peers, even those that are behind.
    pub(crate) fn clear(&mut self) {
        self.peers.drain(..).for_each(|peer| peer.socket.shut());
        self.trim();
    }

    /// The next part of the backlog for a peer. Nothing, if it has caught up or is gone.
    pub(crate) fn next_part(&mut self, id: PeerId) -> Option<CatchUp<S>> {
        self.trim();
        let Self { peers, backlog, observer, .. } = self;
        let peer = peers.iter_mut().find(|peer| peer.recipient.id == id)?;
        let lag = peer.lag.as_mut()?;
        let (position, until) = (lag.position(), lag.until);
        let end = until.unwrap_or(backlog.end());
        if position < end {
            let entries = backlog.range(position, end, PART);
            lag.given = entries.last().map_or(position, Entry::end);
            return Some(CatchUp {
                socket: Arc::clone(&peer.socket),
                recipient: peer.recipient,
                position: Arc::clone(&lag.position),
                entries,
            });
        }
        log::trace!("peer {id} has caught up");
        if until.is_some() {
            self.remove(id, Reason::Left);
        } else {
            (peer.lag, peer.has_caught_up) = (None, true);
            observer.caught_up(peer.address);
        }
        None
    }

    /// The counts at this moment.
    pub(crate) fn report(&self) -> Report {
        Report { peers: self.peers.len(), laggards: self.lags().count(), lines: self.lines }
    }

    /// The peers that are behind.
    fn lags(&self) -> impl Iterator<Item = &Lag> {
        self.peers.iter().filter_map(|peer| peer.lag.as_ref())
    }

    pub(crate) fn peer(&mut self, id: PeerId) -> Option<&mut Peer<S>> {
        self.peers.iter_mut().find(|peer| peer.recipient.id == id)
    }

    /// Forgets the batches that no peer needs any more.
    fn trim(&mut self) {
        let oldest = self.lags().map(Lag::position).min();
        self.backlog.trim(oldest.unwrap_or(self.backlog.end()));
    }
}

fn shut_and_report<S: Socket>(peer: &Peer<S>, reason: Reason, observer: &dyn Observer) {
    log::trace!("removes the record of peer {}: {reason}", peer.recipient.id);
    peer.socket.shut();
    // A peer that had closed its side before has left by itself, even if a send to it fails now.
    let left = peer.lag.as_ref().is_some_and(|lag| lag.until.is_some());
    observer.left(peer.address, if left { Reason::Left } else { reason });
}
