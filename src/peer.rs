//! The record of one peer: its socket, its address, and how far behind it is.
//!
//! Plain data that the roster owns: no locks here, whoever calls holds the roster.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};
use std::{fmt, io};

use crate::backlog::Kept;
use crate::batch::{Batch, Ear};
use crate::wire::Framing;

/// A laggard that took something within this time, in milliseconds, is one that reads, if slowly.
const READS: u64 = 300;

/// How long raw messages to one peer are kept apart, unless many wait: about what a program with a
/// window takes to read and show one.
pub const RAW_GAP: Duration = Duration::from_millis(10);

/// The sending side of a peer's connection.
pub trait Socket: Send + Sync {
    /// Hands over as many bytes as fit without waiting, possibly none.
    ///
    /// # Errors
    /// The connection is broken.
    fn send_now(&self, bytes: &[u8]) -> io::Result<usize>;

    /// Says that nothing more will be sent; what the peer says is still taken.
    fn finish(&self);

    /// Ends the connection for both directions, which also ends a blocked read on it.
    fn shut(&self);
}

/// Why a peer's record was removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// It closed the connection.
    Left,
    /// The connection was reset.
    Reset,
    /// It did not read what it was sent: too far behind, or no progress for too long.
    TooSlow,
    /// Nothing came back from it any more: a pulled cable, a dead host.
    TimedOut,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(match self {
            Self::Left => "left",
            Self::Reset => "connection reset",
            Self::TooSlow => "too slow",
            Self::TimedOut => "timed out",
        })
    }
}

impl From<io::Error> for Reason {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            // A link is given up for what the network said of it, if it said anything.
            io::ErrorKind::TimedOut
            | io::ErrorKind::HostUnreachable
            | io::ErrorKind::NetworkUnreachable => Self::TimedOut,
            _ => Self::Reset,
        }
    }
}

/// The record of one peer.
pub(crate) struct Peer<S> {
    pub(crate) socket: Arc<S>,
    pub(crate) address: SocketAddr,
    pub(crate) ear: Ear,
    pub(crate) lag: Option<Lag>,
    /// When a raw peer was last sent a message.
    pub(crate) addressed: Option<Instant>,
}

/// What is known of a peer that has not taken everything. Its catch-up thread sends to it, and
/// nobody else, until it has.
pub(crate) struct Lag {
    pub(crate) progress: Arc<Progress>,
    /// Where the stream ends for it, once it is known to leave.
    pub(crate) until: Option<u64>,
}

impl Lag {
    fn at(position: u64) -> Self {
        Self { progress: Arc::new(Progress::at(position)), until: None }
    }

    /// Whether the peer does read, and yet loses ground: it is over half of `backlog` bytes behind
    /// `end` by now.
    pub(crate) fn is_outrun(&self, end: u64, backlog: u64) -> bool {
        // The catch-up thread may have come further than `end` meanwhile.
        let behind = end.saturating_sub(self.progress.position());
        self.until.is_none() && behind > backlog / 2 && self.progress.is_recent()
    }
}

/// How far a laggard is in the stream of all that was said. Its catch-up thread moves it on without
/// a lock; the others only look at it.
#[derive(Debug)]
pub struct Progress {
    position: AtomicU64,
    began: Instant,
    /// Milliseconds from `began` until the position last moved.
    moved: AtomicU64,
}

impl Progress {
    fn at(position: u64) -> Self {
        Self { position: AtomicU64::new(position), began: Instant::now(), moved: AtomicU64::new(0) }
    }

    /// The position that was reached.
    pub fn position(&self) -> u64 {
        self.position.load(Relaxed)
    }

    /// Notes that the peer has taken everything before `position`.
    pub fn reach(&self, position: u64) {
        self.position.store(position, Relaxed);
        self.moved.store(self.milliseconds(), Relaxed);
    }

    fn is_recent(&self) -> bool {
        self.milliseconds() - self.moved.load(Relaxed) < READS
    }

    fn milliseconds(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

/// What a laggard is to be sent next.
pub struct Owed<S> {
    /// Its connection.
    pub socket: Arc<S>,
    /// What it hears of a batch.
    pub ear: Ear,
    /// Where it stands in the stream, to be moved on as it takes what it is sent.
    pub progress: Arc<Progress>,
    /// The batches from there on.
    pub batches: Vec<Kept>,
}

impl<S: Socket> Peer<S> {
    /// Sends `batch`, which stands at `start` in the stream; returns whether the peer fell behind
    /// with it. One that is behind already is sent nothing here.
    ///
    /// # Errors
    /// Why the record must go: the send failed, or the peer is over `backlog` bytes behind.
    pub(crate) fn hear(&mut self, batch: &Batch, start: u64, backlog: u64) -> Result<bool, Reason> {
        let length = batch.text().len() as u64;
        match &self.lag {
            Some(Lag { until: Some(_), .. }) => Ok(false),
            Some(lag) if start + length <= lag.progress.position() + backlog => Ok(false),
            Some(_) => Err(Reason::TooSlow),
            None => {
                let sent = self.send(batch)?;
                let falls_behind = sent < length;
                if falls_behind {
                    self.lag = Some(Lag::at(start + sent));
                }
                Ok(falls_behind)
            }
        }
    }

    /// Sends what the peer hears of `batch`, as far as that goes without waiting; returns how far
    /// that was, as a position in the text.
    ///
    /// Raw messages that follow closely are not sent here: their peer might read them as one. It
    /// counts as behind, and its catch-up thread keeps them apart.
    fn send(&mut self, batch: &Batch) -> io::Result<u64> {
        for chunk in batch.chunks(self.ear, 0) {
            if self.ear.framing == Framing::Raw {
                if self.addressed.is_some_and(|last| last.elapsed() < RAW_GAP) {
                    return Ok(chunk.start as u64);
                }
                self.addressed = Some(Instant::now());
            }
            let sent = self.socket.send_now(&batch.text()[chunk.clone()])?;
            if sent < chunk.len() {
                return Ok((chunk.start + sent) as u64);
            }
        }
        Ok(batch.text().len() as u64)
    }
}
