//! Given for exercise 3: two locks in one order.

use crate::sync::Mutex;

/// One of several rooms.
pub struct Room {
    /// No other room has this number.
    pub number: u32,
    /// The numbers of the peers that are here.
    pub peers: Mutex<Vec<u32>>,
}
