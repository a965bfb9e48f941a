//! A normal conversation that goes on while something else happens to the server.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::peer::Peer;

/// Lines that begin so belong to the conversation; all others are noise.
const MARK: &str = "talk ";

/// Two peers who speak in turn and a third who listens. Each line must reach all three, in order,
/// before the next is said; noise by others may come in between.
pub(crate) struct Conversation {
    over: Arc<AtomicBool>,
    talk: JoinHandle<Summary>,
}

/// How a conversation went.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Summary {
    /// Lines that were said, and heard by all three.
    pub(crate) lines: u64,
    /// The longest it took one line to reach everybody.
    pub(crate) slowest: Duration,
}

impl Conversation {
    /// Begins, and returns when the first line has been heard.
    pub(crate) fn start(address: SocketAddr) -> Self {
        let mut peers: [Peer; 3] = std::array::from_fn(|_| Peer::connect(address));
        for index in 0..peers.len() {
            // What everyone has heard, everyone was there for.
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

    /// Ends it, and returns how it went.
    pub(crate) fn end(self) -> Summary {
        self.over.store(true, Relaxed);
        self.talk.join().expect("every line of the conversation arrives, in order")
    }

    /// Whether it has come to a bad end.
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
