//! What the room does with each thread that speaks: it delivers, or it lets the thread wait.

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use std::time::Duration;

use super::roster::{Fake, Log};
use crate::protocol::Framing;
use crate::room::{Batch, Limits, PeerId, Reason, Report, Room, Socket};

const LIMITS: Limits = Limits { backlog: 1 << 30, pending: 16 * 1024 };

fn lines(speaker: PeerId, length: usize) -> Batch {
    let mut batch = Batch::default();
    batch.say(speaker, |text| text.resize(length, b'x'));
    batch
}

fn address(port: u16) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], port))
}

/// Peers for which a room has started a thread.
type Behind = Arc<Mutex<Vec<PeerId>>>;

fn room(limits: Limits) -> (Arc<Room<'static, Fake>>, Log, Behind) {
    let (log, behind) = (Log::default(), Behind::default());
    let started = Arc::clone(&behind);
    let start = Box::new(move |_: &Arc<Room<_>>, id| started.lock().expect("sound").push(id));
    (Room::new(limits, Box::new(log.clone()), start), log, behind)
}

fn join(room: &Arc<Room<'static, Fake>>, takes: usize) -> (PeerId, Arc<Fake>) {
    let socket = Arc::new(Fake { room: AtomicUsize::new(takes), ..Fake::default() });
    let id = room.join(Arc::clone(&socket), address(1), Framing::Lines, true);
    (id.expect("the room is open"), socket)
}

#[test]
fn one_that_falls_behind_gets_a_thread_of_its_own() {
    let (room, _, behind) = room(LIMITS);
    let (id, _) = join(&room, 3);
    let (other, socket) = join(&room, 10);
    room.say(lines(other, 4));
    assert_eq!(*behind.lock().expect("sound"), [id]);
    assert_eq!(socket.room.load(Relaxed), 5);
    assert_eq!(room.report(), Report { peers: 2, laggards: 1, lines: 1 });
    assert!(room.next_part(id).is_some());
    assert!(room.next_part(other).is_none());
}

#[test]
fn leaving_for_a_reason_takes_the_record_at_once() {
    let (room, log, _) = room(LIMITS);
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
    let (room, log, _) = room(LIMITS);
    let (id, socket) = join(&room, 100);
    assert_eq!(room.close("bye").len(), 1);
    assert_eq!(socket.room.load(Relaxed), 96);
    room.say(lines(id, 4));
    room.say_in_turn(lines(id, LIMITS.pending), &socket);
    assert_eq!((log.count("1 delivered"), socket.waited.load(Relaxed)), (1, 0));
    assert!(room.join(socket, address(1), Framing::Lines, true).is_none());
}

#[test]
fn the_limits_of_a_room() {
    let pending = |backlog| Limits::of(backlog).pending;
    assert_eq!(pending(8 * 1024 * 1024), 1024 * 1024);
    assert_eq!(pending(1 << 40), 1024 * 1024);
    assert_eq!(pending(1024 * 1024), 128 * 1024);
    assert_eq!(pending(1), 16 * 1024);
    assert_eq!(Limits::of(5).backlog, 5);
}

/// A socket on which the first send waits until it is let on: the roster is locked as long.
struct Gate {
    /// Tells that the roster is locked.
    locked: mpsc::Sender<()>,
    open: Mutex<mpsc::Receiver<()>>,
    taken: AtomicUsize,
    waited: AtomicUsize,
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

    /// The connection of a speaker that waits is torn at once: so a test need not wait for it.
    fn wait_for_end(&self, _: Duration) -> bool {
        self.waited.fetch_add(1, Relaxed);
        true
    }

    fn finish(&self) {}

    fn shut(&self) {}
}

/// The promise: at most `Limits::pending`, and one read for each speaker.
#[test]
fn no_more_is_pending_than_its_limit_and_one_read() {
    const READ: usize = 1000;
    let (locked, is_locked) = mpsc::channel();
    let (open, opened) = mpsc::channel();
    let (taken, waited) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let gate = Arc::new(Gate { locked, open: Mutex::new(opened), taken, waited });
    let start = Box::new(|_: &Arc<Room<_>>, _| unreachable!("the socket takes it all"));
    let room = Room::new(LIMITS, Box::new(Log::default()), start);
    let id = room.join(Arc::clone(&gate), address(1), Framing::Lines, true).expect("it is open");
    thread::scope(|scope| {
        // Dropped here also where an assertion fails.
        let open = open;
        let holder = scope.spawn(|| room.say(lines(id, 9)));
        is_locked.recv().expect("the roster gets locked");
        // While the roster is locked, what is said stays pending.
        let mut said = 0;
        while said < 100 && gate.waited.load(Relaxed) == 0 {
            room.say_in_turn(lines(id, READ - 1), &gate);
            said += 1;
        }
        let pending = (said - 1) * READ;
        assert!(pending >= LIMITS.pending / 2, "a speaker waited at {pending} bytes");
        assert!(pending <= LIMITS.pending + READ, "{pending} bytes are pending");
        // A speaker with credit does not wait.
        room.say(lines(id, 0));
        drop(open);
        holder.join().expect("it delivers");
        assert_eq!(gate.taken.load(Relaxed), 10 + pending + 1, "all that was pending is delivered");
    });
    room.say_in_turn(lines(id, READ - 1), &gate);
    assert_eq!(gate.waited.load(Relaxed), 1, "nothing is pending, and no speaker waits");
}

/// While a reader is overrun, all together have one budget: it begins with 64 KiB.
#[test]
fn speakers_wait_while_a_reader_is_overrun() {
    let (room, _, _) = room(Limits { backlog: 1024 * 1024, pending: 1 << 30 });
    let (reader, socket) = join(&room, 0);
    let (id, speaker) = join(&room, usize::MAX);
    let wait = || speaker.waited.load(Relaxed);
    room.say_in_turn(lines(id, 500 * 1024), &speaker);
    room.say_in_turn(lines(id, 100 * 1024), &speaker);
    assert_eq!(wait(), 0, "it is not overrun before it is delivered");
    // The speaker has spent the budget, and more. If its connection ends meanwhile, nothing is said.
    speaker.broken.store(true, Relaxed);
    room.say_in_turn(lines(id, 1), &speaker);
    assert_eq!((wait(), room.report().lines), (1, 2));
    speaker.broken.store(false, Relaxed);
    // In time, there is something left again.
    room.say_in_turn(lines(id, 1), &speaker);
    assert_eq!((wait() > 1, room.report().lines), (true, 3));
    // One that has caught up is overrun no more.
    let next = room.next_part(reader).expect("it is behind");
    next.position.store(next.entries.last().expect("a batch").end(), Relaxed);
    assert!(room.next_part(reader).is_none());
    socket.room.store(usize::MAX, Relaxed);
    room.say(lines(id, 100 * 1024));
    let before = wait();
    room.say_in_turn(lines(id, 1), &speaker);
    assert_eq!(wait(), before, "no reader is overrun");
}
