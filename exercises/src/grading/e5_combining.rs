//! Grades exercise 5: threads speak at the same time, and some at a moment that the test chooses.

use super::{Help, Test, Verdict};
use crate::given::e5::{Peer, Room};
use crate::steps;
use crate::sync::{Arc, Mutex, thread};

type Say = fn(&Room, String);

const HELP: Help = Help {
    deadlock: "a thread that speaks waits for the roster; use `try_lock`, and return if the roster \
               is locked. And hold `pending` only for a moment",
    panic: "is the roster locked, and `try_lock` fails? Then this thread returns. Is `pending` \
            empty after all? Another thread may take the lines after the look",
    endless: "a thread that does not get the roster must return, and not try again and again; a \
              thread that gets it must leave nothing pending",
};

/// The lines that each of two peers has heard. No lock of the model checker: a test must not change
/// the schedules.
type Heard = Arc<std::sync::Mutex<[Vec<String>; 2]>>;

/// Runs while a line is sent.
type Hook = Box<dyn FnMut(&str) + Send>;

struct Fake {
    number: usize,
    heard: Heard,
    hook: Hook,
}

impl Peer for Fake {
    fn send(&mut self, line: &str) {
        steps::says(format!("sends {line:?} to peer {}", self.number));
        (self.hook)(line);
        self.heard.lock().unwrap()[self.number].push(line.to_owned());
    }
}

/// One point each for the delivery, for not waiting, and for not losing a line.
pub const TESTS: [Test<Say>; 3] = [
    Test { promise: "delivers, and holds `pending` only for a moment", check: one_thread },
    Test { promise: "waits for nobody", check: never_waits },
    Test { promise: "loses no line, and keeps one order", check: several_threads },
];

fn one_thread(say: Say) -> Verdict {
    HELP.run(move || alone(say))
}

fn never_waits(say: Say) -> Verdict {
    HELP.explore(move || while_another_holds_the_roster(say))?;
    HELP.explore(move || while_another_waits_for_the_roster(say))
}

fn several_threads(say: Say) -> Verdict {
    HELP.explore(move || while_it_sends(say))?;
    HELP.explore(move || together(say, &[&["a"], &["b"]]))?;
    HELP.explore(move || together(say, &[&["a"], &["b"], &["c"]]))?;
    HELP.explore(move || together(say, &[&["say", "again"], &["well", "then"]]))
}

/// An empty room, with two peers that join in a moment.
fn room() -> (Arc<Room>, Heard) {
    let room = Room {
        pending: Mutex::named("pending", Vec::new()),
        roster: Mutex::named("roster", Vec::new()),
    };
    (Arc::new(room), Heard::default())
}

/// The first of the two peers runs `hook` before it takes a line.
fn join(room: &Room, heard: &Heard, hook: Hook) {
    let mut roster = room.roster.lock().unwrap();
    for (number, hook) in [hook, Box::new(|_: &str| {})].into_iter().enumerate() {
        roster.push(Box::new(Fake { number, heard: Arc::clone(heard), hook }));
    }
}

fn alone(say: Say) {
    let (room, heard) = room();
    // The room has its peers, and they have the room only for as long as it is there.
    let pending = Arc::downgrade(&room);
    let hook = move |_: &str| {
        let room = pending.upgrade().expect("the room is there");
        let free = room.pending.try_lock().is_ok();
        assert!(
            free,
            "`pending` is locked while a line is sent, so all threads that speak must wait: take \
             the lines out, unlock `pending`, and then deliver"
        );
    };
    join(&room, &heard, Box::new(hook));
    say(&room, "one".into());
    say(&room, "two".into());
    for lines in &*heard.lock().unwrap() {
        assert!(lines == &["one", "two"], "a peer should hear one, two, and has heard {lines:?}");
    }
}

