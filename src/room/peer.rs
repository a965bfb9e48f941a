//! The record of one peer: its socket, its address, and how far behind it is.
//!
//! The roster owns the records. No lock is taken here: the caller holds the roster.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use super::backlog::Entry;
use super::lag::Lag;
use super::reason::Reason;
use super::roster::{Event, Observer};
use crate::protocol::{Batch, Recipient};
use crate::sync::AtomicU64;

/// A peer's connection, as the room uses it.
pub trait Socket: Send + Sync {
    /// Hands over as many bytes as fit without waiting, possibly none.
    ///
    /// # Errors
    /// The connection is broken.
    fn send_now(&self, bytes: &[u8]) -> io::Result<usize>;

    /// Waits up to `time` until bytes fit, and hands over as many as fit: none, if there was no space
    /// in all that time.
    ///
    /// # Errors
    /// The connection is broken.
    fn send_waiting(&self, bytes: &[u8], time: Duration) -> io::Result<usize>;

    /// Waits for `time`, or until the connection has ended in both directions. Returns whether it has
    /// ended.
    fn wait_for_end(&self, time: Duration) -> bool;

    /// Closes the sending side. The peer can still speak.
    fn finish(&self);

    /// Ends the connection in both directions, which also ends a blocked read on it.
    fn shut(&self);
}

/// The record of one peer. Only the holder of the roster sees it. The socket and the position are
/// shared, so that other threads can wait for the peer without the roster.
pub(crate) struct Peer<S> {
    pub(crate) socket: Arc<S>,
    pub(crate) address: SocketAddr,
    pub(crate) recipient: Recipient,
    pub(crate) lag: Option<Lag>,
    /// It was behind and has caught up: so it reads.
    pub(crate) has_caught_up: bool,
    /// Where in the stream it closed its side, if it was behind then: its stream ends there.
    pub(crate) left_at: Option<u64>,
}

/// A part of the backlog for a peer that is behind.
pub struct CatchUp<S> {
    /// The connection of the peer.
    pub socket: Arc<S>,
    /// Which parts of a batch the peer is sent.
    pub recipient: Recipient,
    /// How far the peer is in the stream. The catch-up thread moves it on.
    pub(crate) position: Arc<AtomicU64>,
    /// The batches from there on.
    pub entries: Vec<Entry>,
}

/// The state of a peer after a delivery. The roster counts those that are behind, and tells the
/// observer of those that have just fallen behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// It has everything.
    UpToDate,
    /// It fell behind with this batch.
    FellBehind,
    /// It was behind already; overrun, if it reads and is over half of the limit behind.
    Behind { overrun: bool },
}

impl<S: Socket> Peer<S> {
    /// A peer that has just joined.
    pub(crate) fn new(socket: Arc<S>, address: SocketAddr, recipient: Recipient) -> Self {
        Self { socket, address, recipient, lag: None, has_caught_up: false, left_at: None }
    }

    /// Sends `batch`, which stands at `start` in the stream. A peer that is behind already is sent
    /// nothing here: its catch-up thread does that.
    ///
    /// # Errors
    /// Why the record must go: the send failed, or the peer is over `max_backlog` bytes behind.
    pub(crate) fn deliver(
        &mut self,
        batch: &Batch,
        start: u64,
        max_backlog: u64,
    ) -> Result<Standing, Reason> {
        let end = start + batch.size() as u64;
        match &mut self.lag {
            Some(lag) if lag.behind(end) > max_backlog => Err(Reason::TooSlow),
            Some(lag) => {
                // Nobody waits for a peer that is leaving.
                let overrun = self.left_at.is_none() && lag.is_overrun(end, max_backlog);
                Ok(Standing::Behind { overrun })
            }
            None => {
                // Its socket was not full before this batch, so it lacks nothing of earlier ones.
                let Some(taken) = self.send(batch)? else { return Ok(Standing::UpToDate) };
                self.lag = Some(Lag::at(start + taken, self.has_caught_up));
                Ok(Standing::FellBehind)
            }
        }
    }

    /// Sends the peer's part of `batch` as far as possible without waiting. Returns the position in the
    /// text where it had to stop, or nothing if it has sent everything.
    fn send(&self, batch: &Batch) -> io::Result<Option<u64>> {
        for chunk in batch.chunks(self.recipient, 0) {
            let sent = self.socket.send_now(&batch.text()[chunk.clone()])?;
            if sent < chunk.len() {
                return Ok(Some((chunk.start + sent) as u64));
            }
        }
        Ok(None)
    }

    /// Shuts the socket of a peer whose record goes, and tells the observer why. It tells nothing if
    /// the room was closed, at the end `closed` of the stream, while the peer was still here: then the
    /// farewell stands for it.
    pub(crate) fn end(&self, reason: Reason, closed: Option<u64>, observer: &dyn Observer) {
        self.socket.shut();
        let id = self.recipient.id;
        if closed.is_some_and(|closed| self.left_at.is_none_or(|left| left >= closed)) {
            return log::trace!("removes the record of peer {id}");
        }
        // A peer that had closed its side before has left by itself, even if a send to it fails now.
        let reason = if self.left_at.is_some() { Reason::Left } else { reason };
        log::trace!("removes the record of peer {id}: {reason}");
        observer.see(Event::Left(self.address, reason));
    }
}
