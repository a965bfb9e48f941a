//! The record of one peer: its socket, its address, and how far behind it is.
//!
//! Plain data that the roster owns: there are no locks here, the caller holds the roster.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};
use std::{fmt, io};

use super::backlog::Entry;
use super::batch::{Batch, Recipient};
use crate::sync::{AtomicU64, Relaxed};

/// How long a laggard that has just taken a piece passes for one that reads, if slowly. Its system may
/// take the next one only when a sixteenth of its buffer is free: with Linux's 32 MiB, that was seen
/// to be 1.2 MB, for which a reader of 300 KB/s needs 4 s.
const RECENT: Duration = Duration::from_secs(5);

/// A piece, in bytes: a reader's system takes about as much at a time.
const PIECE: u64 = 65_536;

/// How long a peer that has fallen behind for the first time passes for one that reads: no longer, so
/// that peers that never read slow the others down only once, and for this time.
const AT_FIRST: Duration = Duration::from_secs(1);

/// For how long after a peer has fallen behind nothing shows whether it reads: the systems of both sides
/// still move what fits into their buffers. That was seen to go on for 0.3 s.
const SETTLING: Duration = Duration::from_millis(400);

/// A peer's connection, as the room uses it.
pub trait Socket: Send + Sync {
    /// Hands over as many bytes as fit without waiting, possibly none.
    ///
    /// # Errors
    /// The connection is broken.
    fn send_now(&self, bytes: &[u8]) -> io::Result<usize>;

    /// Waits up to `time` until bytes fit, and hands over as many as do: none, if none fitted in all
    /// that time.
    ///
    /// # Errors
    /// The connection is broken.
    fn send_waiting(&self, bytes: &[u8], time: Duration) -> io::Result<usize>;

    /// Waits for `time`, or until the connection has ended in both directions; returns whether it
    /// has.
    fn wait_for_end(&self, time: Duration) -> bool;

    /// Says that nothing more will be sent. The peer can still speak.
    fn finish(&self);

    /// Ends the connection in both directions, which also ends a blocked read on it.
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
            // The kernel reports what the network said of a dead link, if it said anything.
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
    pub(crate) recipient: Recipient,
    pub(crate) lag: Option<Lag>,
    /// It was behind and has caught up: so it reads.
    pub(crate) has_caught_up: bool,
}

/// What is known of a peer that has not taken everything. Until it has, its catch-up thread sends
/// to it, and no other.
pub(crate) struct Lag {
    /// How far it is in the stream of all that was said. Its catch-up thread moves it on without a
    /// lock; the others only look at it, and a value that is a moment old does no harm.
    pub(crate) position: Arc<AtomicU64>,
    /// The position behind all that its thread was given to send.
    pub(crate) given: u64,
    /// Where the stream ends for it, once it has closed its side or the room is closed.
    pub(crate) until: Option<u64>,
    /// It passes for one that reads until then,
    pub(crate) reads_until: Instant,
    /// and for longer when it has taken a piece from here, after this time.
    piece: u64,
    pub(crate) settled: Instant,
}

impl Lag {
    fn at(position: u64, trusted: Duration) -> Self {
        let now = Instant::now();
        Self {
            position: Arc::new(AtomicU64::new(position)),
            given: position,
            until: None,
            reads_until: now + trusted,
            piece: position,
            settled: now + SETTLING,
        }
    }

    /// Its position now.
    pub(crate) fn position(&self) -> u64 {
        self.position.load(Relaxed)
    }

    /// How far it is behind `end`, in bytes. Its catch-up thread may have come further meanwhile.
    fn behind(&self, end: u64) -> u64 {
        end.saturating_sub(self.position())
    }

    /// Whether the peer does read, and yet loses ground: it is over half of `max_backlog` bytes
    /// behind `end`.
    fn is_overrun(&mut self, end: u64, max_backlog: u64) -> bool {
        self.reads() && self.until.is_none() && self.behind(end) > max_backlog / 2
    }

    /// Whether it takes what it is sent, as far as that is known. If its thread has sent all that it
    /// was given, that thread waits for the roster, and the peer is not to blame.
    fn reads(&mut self) -> bool {
        let (position, now) = (self.position(), Instant::now());
        if now < self.settled {
            self.piece = position;
        } else if position >= self.piece + PIECE {
            self.piece = position;
            self.reads_until = now + RECENT;
        }
        position >= self.given || now < self.reads_until
    }
}

/// What a laggard is to be sent next.
pub struct CatchUp<S> {
    /// Its connection.
    pub socket: Arc<S>,
    /// What it is sent of a batch.
    pub recipient: Recipient,
    /// Where it stands in the stream, to be moved on as it takes what it is sent.
    pub(crate) position: Arc<AtomicU64>,
    /// The batches from there on.
    pub entries: Vec<Entry>,
}

/// How a peer stands when a batch was handed to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// It has everything.
    UpToDate,
    /// It fell behind with this batch.
    FellBehind,
    /// It was behind already.
    Behind {
        /// It reads, and yet loses ground.
        overrun: bool,
    },
}

impl<S: Socket> Peer<S> {
    /// Sends `batch`, which stands at `start` in the stream. One that is behind already is sent
    /// nothing here.
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
            Some(lag) => Ok(Standing::Behind { overrun: lag.is_overrun(end, max_backlog) }),
            None => {
                let Some(taken) = self.send(batch)? else { return Ok(Standing::UpToDate) };
                let trusted = if self.has_caught_up { RECENT } else { AT_FIRST };
                self.lag = Some(Lag::at(start + taken, trusted));
                Ok(Standing::FellBehind)
            }
        }
    }

    /// Sends the peer's part of `batch`, as far as that goes without waiting. Returns how far that
    /// was, as a position in the text, or nothing if it was all.
    fn send(&self, batch: &Batch) -> io::Result<Option<u64>> {
        for chunk in batch.chunks(self.recipient, 0) {
            let sent = self.socket.send_now(&batch.text()[chunk.clone()])?;
            if sent < chunk.len() {
                return Ok(Some((chunk.start + sent) as u64));
            }
        }
        Ok(None)
    }
}
