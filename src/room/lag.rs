//! How far a peer is behind, and whether it still reads: a slow reader is waited for, a peer that
//! reads nothing is not.
//!
//! Plain data that a peer's record owns. Only the position is shared, with the catch-up thread.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::sync::{AtomicU64, Relaxed};

/// A laggard counts as a slow reader for this long after its system has taken a piece. The promise: a
/// reader that takes 256 KiB/s stays. A system may take the next piece only when a sixteenth of its
/// buffer is free. With Linux's 32 MiB this was measured to be 1.2 MB, and a reader of 300 KB/s needs
/// 4 s for it.
const RECENT: Duration = Duration::from_secs(5);

/// A piece, in bytes: a reader's system takes about this much at a time. The promise: a peer that does
/// not read slows the room down once, and not for ever. It is more than the few bytes that a system
/// takes for a peer that never reads.
const PIECE: u64 = 65_536;

/// A peer that falls behind for the first time counts as a reader for this long. The same promises: the
/// system of a reader of 300 KB/s was measured to take nothing for up to 1.3 s then, after the buffers
/// are full; and a peer that never reads slows the speakers down for as long.
const AT_FIRST: Duration = Duration::from_secs(2);

/// For this long after a peer has fallen behind, its position shows nothing: the systems on both
/// sides still fill their buffers. This was measured to take 0.3 s.
const SETTLING: Duration = Duration::from_millis(400);

/// The state of a peer that is behind. Only its catch-up thread sends to it.
pub(crate) struct Lag {
    /// How far the peer is in the stream of all messages. Its catch-up thread moves it on without a
    /// lock. The others only read it, and an old value does no harm.
    pub(crate) position: Arc<AtomicU64>,
    /// The end of everything that the catch-up thread was given to send.
    pub(crate) given: u64,
    /// The peer counts as a reader until this time,
    pub(crate) reads_until: Instant,
    /// and for longer once it has taken a piece from here, after this time.
    piece: u64,
    pub(crate) settled: Instant,
}

impl Lag {
    /// A peer falls behind at `position`. Until it has shown more, it counts as a reader: for a
    /// shorter time if it has never caught up.
    pub(crate) fn at(position: u64, has_caught_up: bool) -> Self {
        let trusted = if has_caught_up { RECENT } else { AT_FIRST };
        let now = Instant::now();
        Self {
            position: Arc::new(AtomicU64::new(position)),
            given: position,
            reads_until: now + trusted,
            piece: position,
            settled: now + SETTLING,
        }
    }

    /// Its position now.
    pub(crate) fn position(&self) -> u64 {
        self.position.load(Relaxed)
    }

    /// How far it is behind `end`, in bytes. Its catch-up thread may move it on meanwhile.
    pub(crate) fn behind(&self, end: u64) -> u64 {
        end.saturating_sub(self.position())
    }

    /// Whether the peer reads and still loses ground: it is more than half of `max_backlog` bytes
    /// behind `end`.
    pub(crate) fn is_overrun(&mut self, end: u64, max_backlog: u64) -> bool {
        self.reads() && self.behind(end) > max_backlog / 2
    }

    /// Whether the peer reads, as far as its position shows. A thread that has sent everything it was
    /// given waits for the roster: then the peer is not the one that is slow.
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