/// While a line is sent, another thread says the next one. So there is something new at each look.
fn while_it_sends(say: Say) {
    const LINES: [&str; 4] = ["one", "two", "three", "four"];
    let (room, heard) = room();
    let other = Arc::downgrade(&room);
    let hook = move |line: &str| {
        let next = LINES.iter().skip_while(|other| **other != line).nth(1);
        if let Some(next) = next {
            let room = other.upgrade().expect("the room is there");
            // If this waits for the roster, all threads wait.
            thread::spawn(move || say(&room, (*next).to_owned())).join().unwrap();
        }
    };
    join(&room, &heard, Box::new(hook));
    say(&room, LINES[0].into());
    let pending = room.pending.lock().unwrap().clone();
    for lines in &*heard.lock().unwrap() {
        assert!(
            lines.len() > 1 || !pending.is_empty(),
            "a line is lost: the roster was locked, and the line is neither delivered nor in \
             `pending`; put it there first, and take lines out only when you hold the roster: \
             exactly those that you deliver, in one step (`mem::take`)"
        );
        assert!(
            pending.is_empty(),
            "a line is stranded: a thread left it in `pending` because the roster was locked, and \
             the thread that held the roster did not look again; it must look until nothing is \
             pending"
        );
        assert!(lines == &LINES, "a peer should hear {LINES:?}, and has heard {lines:?}");
    }
}

/// A thread holds the roster for another reason. Lines that are said meanwhile stay in `pending`, and
/// two of them have the same text.
fn while_another_holds_the_roster(say: Say) {
    let (room, heard) = room();
    join(&room, &heard, Box::new(|_: &str| {}));
    let roster = room.roster.lock().unwrap();
    let speaker = {
        let room = Arc::clone(&room);
        thread::spawn(move || ["one", "one"].iter().for_each(|line| say(&room, (*line).to_owned())))
    };
    speaker.join().unwrap();
    drop(roster);
    let pending = room.pending.lock().unwrap().len();
    assert!(
        pending == 2,
        "the roster was locked and two lines were said, so they must be in `pending` for its holder, \
         even if their text is the same; it has {pending}"
    );
    say(&room, "two".into());
    for lines in &*heard.lock().unwrap() {
        let expected = ["one", "one", "two"];
        assert!(lines == &expected, "a peer should hear one, one, two, and has heard {lines:?}");
    }
}

/// A thread waits for the roster while a line is sent, and keeps it until the thread that sends has
/// returned. That thread finds a new line at its second look, and must not wait either.
fn while_another_waits_for_the_roster(say: Say) {
    let (room, heard) = room();
    let other = Arc::downgrade(&room);
    let hook = move |line: &str| {
        if line == "one" {
            let room = other.upgrade().expect("the room is there");
            thread::spawn(move || say(&room, "two".into())).join().unwrap();
        }
    };
    join(&room, &heard, Box::new(hook));
    let speaker = {
        let room = Arc::clone(&room);
        thread::spawn(move || say(&room, "one".into()))
    };
    let roster = room.roster.lock().unwrap();
    speaker.join().unwrap();
    drop(roster);
    say(&room, "three".into());
    let [heard, other] = &*heard.lock().unwrap();
    assert!(heard == other, "two peers heard two orders: only the holder of the roster may send");
}

/// One thread for each list of lines.
fn together(say: Say, said: &'static [&'static [&'static str]]) {
    let (room, heard) = room();
    join(&room, &heard, Box::new(|_: &str| {}));
    let speakers: Vec<_> = said
        .iter()
        .map(|lines| {
            let room = Arc::clone(&room);
            thread::spawn(move || lines.iter().for_each(|line| say(&room, (*line).to_owned())))
        })
        .collect();
    for speaker in speakers {
        speaker.join().unwrap();
    }
    let [heard, other] = &*heard.lock().unwrap();
    let count = said.iter().map(|lines| lines.len()).sum();
    let pending = room.pending.lock().unwrap().len();
    assert!(
        heard.len() + pending >= count,
        "a line is lost: it is neither delivered nor in `pending`; take lines out when you hold the \
         roster, and exactly those that you deliver, in one step (`mem::take`)"
    );
    assert!(
        heard.len() >= count,
        "a line is stranded: after unlocking the roster, a thread must look at `pending` again, \
         and deliver the lines that have come meanwhile"
    );
    assert!(heard.len() == count, "a line was delivered twice: {heard:?}");
    assert!(heard == other, "two peers heard two orders: only the holder of the roster may send");
    for lines in said {
        let own = heard.iter().filter(|line| lines.contains(&line.as_str()));
        assert!(
            own.eq(lines.iter()),
            "a thread said {lines:?}, and the peers heard {heard:?}: keep the order of `pending`, \
             and let only the holder of the roster take lines out of it"
        );
    }
}
