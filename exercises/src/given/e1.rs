//! Given for exercise 1: remove a record once.

/// The record of a peer.
#[derive(Debug, PartialEq, Eq)]
pub struct Peer {
    /// No other peer has this number.
    pub id: u32,
}
