//! Why a peer's record was removed: the event log shows it.
//!
//! Several threads may notice the end of one connection, each for its own reason: its own thread reads
//! the end, a thread that delivers cannot send, its catch-up thread gives up. The first one removes the
//! record, so its reason is the one that is shown.

use std::{fmt, io};

/// Why a peer's record was removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// It closed the connection.
    Left,
    /// The connection was reset.
    Reset,
    /// It was too far behind, took nothing for too long, or fell behind when no thread was left for it.
    TooSlow,
    /// Its machine does not answer any more: a pulled cable, a dead host.
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
            // The kernel passes on the report of the network about a dead link, if there is one.
            io::ErrorKind::TimedOut
            | io::ErrorKind::HostUnreachable
            | io::ErrorKind::NetworkUnreachable => Self::TimedOut,
            _ => Self::Reset,
        }
    }
}
