//! A peer that hears everything, for tests of what the others are owed.

use super::peer::{Ending, Peer};
use super::server::Server;
use super::wait_until;

/// Says lines, and notes everything that it hears.
pub(crate) struct Witness {
    pub(crate) peer: Peer,
    pub(crate) heard: Vec<String>,
}

impl Witness {
    pub(crate) fn new(peer: Peer) -> Self {
        Self { peer, heard: Vec::new() }
    }

    /// Says this many bytes in lines of a thousand bytes, and hears them.
    pub(crate) fn say(&mut self, bytes: usize) {
        for _ in 0..bytes / 50_000 {
            let line = |number: usize| format!("{:<999}\n", self.heard.len() + number);
            let lines: Vec<String> = (0..50).map(line).collect();
            self.peer.send(lines.concat());
            let last = lines[49].trim_end_matches('\n');
            self.hear(last);
        }
    }

    /// Hears everything up to this line.
    pub(crate) fn hear(&mut self, line: &str) {
        while self.heard.last().is_none_or(|last| last != line) {
            self.heard.push(self.peer.line());
        }
    }

    /// Speaks until all these peers are behind, and then so much more that their systems cannot take
    /// it without them.
    pub(crate) fn outrun(&mut self, server: &Server, ports: &[u16]) {
        let is_behind = |port| format!("Client @PORT #{port} Is Behind!");
        let behind: Vec<String> = ports.iter().map(is_behind).collect();
        wait_until("the peers are behind", || {
            self.say(50_000);
            behind.iter().all(|it| server.event_log().count(|line| line == it) > 0)
        });
        self.say(500_000);
    }

    /// Hears the rest, and returns everything.
    pub(crate) fn all(mut self) -> Vec<String> {
        let (rest, ending) = self.peer.rest();
        assert_eq!(ending, Ending::Closed);
        self.heard.extend(rest);
        self.heard
    }
}
