//! Exercise 5, three points: combining, and no line is lost.
//!
//! A thread that speaks must not wait for the roster, which another thread may hold for a while. So
//! it leaves its line in `pending`, and *tries* to lock the roster (`try_lock`):
//!
//! - It gets the lock: it takes all that is pending, also the lines of other threads, and delivers
//!   it. This is *flat combining*.
//! - It does not get the lock: another thread holds the roster. This thread returns at once.
//!
//! But what if the other thread has already taken the pending lines? Then the line is stranded. So
//! the thread that held the roster looks at `pending` a second time, *after* it has unlocked the
//! roster. A look before that is too early: a line can still come after the look and before the
//! unlocking. `pending` is locked for a moment only, and never while lines are delivered.
//!
//! Grade your answer with `cargo run -p exercises -- 5`.
#![allow(
    unused_variables,
    clippy::needless_pass_by_value,
    reason = "the gap does not use the parameters yet"
)]

use crate::sync::Mutex;

/// The connection to a peer.
pub trait Peer: Send {
    /// Sends a line.
    fn send(&mut self, line: &str);
}

/// The state that all threads share.
pub struct Room {
    /// The lines that no thread has taken yet, in their order.
    pub pending: Mutex<Vec<String>>,
    /// All peers.
    pub roster: Mutex<Vec<Box<dyn Peer>>>,
}

/// Sends the lines to all peers. Only the thread that holds the roster can call this. (This is not
/// the gap.)
pub fn deliver(peers: &mut [Box<dyn Peer>], lines: &[String]) {
    for line in lines {
        for peer in &mut *peers {
            peer.send(line);
        }
    }
}

/// Says a line. This thread delivers it, or a thread that holds the roster does so soon.
pub fn say(room: &Room, line: String) {
    todo!("append the line; while something is pending, try to lock the roster, and deliver it all")
}
