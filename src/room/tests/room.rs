//! What the room does with each thread that speaks: it delivers, or it lets the thread wait.

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use super::roster::{Fake, Log};
use crate::protocol::{Batch, Framing, PeerId};
use crate::room::{Limits, Reason, Report, Room, Socket};

const LIMITS: Limits = Limits { backlog: 1 << 30, pending: 16 * 1024, laggards: 10 };

fn lines(speaker: PeerId, length: usize) -> Batch {
    let mut batch = Batch::default();
    batch.say(speaker, |text| text.resize(length, b'x'));
    batch
}

fn address(port: u16) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], port))
}

fn room(limits: Limits) -> (Room<Fake>, Log) {
    let log = Log::default();
    (Room::new(limits, Box::new(log.clone())), log)
}

fn join(room: &Room<Fake>, takes: usize) -> (PeerId, Arc<Fake>) {
    let socket = Arc::new(Fake { room: AtomicUsize::new(takes), ..Fake::default() });
    let id = room.join(Arc::clone(&socket), address(1), Framing::Lines, true);
    (id.expect("the room is open"), socket)
}

#[test]
fn the_observer_hears_of_one_that_falls_behind() {
    let (room, log) = room(LIMITS);
    let (id, _) = join(&room, 3);
    let (other, socket) = join(&room, 10);
    room.say(lines(other, 4));
    assert_eq!((log.count("1 behind"), log.count("2 behind")), (1, 0));
    assert_eq!(socket.room.load(Relaxed), 5);
    assert_eq!(room.report(), Report { peers: 2, laggards: 1, lines: 1 });
    assert!(room.next_part(id).is_some());
    assert!(room.next_part(other).is_none());
}

#[test]
fn leaving_for_a_reason_takes_the_record_at_once() {
    let (room, log) = room(LIMITS);
    let (polite, _) = join(&room, 0);
    let (torn, socket) = join(&room, 0);
    room.say(lines(polite, 4));
    room.leave(polite, Reason::Left);
    room.leave(torn, Reason::Reset);
    assert_eq!(room.report().peers, 1, "one that closed its side is still sent what was said");
    assert_eq!((log.count("1: connection reset"), socket.shut.load(Relaxed)), (1, 1));
    room.cut_off();
    assert_eq!(room.report().peers, 0);
}

#[test]
fn a_closed_room_says_its_farewell_and_no_more() {
    let (room, log) = room(LIMITS);
    let (id, socket) = join(&room, 100);
    room.say(lines(id, 4));
    assert_eq!(room.close("bye"), Report { peers: 1, laggards: 0, lines: 1 });
    assert_eq!((socket.room.load(Relaxed), socket.finished.load(Relaxed)), (91, 1));
    room.say(lines(id, 4));
    room.say(lines(id, LIMITS.pending));
    assert_eq!((log.count("1 delivered"), socket.room.load(Relaxed)), (2, 91));
    assert!(room.join(socket, address(1), Framing::Lines, true).is_none());
}

#[test]
fn the_limits_of_a_room() {
    let pending = |backlog| Limits::of(backlog, 7).pending;
    assert_eq!(pending(1 << 40), 256 * 1024);
    assert_eq!(pending(2 * 1024 * 1024), 256 * 1024);
    assert_eq!(pending(512 * 1024), 64 * 1024);
    assert_eq!(pending(1), 16 * 1024);
    let Limits { backlog, laggards, .. } = Limits::of(5, 7);
    assert_eq!((backlog, laggards), (5, 7));
}

/// A socket on which the first send waits until it is let on: the roster is locked as long.
struct Gate {
    /// Tells that the roster is locked.
    locked: mpsc::Sender<()>,
    open: Mutex<mpsc::Receiver<()>>,
    taken: AtomicUsize,
}

impl Socket for Gate {
    fn send_now(&self, bytes: &[u8]) -> io::Result<usize> {
        let _ = self.locked.send(());
        let _ = self.open.lock().expect("sound").recv();
        self.taken.fetch_add(bytes.len(), Relaxed);
        Ok(bytes.len())
    }

    fn send_waiting(&self, bytes: &[u8], _: Duration) -> io::Result<usize> {
        self.send_now(bytes)
    }

    fn wait_for_end(&self, _: Duration) -> bool {
        false
    }

    fn finish(&self) {}

    fn shut(&self) {}
}

