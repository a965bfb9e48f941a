//! What the roster does with each record: limits, counts, and what it forgets.

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::protocol::{Batch, Framing, PeerId};
use crate::room::roster::Roster;
use crate::room::{Event, Limits, Observer, Reason, Report, Socket};

/// A socket with room for so many bytes.
#[derive(Default)]
pub(crate) struct Fake {
    pub(crate) room: AtomicUsize,
    pub(crate) broken: AtomicBool,
    pub(crate) finished: AtomicUsize,
    pub(crate) shut: AtomicUsize,
    /// How often a thread waited for its end.
    pub(crate) waited: AtomicUsize,
}

impl Socket for Fake {
    fn send_now(&self, bytes: &[u8]) -> io::Result<usize> {
        if self.broken.load(Relaxed) {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        let taken = bytes.len().min(self.room.load(Relaxed));
        self.room.fetch_sub(taken, Relaxed);
        Ok(taken)
    }

    fn send_waiting(&self, bytes: &[u8], _: Duration) -> io::Result<usize> {
        self.send_now(bytes)
    }

    fn wait_for_end(&self, _: Duration) -> bool {
        self.waited.fetch_add(1, Relaxed);
        self.broken.load(Relaxed)
    }

    fn finish(&self) {
        self.finished.fetch_add(1, Relaxed);
    }

    fn shut(&self) {
        self.shut.fetch_add(1, Relaxed);
    }
}

/// Writes down what happens.
#[derive(Clone, Default)]
pub(crate) struct Log(Arc<Mutex<Vec<String>>>);

impl Log {
    pub(crate) fn count(&self, text: &str) -> usize {
        self.0.lock().expect("not poisoned").iter().filter(|entry| *entry == text).count()
    }
}

impl Observer for Log {
    fn see(&self, event: Event) {
        let text = match event {
            Event::Joined(address) => format!("{} joined", address.port()),
            Event::Delivered { batch, overrun: false } => format!("{} delivered", batch.count()),
            Event::Delivered { overrun: true, .. } => "overrun".to_owned(),
            Event::FellBehind { id, .. } => format!("{id} behind"),
            Event::CaughtUp(address) => format!("{} caught up", address.port()),
            Event::Left(address, reason) => format!("{}: {reason}", address.port()),
        };
        self.0.lock().expect("not poisoned").push(text);
    }
}

pub(crate) fn line(text: &str) -> Arc<Batch> {
    let mut batch = Batch::default();
    batch.say(0, |out| out.extend_from_slice(text.as_bytes()));
    Arc::new(batch)
}

fn size() -> u64 {
    line("0123456").size() as u64
}

pub(crate) fn roster(max_backlog: u64) -> (Roster<Fake>, Log) {
    let log = Log::default();
    (Roster::new(Limits::of(max_backlog, usize::MAX), Box::new(log.clone())), log)
}

/// Adds a peer whose socket has room for so many bytes.
pub(crate) fn add(roster: &mut Roster<Fake>, room: usize) -> (PeerId, Arc<Fake>) {
    let socket = Arc::new(Fake { room: AtomicUsize::new(room), ..Fake::default() });
    let address =
        SocketAddr::from(([127, 0, 0, 1], 1 + u16::try_from(roster.report().peers).expect("few")));
    let id = roster.add(Arc::clone(&socket), address, Framing::Lines, true);
    (id.expect("it is open"), socket)
}

#[test]
fn a_peer_goes_on_from_where_its_socket_was_full() {
    let (mut roster, log) = roster(1 << 20);
    let (id, _) = add(&mut roster, 3);
    add(&mut roster, usize::MAX);
    roster.deliver(&line("0123456"));
    assert_eq!(log.count("1 behind"), 1);
    roster.deliver(&line("789"));
    assert_eq!(log.count("1 behind"), 1, "it was behind already");
    let report = Report { peers: 2, laggards: 1, lines: 2 };
    assert_eq!(roster.report(), report);

    let next = roster.next_part(id).expect("it is behind");
    assert_eq!((next.position.load(Relaxed), next.entries.len()), (3, 2));
    next.position.store(next.entries[0].end(), Relaxed);
    let next = roster.next_part(id).expect("it is behind");
    assert_eq!(next.entries[0].batch.text(), b"789\n");
    next.position.store(next.entries[0].end(), Relaxed);
    assert_eq!(log.count("1 caught up"), 0);
    assert!(roster.next_part(id).is_none());
    assert_eq!(log.count("1 caught up"), 1);
    assert_eq!(roster.report().laggards, 0);
}

#[test]
fn a_thread_takes_about_a_mebibyte_of_the_backlog_at_once() {
    let (mut roster, _) = roster(1 << 30);
    let (id, _) = add(&mut roster, 0);
    for _ in 0..30 {
        roster.deliver(&line(&"x".repeat(100 * 1024)));
    }
    let parts = roster.next_part(id).expect("it is behind").entries.len();
    assert!((10..=12).contains(&parts), "{parts} times 100 KiB");
}

#[test]
fn a_peer_may_be_as_far_behind_as_the_backlog_and_no_further() {
    let (mut roster, log) = roster(3 * size());
    let (id, socket) = add(&mut roster, 0);
    let batch = line("0123456");
    for _ in 0..3 {
        roster.deliver(&batch);
    }
    assert_eq!(roster.report().peers, 1);
    assert_eq!(Arc::strong_count(&batch), 4, "it is kept three times");
    let position = roster.next_part(id).expect("it is behind").position;
    position.store(1, Relaxed);
    roster.deliver(&line("0123456"));
    assert_eq!(roster.report().peers, 0);
    assert_eq!((log.count("1: too slow"), socket.shut.load(Relaxed)), (1, 1));
    assert_eq!(Arc::strong_count(&batch), 1, "it is kept for none");
}

#[test]
fn a_peer_that_has_closed_its_side_is_pruned_for_its_backlog_as_well() {
    let (mut roster, log) = roster(2 * size());
    let (id, _) = add(&mut roster, 0);
    roster.deliver(&line("0123456"));
    roster.retire(id);
    roster.deliver(&line("0123456"));
    assert_eq!(roster.report().peers, 1);
    roster.deliver(&line("0123456"));
    assert_eq!(roster.report().peers, 0);
    assert_eq!(log.count("1: left"), 1, "it had left by itself");
}

#[test]
fn a_reader_is_overrun_from_half_a_backlog_on() {
    let (mut roster, log) = roster(4 * size());
    let (id, _) = add(&mut roster, 0);
    let is_overrun = |roster: &mut Roster<Fake>, text: &str| {
        let before = log.count("overrun");
        roster.deliver(&line(text));
        log.count("overrun") > before
    };
    assert!(!is_overrun(&mut roster, "0123456"));
    assert!(!is_overrun(&mut roster, "0123456"), "exactly half");
    assert!(is_overrun(&mut roster, "0123456"), "more than half");
    roster.next_part(id).expect("it is behind").position.store(size(), Relaxed);
    assert!(is_overrun(&mut roster, "0123456"), "it has taken something, and is behind still");
    roster.retire(id);
    assert!(!is_overrun(&mut roster, "0"), "one that leaves is not waited for");
}

#[test]
fn a_leaving_peer_is_sent_everything_up_to_then_and_no_more() {
    let (mut roster, log) = roster(1 << 20);
    let (id, socket) = add(&mut roster, 0);
    roster.deliver(&line("before"));
    roster.retire(id);
    roster.deliver(&line("after"));
    let next = roster.next_part(id).expect("it is behind");
    assert_eq!(next.entries.len(), 1);
    assert_eq!(next.entries[0].batch.text(), b"before\n");
    next.position.store(next.entries[0].end(), Relaxed);
    assert!(roster.next_part(id).is_none());
    assert_eq!((log.count("1: left"), socket.shut.load(Relaxed)), (1, 1));
}

#[test]
fn a_batch_is_forgotten_when_the_last_peer_that_needs_it_is_gone() {
    let (mut roster, _) = roster(1 << 20);
    let (first, _) = add(&mut roster, 0);
    let (second, broken) = add(&mut roster, usize::MAX);
    let batch = line("0123456");
    roster.deliver(&batch);
    assert_eq!(Arc::strong_count(&batch), 2, "it is kept");
    roster.remove(second, Reason::Reset);
    assert_eq!(Arc::strong_count(&batch), 2, "the other one does not need it");
    roster.remove(first, Reason::Reset);
    assert_eq!(Arc::strong_count(&batch), 1, "it is kept for none");

    // The same where the record goes because a send fails.
    let (_, socket) = add(&mut roster, 0);
    let batch = line("0123456");
    roster.deliver(&batch);
    assert_eq!(Arc::strong_count(&batch), 2);
    roster.cut_off();
    assert_eq!(Arc::strong_count(&batch), 1);
    assert_eq!((socket.shut.load(Relaxed), broken.shut.load(Relaxed)), (1, 1));
}

#[test]
fn a_record_goes_once_however_often_it_is_removed() {
    let (mut roster, log) = roster(1 << 20);
    let (id, socket) = add(&mut roster, usize::MAX);
    let (_, other) = add(&mut roster, usize::MAX);
    socket.broken.store(true, Relaxed);
    roster.deliver(&line("0"));
    roster.remove(id, Reason::Left);
    roster.retire(id);
    assert_eq!(socket.shut.load(Relaxed), 1);
    assert_eq!((log.count("1: connection reset"), log.count("1: left")), (1, 0));
    assert_eq!((roster.report().peers, other.shut.load(Relaxed)), (1, 0));
}

#[test]
fn many_lines_for_many_peers_mean_a_crowd() {
    let (mut roster, _) = roster(1 << 20);
    (0..3).for_each(|_| _ = add(&mut roster, usize::MAX));
    let mut two = Batch::default();
    two.say(1, |out| out.push(b'a'));
    two.say(1, |out| out.push(b'b'));
    let two = Arc::new(two);
    roster.deliver(&two);
    assert!(!roster.crowded, "three are few");
    add(&mut roster, usize::MAX);
    roster.deliver(&two);
    assert!(roster.crowded);
    assert_eq!(roster.report().lines, 4);
    roster.deliver(&line("0"));
    assert!(!roster.crowded);
}

#[test]
fn a_peer_falls_behind_and_no_thread_is_left_for_it() {
    let log = Log::default();
    let limits = Limits { laggards: 1, ..Limits::of(1 << 20, 1) };
    let mut roster = Roster::new(limits, Box::new(log.clone()));
    let [(first, _), (_, second)] = [0, 0].map(|takes| add(&mut roster, takes));
    roster.deliver(&line("0"));
    assert_eq!((log.count("1 behind"), log.count("2 behind")), (1, 0));
    assert_eq!((log.count("2: too slow"), second.shut.load(Relaxed)), (1, 1));
    assert_eq!((roster.report().peers, roster.report().laggards), (1, 1));
    // Each of these makes place for another laggard.
    let make_place: [fn(&mut Roster<Fake>, PeerId); 4] = [
        |roster, id| {
            let next = roster.next_part(id).expect("it is behind");
            next.position.store(u64::MAX, Relaxed);
            assert!(roster.next_part(id).is_none());
            roster.remove(id, Reason::Left);
        },
        |roster, id| roster.remove(id, Reason::Reset),
        |roster, _| roster.deliver(&line(&"x".repeat(1 << 20))),
        |roster, _| roster.cut_off(),
    ];
    let mut last = first;
    for make_place in make_place {
        make_place(&mut roster, last);
        assert_eq!(roster.report().laggards, 0);
        let (next, _) = add(&mut roster, 0);
        roster.deliver(&line("0"));
        assert_eq!((log.count(&format!("{next} behind")), roster.report().laggards), (1, 1));
        last = next;
    }
}

#[test]
fn an_error_is_a_dead_link_or_a_reset() {
    use io::ErrorKind::{
        BrokenPipe, ConnectionReset, HostUnreachable, NetworkUnreachable, TimedOut,
    };
    let reason = |kind: io::ErrorKind| Reason::from(io::Error::from(kind));
    assert_eq!([TimedOut, HostUnreachable, NetworkUnreachable].map(reason), [Reason::TimedOut; 3]);
    assert_eq!([ConnectionReset, BrokenPipe].map(reason), [Reason::Reset; 2]);
}
