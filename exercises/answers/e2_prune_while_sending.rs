//! Exercise 2, one point: prune a peer while you walk along the list.
//!
//! A thread says a line: it sends it to every peer. If a send fails, the peer is gone, and its
//! record must go before any other thread sees the list. A loop over places (`for i in 0..n`) is a
//! trap: when a record goes, the others move up, and the next one is skipped.
//!
//! These sends never wait, so it is right to hold the lock for all of them. It is even necessary:
//! if two threads send at the same time, two peers may hear the lines in two orders. That all peers
//! hear one order is an *invariant* of the room.
//!
//! The types are in `exercises/src/given/e2.rs`: read it first. Grade your answer with
//! `cargo run -p exercises -- 2`; add `--hint 1` or `--hint 2` if you need more help.
#![allow(unused_imports, unused_variables, reason = "the gap does not use them yet")]

use exercises::given::e2::Peer;
use exercises::sync::Mutex;

/// Sends `line` to each peer once, and removes the peers whose send fails.
pub fn say(roster: &Mutex<Vec<Box<dyn Peer>>>, line: &str) {
    todo!("send the line to each peer once, and remove the peers whose send fails")
}
