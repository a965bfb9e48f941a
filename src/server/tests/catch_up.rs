//! What the thread of a laggard sends, how far it says that the peer is, and when it ends.

use std::io;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use crossbeam_channel::Sender;

use crate::protocol::{Batch, Framing, Recipient};
use crate::room::{CatchUp, Entry, Event, Limits, Observer, Room, Socket};
use crate::server::catch_up::{send_backlog, start};
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

/// Takes nothing at once, and what its peer takes later.
struct Slow;

impl Socket for Slow {
    fn send_now(&self, _: &[u8]) -> io::Result<usize> {
        Ok(0)
    }

    fn send_waiting(&self, bytes: &[u8], _: Duration) -> io::Result<usize> {
        Ok(bytes.len())
    }

    fn wait_for_end(&self, _: Duration) -> bool {
        false
    }

    fn finish(&self) {}

    fn shut(&self) {}
}

/// Passes on each peer that needs a thread, and each that has caught up or gone.
struct Watch(Sender<String>);

impl Observer for Watch {
    fn see(&self, event: Event) {
        let text = match event {
            Event::FellBehind { id, .. } => format!("{id} is behind"),
            Event::CaughtUp(address) => format!("{} has caught up", address.port()),
            Event::Left(address, reason) => format!("{}: {reason}", address.port()),
            Event::Joined(_) | Event::Delivered { .. } => return,
        };
        let _ = self.0.send(text);
    }
}

#[test]
fn the_thread_of_a_laggard_ends_when_it_has_caught_up() {
    let (watch, seen) = crossbeam_channel::unbounded();
    let wait = || seen.recv_timeout(STALL).expect("something happens");
    let room = Room::new(Limits::of(1 << 20, 1), Box::new(Watch(watch)));
    let join = |port| {
        let address = ([127, 0, 0, 1], port).into();
        room.join(Arc::new(Slow), address, Framing::Lines, true).expect("the room is open")
    };
    let (first, _) = (join(1), join(2));
    let mut lines = Batch::default();
    lines.say(0, |text| text.push(b'x'));
    room.say(lines);
    // The room has a thread for one laggard, and drops the second one.
    assert_eq!([wait(), wait()], ["1 is behind", "2: too slow"]);
    thread::scope(|scope| start(scope, &room, first, STALL));
    assert_eq!(wait(), "1 has caught up");
    // A peer that is not behind, and one that is gone, keep their threads for no time.
    thread::scope(|scope| [first, 2].map(|id| start(scope, &room, id, STALL)));
    assert_eq!((room.report().peers, room.report().laggards), (1, 0));
}
