//! Given for exercise 7: keep a slow reader, and delay nobody.

use std::collections::{BTreeMap, VecDeque};

use crate::sync::Arc;

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
    /// behind: the caller starts a thread with `catch_up` for each of them.
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
