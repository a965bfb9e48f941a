//! A normal conversation, which continues while a test disturbs the server.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::peer::Peer;

/// Lines with this beginning belong to the conversation. All other lines are noise.
const MARK: &str = "talk ";

/// Two peers speak in turn, and a third peer listens. All three must receive each line, in order,
/// before the next line is said. Noise from others may come in between.
pub(crate) struct Conversation {
    over: Arc<AtomicBool>,
    talk: JoinHandle<Summary>,
}

/// The result of a conversation.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Summary {
    /// How many lines all three have received.
    pub(crate) lines: u64,
    /// The longest time that one line took to reach all three.
    pub(crate) slowest: Duration,
}

impl Conversation {
    /// Starts a conversation. Returns when all three have received the first line.
    pub(crate) fn start(address: SocketAddr) -> Self {
        let mut peers: [Peer; 3] = std::array::from_fn(|_| Peer::connect(address));
        for index in 0..peers.len() {
            // A peer that has received the first line is in the room.
            peers[index].say(&format!("peer {index} is here"));
            for peer in &mut peers[..=index] {
                peer.await_line(&format!("peer {index} is here"));
            }
        }
        let over = Arc::new(AtomicBool::new(false));
        let talk = {
            let over = Arc::clone(&over);
            thread::spawn(move || talk(&mut peers, &over))
        };
        Self { over, talk }
    }

    /// Ends the conversation, and returns its result.
    pub(crate) fn end(self) -> Summary {
        self.over.store(true, Relaxed);
        self.talk.join().expect("every line of the conversation arrives, in order")
    }

    /// Whether the conversation has failed.
    pub(crate) fn has_failed(&self) -> bool {
        self.talk.is_finished()
    }
}

fn talk(peers: &mut [Peer; 3], over: &AtomicBool) -> Summary {
    let mut summary = Summary { lines: 0, slowest: Duration::ZERO };
    while !over.load(Relaxed) || summary.lines < 10 {
        let said = Instant::now();
        let line = format!("{MARK}{}", summary.lines);
        peers[usize::from(summary.lines % 2 == 1)].say(&line);
        for peer in peers.iter_mut() {
            assert_eq!(next_of_talk(peer), line);
        }
        summary.lines += 1;
        summary.slowest = summary.slowest.max(said.elapsed());
        thread::sleep(Duration::from_millis(1));
    }
    summary
}

fn next_of_talk(peer: &mut Peer) -> String {
    loop {
        let line = peer.line();
        if line.starts_with(MARK) {
            return line;
        }
    }
}
