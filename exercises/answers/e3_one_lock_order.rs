//! Exercise 3, two points: two locks in one order.
//!
//! A peer moves from one room to another. Each room has a lock. A thread that counts the peers
//! locks the rooms as well: first the room with the lower number, then the other one. It must find
//! each peer in exactly one room, so `move_peer` has to hold both locks while the peer moves.
//!
//! But one peer may move from room 1 to room 2 while another peer moves from room 2 to room 1. If
//! each thread holds one lock and waits for the other one, both wait for ever. This is a *deadlock
//! by lock order*. It cannot happen if all threads take the locks in the same order.
//!
//! The types are in `exercises/src/given/e3.rs`: read it first. Grade your answer with
//! `cargo run -p exercises -- 3`; add `--hint 1` or `--hint 2` if you need more help.
#![allow(unused_imports, unused_variables, reason = "the gap does not use them yet")]

use exercises::given::e3::Room;

/// Moves a peer from one room to another one. Returns `false`, and changes nothing, if the peer is
/// not in the room `from`. The two rooms are never the same.
pub fn move_peer(from: &Room, to: &Room, peer: u32) -> bool {
    todo!("move the peer, and let no thread see it in no room or in two")
}
