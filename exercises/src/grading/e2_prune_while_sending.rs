//! Grades exercise 2: every set of peers that fail, and two threads that speak at the same time.

use super::{Help, Test, Verdict};
use crate::given::e2::Peer;
use crate::steps;
use crate::sync::{Arc, Mutex, thread};

type Roster = Mutex<Vec<Box<dyn Peer>>>;
type Say = fn(&Roster, &str);

const HELP: Help = Help {
    deadlock: "a thread waits for the roster, and the roster is never unlocked",
    panic: "when a record is removed, the others move up: a place that was found before is wrong",
    endless: "`say` must visit each peer once",
};

/// How many peers there are.
const PEERS: usize = 4;

/// The lines that each peer was sent. No lock of the model checker: a test must not change the
/// schedules.
type Heard = Arc<std::sync::Mutex<Vec<Vec<String>>>>;

struct Fake {
    number: usize,
    fails: bool,
    heard: Heard,
}

impl Peer for Fake {
    fn send(&mut self, line: &str) -> bool {
        // Here another thread can come in between, if the lock is not held.
        thread::yield_now();
        let Self { number, fails, .. } = self;
        let how = if *fails { ", which fails" } else { "" };
        steps::says(format!("sends {line:?} to peer {number}{how}"));
        self.heard.lock().unwrap()[self.number].push(line.to_owned());
        !self.fails
    }
}

/// The only test: a peer that is skipped, or stays, is no half of the task.
pub const TESTS: [Test<Say>; 1] = [Test {
    promise: "sends to each peer once, and prunes those whose send fails",
    check: one_walk,
}];

fn one_walk(say: Say) -> Verdict {
    for broken in 0..1 << PEERS {
        HELP.run(move || alone(say, broken))?;
    }
    HELP.explore(move || together(say, 0b0000))?;
    HELP.explore(move || together(say, 0b0010))?;
    HELP.explore(move || together(say, 0b0101))
}

/// A roster in which the peers fail whose bits are set in `broken`.
fn roster(broken: usize) -> (Arc<Roster>, Heard) {
    let heard: Heard = Arc::new(std::sync::Mutex::new(vec![Vec::new(); PEERS]));
    let peers = (0..PEERS).map(|number| {
        let fails = broken & (1 << number) != 0;
        Box::new(Fake { number, fails, heard: Arc::clone(&heard) }) as Box<dyn Peer>
    });
    (Arc::new(Mutex::named("roster", peers.collect())), heard)
}

fn alone(say: Say, broken: usize) {
    let (roster, heard) = roster(broken);
    say(&roster, "one");
    let count = roster.lock().unwrap().len();
    for (number, lines) in heard.lock().unwrap().iter().enumerate() {
        assert!(broken != 0 || !lines.is_empty(), "nothing was sent to peer {number}");
        assert!(
            !lines.is_empty(),
            "peer {number} was skipped: when a record is removed, the others move up, and a loop \
             over places misses the next one"
        );
        assert!(
            lines.len() == 1,
            "peer {number} was sent one line {} times: send and prune in one walk along the list",
            lines.len()
        );
    }
    let exact = heard.lock().unwrap().iter().flatten().all(|line| line == "one");
    assert!(exact, "the peers heard another line than \"one\", which was said");
    let broken_count = broken.count_ones() as usize;
    assert!(
        count + broken_count == PEERS,
        "{broken_count} of {PEERS} sends failed, and {count} records are left"
    );
    say(&roster, "two");
    for (number, lines) in heard.lock().unwrap().iter().enumerate() {
        let is_broken = broken & (1 << number) != 0;
        assert!(
            !is_broken || lines.len() == 1,
            "peer {number} is sent to after its send has failed: its record must go at once"
        );
        assert!(is_broken || lines.len() == 2, "peer {number} is sound, but its record has gone");
    }
}

fn together(say: Say, broken: usize) {
    let (roster, heard) = roster(broken);
    let is_broken = move |number: usize| broken & (1 << number) != 0;
    let speakers = ["one", "two"].map(|line| {
        let roster = Arc::clone(&roster);
        thread::spawn(move || say(&roster, line))
    });
    let watcher = {
        let roster = Arc::clone(&roster);
        let heard = Arc::clone(&heard);
        thread::spawn(move || {
            let peers = roster.lock().unwrap();
            let is_known =
                |number: &usize| is_broken(*number) && !heard.lock().unwrap()[*number].is_empty();
            (peers.len(), (0..PEERS).filter(is_known).count())
        })
    };
    let (seen, known) = watcher.join().unwrap();
    for speaker in speakers {
        speaker.join().unwrap();
    }
    let heard = heard.lock().unwrap();
    let mut orders = (0..PEERS).filter(|number| !is_broken(*number)).map(|number| &heard[number]);
    let first = orders.next().expect("not all are broken");
    assert!(
        first.len() == 2 && orders.clone().all(|order| order.len() == 2),
        "two threads spoke, and a sound peer did not hear two lines: it was skipped, or the wrong \
         record was removed, or a thread did not wait for the lock; send and removal must be one \
         critical section"
    );
    assert!(
        orders.all(|order| order == first),
        "two threads spoke, and the peers heard two orders: hold the lock for the whole walk"
    );
    for number in (0..PEERS).filter(|number| is_broken(*number)) {
        assert!(
            heard[number].len() == 1,
            "peer {number} is sent to after its send has failed: another thread saw the list \
             before the record went; send and removal must be one critical section"
        );
    }
    assert!(
        seen + known >= PEERS,
        "another thread looked at the list meanwhile, and saw only {seen} of {PEERS} records: keep \
         the list in its place, and the lock for the whole walk"
    );
    assert!(
        seen + known == PEERS,
        "another thread looked at the list meanwhile, and saw a peer whose send had failed: its \
         record must go before the lock does; send and removal must be one critical section"
    );
    let left = roster.lock().unwrap().len();
    assert!(
        left + broken.count_ones() as usize == PEERS,
        "two threads pruned at the same time, and {left} of {PEERS} records are left: send and \
         removal must be one critical section"
    );
}