/// The promise: at most `Limits::pending`, and one read for each speaker.
#[test]
fn no_more_is_pending_than_its_limit_and_one_read() {
    const READ: usize = 1000;
    /// So many reads fill `pending` to the byte.
    const READS: usize = 16;
    let mut full = Batch::default();
    (0..READS).for_each(|_| full.append(lines(1, READ - 1)));
    let (locked, is_locked) = mpsc::channel();
    let (open, opened) = mpsc::channel();
    let gate = Arc::new(Gate { locked, open: Mutex::new(opened), taken: AtomicUsize::new(0) });
    let limits = Limits { pending: full.size(), ..LIMITS };
    let room = Room::new(limits, Box::new(Log::default()));
    let id = room.join(Arc::clone(&gate), address(1), Framing::Lines, true).expect("it is open");
    assert_eq!(id, 1);
    let said = AtomicUsize::new(0);
    thread::scope(|scope| {
        // Dropped here also where an assertion fails.
        let open = open;
        let holder = scope.spawn(|| room.say(lines(id, 9)));
        is_locked.recv().expect("the roster gets locked");
        // While the roster is locked, what is said stays pending. The speaker goes on at once, until
        // it has filled `pending`: then it waits for the roster.
        let speaker = scope.spawn(|| {
            for _ in 0..3 * READS {
                said.fetch_add(1, Relaxed);
                room.say(lines(id, READ - 1));
            }
        });
        let deadline = Instant::now() + Duration::from_secs(60);
        while said.load(Relaxed) < READS {
            assert!(Instant::now() < deadline, "it waits after {said:?} reads");
            thread::yield_now();
        }
        // It cannot say more, however long it has for it. A wrong room would have said it all by then.
        (0..1000).for_each(|_| thread::yield_now());
        assert_eq!(said.load(Relaxed), READS);
        assert!(gate.taken.load(Relaxed) == 0 && !holder.is_finished());
        drop(open);
        speaker.join().expect("it goes on");
        holder.join().expect("it delivers");
    });
    assert_eq!(gate.taken.load(Relaxed), 10 + 3 * READS * READ, "all that was said is delivered");
}

/// Two speakers wait for the roster, and too much is pending. The first one that gets it delivers. If
/// each passed the roster on and left that to the next one, nobody would deliver while some wait.
#[test]
fn a_speaker_that_still_finds_too_much_delivers() {
    let (locked, is_locked) = mpsc::channel();
    let (open, opened) = mpsc::channel();
    let gate = Arc::new(Gate { locked, open: Mutex::new(opened), taken: AtomicUsize::new(0) });
    let room = Room::new(LIMITS, Box::new(Log::default()));
    let id = room.join(Arc::clone(&gate), address(1), Framing::Lines, true).expect("it is open");
    let started = &AtomicUsize::new(0);
    thread::scope(|scope| {
        let open = open;
        let say = |length| room.say(lines(id, length));
        scope.spawn(move || say(9));
        is_locked.recv().expect("the roster gets locked");
        let waiting = [(); 2].map(|()| {
            scope.spawn(move || {
                started.fetch_add(1, Relaxed);
                say(LIMITS.pending);
            })
        });
        while started.load(Relaxed) < 2 {
            thread::yield_now();
        }
        // They wait soon, if they do not yet. If one comes later, it finds the same.
        (0..1000).for_each(|_| thread::yield_now());
        open.send(()).expect("the holder waits for it");
        is_locked.recv().expect("one of the two delivers");
        (0..1000).for_each(|_| thread::yield_now());
        let passed = waiting.iter().filter(|speaker| speaker.is_finished()).count();
        drop(open);
        assert_eq!(passed, 0, "a speaker passed, though too much was pending");
    });
    assert_eq!(gate.taken.load(Relaxed), 10 + 2 * (LIMITS.pending + 1));
}

/// What is still pending when the room is closed is delivered with the farewell, and it is counted.
#[test]
fn the_report_of_a_closed_room_counts_what_was_pending() {
    let (locked, is_locked) = mpsc::channel();
    let (open, opened) = mpsc::channel();
    let gate = Arc::new(Gate { locked, open: Mutex::new(opened), taken: AtomicUsize::new(0) });
    let room = Room::new(LIMITS, Box::new(Log::default()));
    let id = room.join(Arc::clone(&gate), address(1), Framing::Lines, true).expect("it is open");
    thread::scope(|scope| {
        let open = open;
        scope.spawn(|| room.say(lines(id, 9)));
        is_locked.recv().expect("the roster gets locked");
        room.say(lines(id, 9));
        let closing = scope.spawn(|| room.close("bye"));
        // It waits for the roster soon, and gets it next.
        (0..1000).for_each(|_| thread::yield_now());
        drop(open);
        let report = closing.join().expect("it closes");
        assert_eq!(report, Report { peers: 1, laggards: 0, lines: 2 });
    });
    assert_eq!(gate.taken.load(Relaxed), 10 + 10 + 4);
}
