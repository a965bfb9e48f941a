//! Grades exercise 7: one peer is slow, another one is fast, and threads speak meanwhile, at
//! moments that the test chooses as well.

use super::{Help, Test, Verdict};
use crate::given::e7::{MOST_BEHIND, Peer, Room, Socket};
use crate::steps;
use crate::sync::{Arc, Mutex, Weak, thread};

type CatchUp = fn(&Mutex<Room>, u32);

const HELP: Help = Help {
    deadlock: "the room is locked while the thread waits for a slow peer, so all other threads \
               wait for that peer as well (head-of-line blocking): unlock the room before `send`",
    panic: "the room may have removed the peer before the thread begins, or while it sends; look \
            it up again each time, and return if it is gone",
    endless: "a thread that waits for a slow peer must sleep in `send`; when all lines are sent, \
              or the record is gone, it must return",
};

/// The peer that is slow, and the peer that takes every line at once.
const SLOW: u32 = 1;
const FAST: u32 = 2;
/// A peer that is slow, too.
const ANOTHER_SLOW: u32 = 3;

/// Runs while a slow peer takes a line.
type Hook = Box<dyn Fn(&str) + Send + Sync>;

/// A socket that may be full.
struct Fake {
    name: &'static str,
    /// No lock of the model checker: a test must not change the schedules.
    state: std::sync::Mutex<State>,
    hook: Hook,
}

#[derive(Default)]
struct State {
    heard: Vec<String>,
    full: bool,
    /// It is full again when a thread has waited for it and sent a line.
    stays_full: bool,
    /// The next `send` fails.
    breaks: bool,
    /// The `send` after the next one fails.
    breaks_later: bool,
    /// A thread waits in `send`.
    waits: bool,
}

impl Fake {
    fn new(name: &'static str, breaks: bool, hook: Hook) -> Arc<Self> {
        let state = State { full: name != "the fast peer", breaks, ..State::default() };
        Arc::new(Self { name, state: std::sync::Mutex::new(state), hook })
    }

    fn heard(&self) -> Vec<String> {
        self.state.lock().unwrap().heard.clone()
    }
}

impl Socket for Fake {
    fn send_now(&self, line: &str) -> bool {
        thread::yield_now();
        let mut state = self.state.lock().unwrap();
        assert!(
            !state.waits,
            "a line is sent to the slow peer by two threads at the same time: while a line is left \
             to send, `behind` must not be `None`"
        );
        if !state.full {
            steps::says(format!("sends {line:?} to {}", self.name));
            state.heard.push(line.to_owned());
        }
        !state.full
    }

    fn send(&self, line: &str) -> bool {
        self.state.lock().unwrap().waits = true;
        steps::says(format!("begins to send {line:?} to {}", self.name));
        (self.hook)(line);
        thread::yield_now();
        let mut state = self.state.lock().unwrap();
        state.waits = false;
        if state.breaks {
            steps::says("fails to send it".to_owned());
            return false;
        }
        steps::says(format!("has sent {line:?}"));
        state.heard.push(line.to_owned());
        state.full = state.stays_full;
        state.breaks = state.breaks_later;
        true
    }
}

/// One point each for the lines, for not delaying others, for the end of the peer, and for threads
/// that speak at any moment.
pub const TESTS: [Test<CatchUp>; 4] = [
    Test { promise: "sends the lines that the peer lacks", check: one_thread },
    Test { promise: "delays nobody while it sends", check: delays_nobody },
    Test { promise: "ends with the peer, and with no other", check: peers_that_go },
    Test { promise: "loses no line, whenever others speak", check: several_threads },
];

fn one_thread(catch_up: CatchUp) -> Verdict {
    HELP.run(move || alone(catch_up))?;
    HELP.run(move || nothing_to_do(catch_up))?;
    HELP.run(move || two_behind(catch_up))
}

fn delays_nobody(catch_up: CatchUp) -> Verdict {
    HELP.explore(move || while_it_sends(catch_up))?;
    HELP.explore(move || while_another_is_sent_to(catch_up))
}

fn peers_that_go(catch_up: CatchUp) -> Verdict {
    HELP.run(move || broken(catch_up))?;
    HELP.run(move || breaks_later(catch_up))?;
    HELP.explore(move || too_slow(catch_up, false))?;
    HELP.explore(move || too_slow(catch_up, true))?;
    HELP.run(move || far_behind(catch_up))
}

fn several_threads(catch_up: CatchUp) -> Verdict {
    HELP.explore(move || together(catch_up, &[&["a", "b"]]))?;
    HELP.explore(move || together(catch_up, &[&["a"], &["b"]]))?;
    HELP.explore(move || together(catch_up, &[&["a", "b"], &["c", "d"]]))
}

/// A room with a peer whose socket is full, and a peer whose socket is never full.
fn room(breaks: bool, hook: Hook) -> (Arc<Mutex<Room>>, [Arc<Fake>; 2]) {
    let slow = Fake::new("the slow peer", breaks, hook);
    let sockets = [slow, Fake::new("the fast peer", false, nobody())];
    let room = Arc::new(Mutex::named("room", Room::default()));
    for (id, socket) in [SLOW, FAST].into_iter().zip(&sockets) {
        let socket: Arc<dyn Socket> = Arc::<Fake>::clone(socket);
        room.lock().unwrap().peers.insert(id, Peer { socket, behind: None });
    }
    (room, sockets)
}

