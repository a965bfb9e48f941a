//! Exercise 7, four points: keep a slow reader, and delay nobody.
//!
//! The socket of a slow peer is full. A thread that sends to it must wait, and it must not hold the
//! lock of the room meanwhile: all other threads would wait for this one peer (*head-of-line
//! blocking*). So the room keeps the lines that the peer lacks in its *backlog*, and the number of
//! the next one in the peer's record. A thread of its own, `catch_up`, sends them.
//!
//! That thread takes the next line out of the room, unlocks the room, and sends. Meanwhile the room
//! changes: others speak, and the peer may be removed because it is too far behind. So look at
//! everything again after each send. When no line is left, the thread sets `behind` to `None`. From
//! then on `say` sends to the peer again. This look and this change must be one critical section.
//!
//! Grade your answer with `cargo run -p exercises -- 7`.
#![allow(unused_variables, reason = "the gap does not use the parameters yet")]

use std::collections::{BTreeMap, VecDeque};

use crate::sync::{Arc, Mutex};

/// A peer that is more lines behind is removed: a backlog without a limit would fill the memory.
pub const MOST_BEHIND: usize = 4;

/// The connection to a peer.
pub trait Socket: Send + Sync {
    /// Sends a line if that needs no waiting. Returns `false` if it does.
    fn send_now(&self, line: &str) -> bool;

    /// Sends a line, and waits as long as it must. Returns `false` if the connection is broken.
    fn send(&self, line: &str) -> bool;
}

/// The record of a peer.
pub struct Peer {
    /// Its connection.
    pub socket: Arc<dyn Socket>,
    /// `None`: it has been sent every line. `Some(number)`: this is the next line to send.
    pub behind: Option<usize>,
}

/// The state that all threads share.
#[derive(Default)]
pub struct Room {
    /// All peers, by their numbers.
    pub peers: BTreeMap<u32, Peer>,
    /// The lines that some peer still needs.
    backlog: VecDeque<String>,
    /// The number of the first of them.
    first: usize,
}

impl Room {
    /// The number that the next line will have.
    pub fn end(&self) -> usize {
        self.first + self.backlog.len()
    }

    /// The line with this number. It is there if some peer needs it.
    pub fn line(&self, number: usize) -> Option<String> {
        self.backlog.get(number.checked_sub(self.first)?).cloned()
    }

    /// Says a line to all peers, and waits for nobody. Returns the peers that have just fallen
    /// behind: the caller starts a thread with [`catch_up`] for each of them. (This is not the
    /// gap.)
    pub fn say(&mut self, line: &str) -> Vec<u32> {
        let number = self.end();
        self.backlog.push_back(line.to_owned());
        let mut fallen_behind = Vec::new();
        self.peers.retain(|id, peer| {
            if peer.behind.is_none() && !peer.socket.send_now(line) {
                peer.behind = Some(number);
                fallen_behind.push(*id);
            }
            peer.behind.is_none_or(|next| number + 1 - next <= MOST_BEHIND)
        });
        let needed = self.peers.values().filter_map(|peer| peer.behind).min();
        while self.first < needed.unwrap_or(number + 1) {
            self.backlog.pop_front();
            self.first += 1;
        }
        fallen_behind
    }
}

/// Sends to the peer `id` every line that it lacks. Returns when it has all of them, or when its
/// record is gone. If its connection is broken, this removes its record.
pub fn catch_up(room: &Mutex<Room>, id: u32) {
    todo!("loop: lock, look up the next line, unlock; send it; lock, and note that it is sent")
}
