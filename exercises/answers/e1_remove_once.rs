//! Exercise 1, one point: remove a record once.
//!
//! Two threads may notice at the same time that a peer is gone: one cannot send to it, the other
//! one reads the end of its connection. Both of them call `remove`. One of the calls must remove
//! the record, and the other one must find nothing. A thread that looks for the record, and then
//! unlocks the roster, knows nothing any more: another thread may change the list before this one
//! acts. So the look and the removal belong into one *critical section*: the lock is held from the
//! first to the last step.
//!
//! The types are in `exercises/src/given/e1.rs`: read it first. Grade your answer with
//! `cargo run -p exercises -- 1`; add `--hint 1` or `--hint 2` if you need more help.
#![allow(unused_imports, unused_variables, reason = "the gap does not use them yet")]

use exercises::given::e1::Peer;
use exercises::sync::Mutex;

/// Removes the record of the peer `id`, and returns it. Returns `None` if there is no such record.
/// The other records stay.
pub fn remove(roster: &Mutex<Vec<Peer>>, id: u32) -> Option<Peer> {
    todo!("remove the record of the peer `id`, and return it")
}
