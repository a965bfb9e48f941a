//! Given for exercise 2: prune a peer while you walk along the list.

/// The connection to a peer.
pub trait Peer: Send {
    /// Sends a line, and never waits. Returns `false` if the connection is broken.
    fn send(&mut self, line: &str) -> bool;
}