fn say(room: &Mutex<Room>, line: &str) -> Vec<u32> {
    room.lock().unwrap().say(line)
}

fn nobody() -> Hook {
    Box::new(|_| {})
}

/// Three lines are said before the thread starts.
fn alone(catch_up: CatchUp) {
    let (room, [slow, _]) = room(false, nobody());
    // Two lines with the same text are two lines.
    let lines = ["one", "two", "two", "four"];
    lines[..3].iter().for_each(|line| drop(say(&room, line)));
    catch_up(&room, SLOW);
    let behind = room.lock().unwrap().peers.get(&SLOW).map(|peer| peer.behind);
    assert!(behind.is_some(), "the peer was slow, but not gone: its record must stay");
    assert_eq!(slow.heard(), lines[..3], "the slow peer should hear these three lines");
    assert!(
        behind == Some(None),
        "the peer has every line, but `behind` is not `None`: `say` will never send to it again"
    );
    say(&room, lines[3]);
    assert_eq!(slow.heard(), lines, "the fourth line was said after the peer had caught up");
    catch_up(&room, 9);
}

/// A second slow peer comes.
fn another_slow(room: &Mutex<Room>) -> Arc<Fake> {
    let another = Fake::new("another slow peer", false, nobody());
    let socket: Arc<dyn Socket> = Arc::<Fake>::clone(&another);
    room.lock().unwrap().peers.insert(ANOTHER_SLOW, Peer { socket, behind: None });
    another
}

/// Peers that need nothing: one that has every line, and one that is not there.
fn nothing_to_do(catch_up: CatchUp) {
    let (room, [slow, fast]) = room(false, nobody());
    say(&room, "one");
    catch_up(&room, FAST);
    assert_eq!(fast.heard(), ["one"], "the fast peer had every line, and should hear these");
    assert_eq!(
        slow.heard(),
        [""; 0],
        "a thread was started for the fast peer, and not for the slow one"
    );
    let record = room.lock().unwrap().peers.get(&FAST).map(|peer| peer.behind);
    assert!(
        record == Some(None),
        "the fast peer had every line, and its record must stay as it was"
    );
}

/// Two peers are behind, and lack different lines.
fn two_behind(catch_up: CatchUp) {
    let (room, [slow, _]) = room(false, nobody());
    say(&room, "one");
    let another = another_slow(&room);
    say(&room, "two");
    catch_up(&room, ANOTHER_SLOW);
    assert_eq!(
        another.heard(),
        ["two"],
        "two peers are behind, and this one came when \"one\" was said already: each peer has its own \
         next line; it should hear these lines"
    );
    assert_eq!(slow.heard(), [""; 0], "a thread sent to another peer than its own");
    catch_up(&room, SLOW);
    assert_eq!(slow.heard(), ["one", "two"], "the slow peer should hear these lines");
}

/// While the slow peer takes a line, a thread catches up with another slow peer: it must not wait.
fn while_another_is_sent_to(catch_up: CatchUp) {
    let shared: Arc<std::sync::Mutex<Option<Arc<Mutex<Room>>>>> = Arc::default();
    let hook = {
        let shared = Arc::clone(&shared);
        move |line: &str| {
            if line == "one" {
                let room = shared.lock().unwrap().clone().expect("the room is there");
                thread::spawn(move || catch_up(&room, ANOTHER_SLOW)).join().unwrap();
            }
        }
    };
    let (room, [slow, _]) = room(false, Box::new(hook));
    let another = another_slow(&room);
    *shared.lock().unwrap() = Some(Arc::clone(&room));
    say(&room, "one");
    say(&room, "two");
    catch_up(&room, SLOW);
    // The room and its sockets know each other: let them go.
    shared.lock().unwrap().take();
    assert_eq!(another.heard(), ["one", "two"], "another slow peer should hear these lines");
    assert_eq!(slow.heard(), ["one", "two"], "the slow peer should hear these lines");
}

/// While the slow peer takes a line, another thread says the next one: it must not wait.
fn while_it_sends(catch_up: CatchUp) {
    const LINES: [&str; MOST_BEHIND + 3] = ["a", "b", "c", "d", "e", "f", "g"];
    let shared: Arc<std::sync::Mutex<Option<Arc<Mutex<Room>>>>> = Arc::default();
    let hook = {
        let shared = Arc::clone(&shared);
        move |line: &str| {
            let next = LINES.iter().skip_while(|other| **other != line).nth(1);
            if let Some(next) = next {
                let room = shared.lock().unwrap().clone().expect("the room is there");
                thread::spawn(move || drop(say(&room, next))).join().unwrap();
            }
        }
    };
    let (room, [slow, fast]) = room(false, Box::new(hook));
    slow.state.lock().unwrap().stays_full = true;
    *shared.lock().unwrap() = Some(Arc::clone(&room));
    say(&room, LINES[0]);
    catch_up(&room, SLOW);
    // The room and its sockets know each other: let them go.
    shared.lock().unwrap().take();
    assert!(
        room.lock().unwrap().peers.contains_key(&SLOW),
        "the room has removed the slow peer, although it has taken each line in time: note after \
         each send how far it is"
    );
    assert!(
        slow.heard().len() == fast.heard().len(),
        "a line is lost: it was said while the thread sent the one before; look again after each \
         send, until no line is left"
    );
    assert_eq!(fast.heard(), LINES, "the fast peer should hear these lines");
    assert_eq!(slow.heard(), LINES, "the slow peer should hear these lines");
}

