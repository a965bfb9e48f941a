//! The roster: a record for each peer that is here, and the batches that laggards still need.
//!
//! Plain data that the room guards with a lock: none is taken here, the caller holds it. So nothing
//! here may wait.

use std::net::SocketAddr;
use std::sync::Arc;

use super::backlog::{Backlog, Entry};
use super::batch::{Batch, PeerId, Recipient};
use super::peer::{CatchUp, Lag, Peer, Reason, Socket, Standing};
use crate::protocol::Framing;

/// How much a catch-up thread takes along at once, in bytes: more than a room says while the thread
/// waits for the roster, or it would never catch up.
const CATCH_UP: u64 = 1024 * 1024;

/// With no more peers than this there is no crowd: to wait for other lines costs more than a send.
const FEW: usize = 3;

/// Sees what happens in the room, in the order in which it happens. It is called inside the
/// critical section, so it must never wait.
pub trait Observer: Send + Sync {
    /// A peer has joined.
    fn joined(&self, address: SocketAddr);
    /// These lines have been delivered.
    fn delivered(&self, batch: &Arc<Batch>);
    /// A peer has not taken everything, and falls behind.
    fn fell_behind(&self, address: SocketAddr);
    /// A peer that was behind has everything again.
    fn caught_up(&self, address: SocketAddr);
    /// A peer has left, or was removed.
    fn left(&self, address: SocketAddr, reason: Reason);
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

/// The peers that are here.
pub(crate) struct Roster<S> {
    peers: Vec<Peer<S>>,
    backlog: Backlog,
    /// How many peers ever joined; the id of the last one.
    joined: PeerId,
    /// How many lines were ever delivered.
    lines: u64,
    /// How far a peer may fall behind, in bytes.
    max_backlog: u64,
    /// The peers that fell behind and have no thread yet: one is started after unlocking.
    pub(crate) fallen_behind: Vec<PeerId>,
    /// There are many peers, and the last batch had more than one line: it is likely that the next
    /// one will.
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
            joined: 0,
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
        self.joined += 1;
        let recipient = Recipient { id: self.joined, framing, echo };
        self.peers.push(Peer { socket, address, recipient, lag: None, has_caught_up: false });
        self.observer.joined(address);
        log::trace!("joins as peer {}", self.joined);
        Some(self.joined)
    }

    /// Sends `batch` to every peer, with one send each (a raw peer: one for each message). A peer
    /// that cannot be sent to is pruned right here: its record goes before another thread can look
    /// at it. Returns whether a peer that reads loses ground.
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
                    prune(peer, reason, &**observer);
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

    /// Takes a record out and shuts its socket, which ends the thread that reads from it. Only the
    /// first caller finds a record to take out.
    pub(crate) fn remove(&mut self, id: PeerId, reason: Reason) {
        let index = self.peers.iter().position(|peer| peer.recipient.id == id);
        if let Some(index) = index {
            prune(&self.peers.swap_remove(index), reason, &*self.observer);
            self.trim();
        } else {
            log::trace!("the record of peer {id} is gone already");
        }
    }

    /// A peer has closed its side. If it is behind, it stays until it has been sent all that was
    /// said up to now.
    pub(crate) fn retire(&mut self, id: PeerId) {
        let end = self.backlog.end();
        match self.peer(id) {
            Some(Peer { lag: Some(lag), .. }) => _ = lag.until.get_or_insert(end),
            _ => self.remove(id, Reason::Left),
        }
    }

    /// Takes out the records of all peers that have everything, and lets the others
    /// [`retire`](Roster::retire). Returns the sockets of the first, on which nothing more will be
    /// sent. The observer is told of none: the farewell says it for all.
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

    /// Removes all peers, wherever they stand.
    pub(crate) fn clear(&mut self) {
        self.peers.drain(..).for_each(|peer| peer.socket.shut());
        self.trim();
    }

    /// What a laggard is to be sent next. Nothing, if it has caught up or is gone.
    pub(crate) fn catch_up(&mut self, id: PeerId) -> Option<CatchUp<S>> {
        self.trim();
        let Self { peers, backlog, observer, .. } = self;
        let peer = peers.iter_mut().find(|peer| peer.recipient.id == id)?;
        let lag = peer.lag.as_mut()?;
        let (position, until) = (lag.position(), lag.until);
        let end = until.unwrap_or(backlog.end());
        if position < end {
            let entries = backlog.range(position, end, CATCH_UP);
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

    /// What it looks like now.
    pub(crate) fn report(&self) -> Report {
        let laggards = self.lags().count();
        Report { peers: self.peers.len(), laggards, lines: self.lines }
    }

    /// The laggards.
    fn lags(&self) -> impl Iterator<Item = &Lag> {
        self.peers.iter().filter_map(|peer| peer.lag.as_ref())
    }

    pub(crate) fn peer(&mut self, id: PeerId) -> Option<&mut Peer<S>> {
        self.peers.iter_mut().find(|peer| peer.recipient.id == id)
    }

    /// Forgets the batches that every laggard has taken: all, if there is none.
    fn trim(&mut self) {
        let oldest = self.lags().map(Lag::position).min();
        self.backlog.trim(oldest.unwrap_or(self.backlog.end()));
    }
}

fn prune<S: Socket>(peer: &Peer<S>, reason: Reason, observer: &dyn Observer) {
    log::trace!("removes the record of peer {}: {reason}", peer.recipient.id);
    peer.socket.shut();
    // A peer that closed its side itself and then failed had left all the same.
    let left = peer.lag.as_ref().is_some_and(|lag| lag.until.is_some());
    observer.left(peer.address, if left { Reason::Left } else { reason });
}
