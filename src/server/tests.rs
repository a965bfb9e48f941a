//! What the thread of a laggard sends, how far it says that the peer is, and how many such threads
//! there may be.

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use crossbeam_channel::Receiver;

use super::catch_up::{send_backlog, starter};
use crate::protocol::Framing;
use crate::room::{Batch, CatchUp, Entry, Limits, Observer, Reason, Recipient, Room, Socket};
use crate::sync::Relaxed;

const STALL: Duration = Duration::from_secs(60);

fn batch(messages: &[&str], framing: Framing) -> Arc<Batch> {
    let mut batch = Batch::default();
    for message in messages {
        let write = |text: &mut Vec<u8>| text.extend_from_slice(message.as_bytes());
        match framing {
            Framing::Lines => batch.say(0, write),
            Framing::Raw => batch.say_raw(0, write),
        }
    }
    Arc::new(batch)
}

/// Takes so many bytes at a time, and writes down each send and how far the peer was before it.
struct Taker {
    at_a_time: usize,
    position: Arc<AtomicU64>,
    sends: Mutex<Vec<(u64, usize)>>,
}

impl Socket for Taker {
    fn send_now(&self, _: &[u8]) -> io::Result<usize> {
        panic!("its thread waits");
    }

    fn send_waiting(&self, bytes: &[u8], _: Duration) -> io::Result<usize> {
        let taken = bytes.len().min(self.at_a_time);
        self.sends.lock().expect("not poisoned").push((self.position.load(Relaxed), taken));
        Ok(taken)
    }

    fn wait_for_end(&self, _: Duration) -> bool {
        false
    }

    fn finish(&self) {}

    fn shut(&self) {}
}

/// Where the first batch stands in the stream.
const START: u64 = 1000;

/// Sends batches to a peer that takes `at_a_time` bytes. Returns each send, with the position of the
/// peer before it, and the position at the end.
fn sends(batches: &[Arc<Batch>], framing: Framing, at_a_time: usize) -> (Vec<(u64, usize)>, u64) {
    let position = Arc::new(AtomicU64::new(START));
    let mut end = START;
    let entries = batches.iter().map(|batch| {
        let entry = Entry { start: end, batch: Arc::clone(batch) };
        end = entry.end();
        entry
    });
    let entries = entries.collect();
    let taker = Taker { at_a_time, position: Arc::clone(&position), sends: Mutex::default() };
    let socket = Arc::new(taker);
    let recipient = Recipient { id: 1, framing, echo: true };
    let next = CatchUp { socket: Arc::clone(&socket), recipient, position, entries };
    assert_eq!(send_backlog(&next, STALL), Ok(()));
    let sends = socket.sends.lock().expect("not poisoned").clone();
    (sends, next.position.load(Relaxed))
}

#[test]
fn the_position_moves_on_with_each_send() {
    let long = "x".repeat(39_999);
    let [first, second] = [[long.as_str()], ["short"]].map(|line| batch(&line, Framing::Lines));
    let (first_end, end) =
        (START + first.size() as u64, START + (first.size() + second.size()) as u64);
    let (sent, position) = sends(&[first, second], Framing::Lines, 15_000);
    assert_eq!(
        sent,
        [(START, 15_000), (START + 15_000, 15_000), (START + 30_000, 10_000), (first_end, 6)]
    );
    assert_eq!(position, end);
}

#[test]
fn short_lines_of_many_batches_are_one_send() {
    let batches: Vec<_> = (0..100).map(|_| batch(&["four", "five"], Framing::Lines)).collect();
    let size: usize = batches.iter().map(|batch| batch.size()).sum();
    let (sent, position) = sends(&batches, Framing::Lines, usize::MAX);
    assert_eq!(sent, [(START, 1000)]);
    assert_eq!(position, START + size as u64);

    // 32 KiB at the most.
    let half = "x".repeat(16_383);
    let halves = [(); 3].map(|()| batch(&[&half], Framing::Lines));
    let sent: Vec<_> = sends(&halves, Framing::Lines, usize::MAX).0;
    let lengths: Vec<_> = sent.into_iter().map(|(_, length)| length).collect();
    assert_eq!(lengths, [32_768, 16_384]);
}

#[test]
fn each_raw_message_is_a_send_of_its_own() {
    let messages = batch(&["one", "three"], Framing::Raw);
    let end = START + messages.size() as u64;
    let (sent, position) = sends(&[messages], Framing::Raw, 2);
    // Behind each message is a newline, which is not sent.
    let expected = [(0, 2), (2, 1), (3, 2), (6, 2), (8, 1)];
    assert_eq!(sent, expected.map(|(position, length)| (START + position, length)));
    assert_eq!(position, end);
}

/// Takes nothing at once, and the rest when it is released.
struct Stuck(Receiver<()>);

impl Socket for Stuck {
    fn send_now(&self, _: &[u8]) -> io::Result<usize> {
        Ok(0)
    }

    fn send_waiting(&self, bytes: &[u8], _: Duration) -> io::Result<usize> {
        // It is released when the other end is gone.
        let _ = self.0.recv();
        Ok(bytes.len())
    }

    fn wait_for_end(&self, _: Duration) -> bool {
        false
    }

    fn finish(&self) {}

    fn shut(&self) {}
}

/// Passes on which peers catch up, by their ports, and which are removed.
struct Watch(crossbeam_channel::Sender<(u16, Option<Reason>)>);

impl Observer for Watch {
    fn joined(&self, _: SocketAddr) {}
    fn delivered(&self, _: &Arc<Batch>) {}
    fn fell_behind(&self, _: SocketAddr) {}
    fn caught_up(&self, address: SocketAddr) {
        let _ = self.0.send((address.port(), None));
    }
    fn left(&self, address: SocketAddr, reason: Reason) {
        let _ = self.0.send((address.port(), Some(reason)));
    }
}

#[test]
fn there_are_no_more_such_threads_than_allowed() {
    const ALLOWED: usize = 2;
    let (watch, seen) = crossbeam_channel::unbounded();
    let wait = || seen.recv_timeout(STALL).expect("something happens");
    thread::scope(|scope| {
        let room =
            Room::new(Limits::of(1 << 20), Box::new(Watch(watch)), starter(scope, ALLOWED, STALL));
        let say = || {
            let mut lines = Batch::default();
            lines.say(0, |text| text.push(b'x'));
            room.say(lines);
        };
        // Twice, since a thread that has ended makes place for another.
        for round in 0..2 {
            let (release, released) = crossbeam_channel::bounded(0);
            for port in 1..=3 {
                let socket = Arc::new(Stuck(released.clone()));
                let address = ([127, 0, 0, 1], 10 * round + port).into();
                room.join(socket, address, Framing::Lines, true).expect("the room is open");
            }
            drop(released);
            say();
            assert_eq!(wait(), (10 * round + 3, Some(Reason::TooSlow)));
            drop(release);
            let mut caught_up = [wait(), wait()];
            caught_up.sort_by_key(|(port, _)| *port);
            assert_eq!(caught_up, [(10 * round + 1, None), (10 * round + 2, None)]);
            room.cut_off();
            // Each thread has the room until it ends.
            while Arc::strong_count(&room) > 1 {
                thread::yield_now();
            }
        }
    });
}