fn broken(catch_up: CatchUp) {
    let (room, [_, fast]) = room(true, nobody());
    another_slow(&room);
    say(&room, "one");
    catch_up(&room, SLOW);
    let peers: Vec<u32> = room.lock().unwrap().peers.keys().copied().collect();
    assert!(
        !peers.contains(&SLOW),
        "a send has failed, so the peer is gone, but its record is still there"
    );
    assert_eq!(peers, [FAST, ANOTHER_SLOW], "the record of another peer has gone");
    say(&room, "two");
    assert_eq!(fast.heard(), ["one", "two"], "the fast peer should hear these lines");
}

/// A room in which so many more lines are said while the slow peer takes the line "one".
fn room_that_talks(breaks: bool, more: usize) -> (Arc<Mutex<Room>>, [Arc<Fake>; 2]) {
    // The room and its sockets know each other, so one of them must not keep the other.
    let shared: Arc<std::sync::Mutex<Weak<Mutex<Room>>>> = Arc::default();
    let hook = {
        let shared = Arc::clone(&shared);
        move |line: &str| {
            if line == "one" {
                let room = shared.lock().unwrap().upgrade().expect("the room is there");
                let talk = move || (0..more).for_each(|_| drop(say(&room, "more")));
                thread::spawn(talk).join().unwrap();
            }
        }
    };
    let (room, sockets) = room(breaks, Box::new(hook));
    *shared.lock().unwrap() = Arc::downgrade(&room);
    (room, sockets)
}

/// So much is said while the slow peer takes a line that the room removes it.
fn too_slow(catch_up: CatchUp, breaks: bool) {
    let (room, [slow, fast]) = room_that_talks(breaks, MOST_BEHIND + 1);
    say(&room, "one");
    catch_up(&room, SLOW);
    assert!(
        !room.lock().unwrap().peers.contains_key(&SLOW),
        "the room has removed a peer that was too far behind, and its record is there again"
    );
    assert_eq!(fast.heard().len(), MOST_BEHIND + 2, "the fast peer was delayed");
    let heard = slow.heard().len();
    assert!(heard <= 1, "the room has removed the peer, and {heard} lines were sent to it");
}

/// One thread for each list of lines, and a thread for the peer that is behind.
fn together(catch_up: CatchUp, said: &'static [&'static [&'static str]]) {
    let (room, [slow, fast]) = room(false, nobody());
    let speakers: Vec<_> = said
        .iter()
        .map(|lines| {
            let room = Arc::clone(&room);
            thread::spawn(move || {
                let mut behind = Vec::new();
                for line in *lines {
                    for id in say(&room, line) {
                        let room = Arc::clone(&room);
                        behind.push(thread::spawn(move || catch_up(&room, id)));
                    }
                }
                for thread in behind {
                    thread.join().unwrap();
                }
            })
        })
        .collect();
    for speaker in speakers {
        speaker.join().unwrap();
    }
    let (slow, fast) = (slow.heard(), fast.heard());
    let count: usize = said.iter().map(|lines| lines.len()).sum();
    assert_eq!(fast.len(), count, "the fast peer should hear every line once: {fast:?}");
    assert!(
        slow.len() >= count,
        "a line is lost: it was said after the last look of the thread, and before `behind` was \
         `None`; they must be one critical section"
    );
    assert!(
        slow == fast,
        "the slow peer should hear the lines once and in order, {fast:?}, and has heard {slow:?}"
    );
}

/// The connection breaks after the first of three lines.
fn breaks_later(catch_up: CatchUp) {
    let (room, [slow, _]) = room(false, nobody());
    {
        let mut state = slow.state.lock().unwrap();
        (state.breaks_later, state.stays_full) = (true, true);
    }
    for line in ["one", "two", "three"] {
        say(&room, line);
    }
    catch_up(&room, SLOW);
    assert!(
        !room.lock().unwrap().peers.contains_key(&SLOW),
        "a later send has failed, so the peer is gone, but its record is still there: check each send"
    );
}

/// Three lines are said, and two more while the first one is sent: too many for a backlog.
fn far_behind(catch_up: CatchUp) {
    let (room, _) = room_that_talks(false, 2);
    for line in ["one", "two", "three"] {
        say(&room, line);
    }
    catch_up(&room, SLOW);
    assert!(
        !room.lock().unwrap().peers.contains_key(&SLOW),
        "five lines were not sent, and the room has kept the peer: move `behind` on only after a line \
         is sent"
    );
}
