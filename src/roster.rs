//! The roster: a record for each peer that is here, and the batches that laggards still need.
//!
//! Plain data that the room guards with a lock: none is taken here, and whoever calls holds it. So
//! nothing here may wait; whom there is no time for goes on a list for the courier.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use crate::backlog::Backlog;
use crate::batch::{Batch, Ear, PeerId};
use crate::peer::{Lag, Owed, Peer, Reason, Socket};
use crate::wire::Framing;

/// How much a catch-up thread takes along at once, in bytes: more than a room says while the thread
/// waits for its next turn, or it would never catch up.
const CATCH_UP: u64 = 1024 * 1024;

/// Sees what happens in the room, in the order it happens. It is called inside the critical
/// section, so it must never wait.
pub trait Witness: Send + Sync {
    /// A peer has come.
    fn came(&self, address: SocketAddr);
    /// These lines have been delivered.
    fn said(&self, batch: &Arc<Batch>);
    /// A peer has gone.
    fn went(&self, address: SocketAddr, reason: Reason);
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

/// Who is here.
pub(crate) struct Roster<S> {
    pub(crate) peers: Vec<Peer<S>>,
    backlog: Backlog,
    /// How many peers ever came; the last one's name.
    joined: PeerId,
    /// How many lines were ever delivered.
    lines: u64,
    /// How far a peer may fall behind, in bytes.
    max_backlog: u64,
    witness: Box<dyn Witness>,
}

/// What came of handing a batch to everyone.
#[derive(Debug, Default)]
pub(crate) struct Delivered {
    /// The peers that fell behind with this batch.
    pub(crate) laggards: Vec<PeerId>,
    /// Whether somebody who does read loses ground.
    pub(crate) outruns: bool,
}

impl<S: Socket> Roster<S> {
    pub(crate) fn new(max_backlog: u64, witness: Box<dyn Witness>) -> Self {
        Self {
            peers: Vec::new(),
            backlog: Backlog::default(),
            joined: 0,
            lines: 0,
            max_backlog,
            witness,
        }
    }

    /// Adds a record for a peer, which hears its own lines only if `echo`.
    pub(crate) fn add(
        &mut self,
        socket: Arc<S>,
        address: SocketAddr,
        framing: Framing,
        echo: bool,
    ) -> PeerId {
        self.joined += 1;
        let ear = Ear { id: self.joined, framing, echo };
        self.peers.push(Peer { socket, address, ear, lag: None, addressed: None });
        self.witness.came(address);
        self.joined
    }

    /// Hands `batch` to everyone, with one send each (a raw peer: one for each message). A peer that
    /// cannot be sent to is pruned right here: its record goes before anybody else can look at it.
    pub(crate) fn deliver(&mut self, batch: &Arc<Batch>) -> Delivered {
        log::trace!("sends to everyone: {} peers", self.peers.len());
        let Self { peers, backlog, max_backlog, witness, .. } = self;
        let (start, before) = (backlog.end(), peers.len());
        let mut delivered = Delivered::default();
        let mut lags = false;
        peers.retain_mut(|peer| match peer.hear(batch, start, *max_backlog) {
            Ok(fell_behind) => {
                if fell_behind {
                    delivered.laggards.push(peer.ear.id);
                }
                lags |= peer.lag.is_some();
                let outrun = |lag: &Lag| lag.is_outrun(start, *max_backlog);
                delivered.outruns |= peer.lag.as_ref().is_some_and(outrun);
                true
            }
            Err(reason) => {
                let_go(peer, reason, &**witness);
                false
            }
        });
        backlog.advance(batch, lags);
        self.lines += batch.count() as u64;
        witness.said(batch);
        if self.peers.len() < before {
            self.trim();
        }
        delivered
    }

    /// Takes a record out and shuts its socket, which ends whoever reads from it. There is a record
    /// to take out only for the first who comes to do so.
    pub(crate) fn remove(&mut self, id: PeerId, reason: Reason) {
        let index = self.peers.iter().position(|peer| peer.ear.id == id);
        if let Some(index) = index {
            let_go(&self.peers.swap_remove(index), reason, &*self.witness);
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

    /// Takes out the records of all who have got everything, and lets the others
    /// [`retire`](Roster::retire). Returns the sockets, on which nothing more will be sent. The
    /// witness is told of none: the farewell that it saw says it for all.
    pub(crate) fn retire_all(&mut self) -> Vec<Arc<S>> {
        let end = self.backlog.end();
        let mut told = Vec::new();
        self.peers.retain_mut(|peer| {
            if let Some(lag) = &mut peer.lag {
                lag.until.get_or_insert(end);
            } else {
                peer.socket.finish();
                told.push(Arc::clone(&peer.socket));
            }
            peer.lag.is_some()
        });
        told
    }

    /// Lets everyone go, wherever they stand.
    pub(crate) fn clear(&mut self) {
        self.peers.drain(..).for_each(|peer| peer.socket.shut());
        self.trim();
    }

    /// What a laggard is to be sent next. Nothing, if it has caught up or is gone.
    pub(crate) fn owed(&mut self, id: PeerId) -> Option<Owed<S>> {
        self.trim();
        let Self { peers, backlog, .. } = self;
        let peer = peers.iter_mut().find(|peer| peer.ear.id == id)?;
        let lag = peer.lag.as_ref()?;
        let (position, until) = (lag.progress.position(), lag.until);
        if position < until.unwrap_or(backlog.end()) {
            return Some(Owed {
                socket: Arc::clone(&peer.socket),
                ear: peer.ear,
                progress: Arc::clone(&lag.progress),
                batches: backlog.from(position, CATCH_UP),
            });
        }
        log::trace!("peer {id} has caught up");
        if until.is_some() {
            self.remove(id, Reason::Left);
        } else {
            peer.lag = None;
            peer.addressed = Some(Instant::now());
        }
        None
    }

    /// Whether somebody who does read loses ground to those who speak.
    pub(crate) fn outruns(&self) -> bool {
        let end = self.backlog.end();
        self.lags().any(|lag| lag.is_outrun(end, self.max_backlog))
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

    fn peer(&mut self, id: PeerId) -> Option<&mut Peer<S>> {
        self.peers.iter_mut().find(|peer| peer.ear.id == id)
    }

    /// Forgets the batches that every laggard has taken.
    fn trim(&mut self) {
        let oldest = self.lags().map(|lag| lag.progress.position()).min();
        self.backlog.trim(oldest.unwrap_or(self.backlog.end()));
    }
}

fn let_go<S: Socket>(peer: &Peer<S>, reason: Reason, witness: &dyn Witness) {
    log::trace!("removes the record of peer {}: {reason}", peer.ear.id);
    peer.socket.shut();
    // One that closed its side itself and then failed had left all the same.
    let left = peer.lag.as_ref().is_some_and(|lag| lag.until.is_some());
    witness.went(peer.address, if left { Reason::Left } else { reason });
}
