//! The scenarios of the model, and the conditions that must hold at their end.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use shuttle::rand::{Rng, thread_rng};
use shuttle::thread;

use crate::catch_up;
use crate::protocol::Framing;
use crate::room::Observer;
use crate::room::{Batch, PeerId};
use crate::room::{Limits, Room};
use crate::room::{Reason, Socket};
use crate::socket::Fake;
use crate::sync::{Scope, yield_now};

const FAREWELL: &str = "bye";

/// The events of a scenario, besides peers that listen.
#[derive(Clone, Copy)]
pub(crate) struct Scenario {
    /// How many peers speak, each on a thread of its own.
    pub(crate) speakers: usize,
    /// How many lines each speaker says.
    pub(crate) lines: usize,
    /// The speakers wait for their turns.
    pub(crate) in_turn: bool,
    /// Every second peer does not receive its own lines.
    pub(crate) others: bool,
    /// A peer leaves, and two threads notice it at once.
    pub(crate) leaver: bool,
    /// A peer joins while others speak.
    pub(crate) joiner: bool,
    /// Sockets may take only a part of the data.
    pub(crate) short: bool,
    /// Sockets may take nothing for too long.
    pub(crate) stalling: bool,
    /// Sockets may break.
    pub(crate) failing: bool,
    /// The room is closed before all lines are said.
    pub(crate) closing: bool,
    /// How far a peer may fall behind.
    pub(crate) backlog: u64,
    /// How many bytes may be pending.
    pub(crate) pending: usize,
}

/// A scenario without events.
pub(crate) const QUIET: Scenario = Scenario {
    speakers: 0,
    lines: 2,
    in_turn: false,
    others: false,
    leaver: false,
    joiner: false,
    short: false,
    stalling: false,
    failing: false,
    closing: false,
    backlog: 1 << 20,
    pending: 1 << 20,
};

/// An event that the room reports.
#[derive(Default)]
struct Record {
    joined: Vec<SocketAddr>,
    left: Vec<SocketAddr>,
    behind: Vec<SocketAddr>,
    said: String,
}

struct Recorder(Arc<Mutex<Record>>);

impl Observer for Recorder {
    fn joined(&self, address: SocketAddr) {
        self.0.lock().expect("not poisoned").joined.push(address);
    }

    fn delivered(&self, batch: &Arc<Batch>) {
        let text = std::str::from_utf8(batch.text()).expect("only text is said");
        self.0.lock().expect("not poisoned").said.push_str(text);
    }

    fn fell_behind(&self, address: SocketAddr) {
        self.0.lock().expect("not poisoned").behind.push(address);
    }

    fn caught_up(&self, address: SocketAddr) {
        let mut record = self.0.lock().expect("not poisoned");
        let index = record.behind.iter().position(|behind| *behind == address);
        record.behind.swap_remove(index.expect("it was behind"));
    }

    fn left(&self, address: SocketAddr, _reason: Reason) {
        self.0.lock().expect("not poisoned").left.push(address);
    }
}

fn address(number: usize) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], u16::try_from(number).expect("a small number")))
}

/// A peer of the scenario.
struct Member {
    socket: Arc<Fake>,
    id: PeerId,
    echo: bool,
}

/// Runs the scenario once, under a schedule that shuttle chooses, and checks the outcome.
pub(crate) fn explore(scenario: Scenario) {
    let record = Arc::new(Mutex::new(Record::default()));
    let observer = Box::new(Recorder(Arc::clone(&record)));
    let limits = Limits { backlog: scenario.backlog, pending: scenario.pending };
    let (members, late) = thread::scope(|scope| {
        let room =
            Room::new(limits, observer, catch_up::starter(scope, usize::MAX - 1, Duration::ZERO));
        play(scenario, scope, &room)
    });
    let record = record.lock().expect("not poisoned");
    check(scenario, &record, &members, &late);
}

/// All events until the last record is removed. All threads are joined in one scope, because
/// shuttle's scopes cannot be nested.
fn play<'scope>(
    scenario: Scenario,
    scope: &'scope Scope<'scope, '_>,
    room: &Arc<Room<'scope, Fake>>,
) -> (Vec<Arc<Member>>, Arc<Fake>) {
    let mut members = Vec::new();
    for number in 0..scenario.speakers + usize::from(scenario.leaver) {
        let socket = Fake::new(scenario);
        let echo = !scenario.others || number % 2 == 1;
        let id = room.join(Arc::clone(&socket), address(number), Framing::Lines, echo);
        members.push(Arc::new(Member { socket, id: id.expect("the room is open"), echo }));
    }
    let late = Fake::new(QUIET);
    let mut threads = Vec::new();
    for (number, member) in members.iter().enumerate().take(scenario.speakers) {
        let (room, member) = (Arc::clone(room), Arc::clone(member));
        threads.push(scope.spawn(move || speak(scenario, &room, number, &member)));
    }
    if scenario.leaver {
        let id = members[scenario.speakers].id;
        let left = thread_rng().gen_bool(0.5);
        let noticed = if left { Reason::Left } else { Reason::Reset };
        for reason in [noticed, Reason::TooSlow] {
            let room = Arc::clone(room);
            threads.push(scope.spawn(move || room.leave(id, reason)));
        }
    }
    if scenario.joiner {
        let (room, late) = (Arc::clone(room), Arc::clone(&late));
        threads.push(scope.spawn(move || {
            room.join(late, address(100), Framing::Lines, true).expect("the room is open");
        }));
    }
    if scenario.closing {
        close(scenario, room);
    }
    for thread in threads {
        thread.join().expect("no thread fails");
    }
    if !scenario.closing {
        close(scenario, room);
    }
    assert!(room.join(Fake::new(QUIET), address(101), Framing::Lines, true).is_none());
    (members, late)
}

/// Two peers say one line each, and then one of them may leave. Without that, this is small enough
/// for every schedule.
pub(crate) fn two_speakers(one_leaves: bool) {
    let record = Arc::new(Mutex::new(Record::default()));
    let observer = Box::new(Recorder(Arc::clone(&record)));
    let limits = Limits { backlog: QUIET.backlog, pending: QUIET.pending };
    let room = Room::new(limits, observer, Box::new(|_, _| unreachable!("sockets take it all")));
    let [(one, stays), (two, leaves)] = [0, 1].map(|number| {
        let socket = Fake::new(QUIET);
        let id = room.join(Arc::clone(&socket), address(number), Framing::Lines, true);
        (id.expect("the room is open"), socket)
    });
    let line = |speaker: PeerId, text: &str| {
        let mut batch = Batch::default();
        batch.say(speaker, |out| out.extend_from_slice(text.as_bytes()));
        batch
    };
    let other = {
        let (room, line) = (Arc::clone(&room), line(two, "two"));
        thread::spawn(move || {
            room.say(line);
            if one_leaves {
                room.leave(two, Reason::Left);
            }
        })
    };
    room.say(line(one, "one"));
    other.join().expect("no thread fails");
    let (all, part) = (stays.taken(), leaves.taken());
    assert!(["one\ntwo\n", "two\none\n"].contains(&all.as_str()), "stranded: {all:?}");
    assert!(part.contains("two"), "it left before it was sent its own last line: {part:?}");
    assert!(all.starts_with(&part), "two orders: {all:?} and {part:?}");
}

fn speak(scenario: Scenario, room: &Arc<Room<Fake>>, number: usize, member: &Member) {
    for line in 0..scenario.lines {
        let mut batch = Batch::default();
        batch.say(member.id, |text| text.extend_from_slice(format!("{number}:{line}").as_bytes()));
        if scenario.in_turn {
            room.say_in_turn(batch, &member.socket);
        } else {
            room.say(batch);
        }
    }
}

/// Closes the room as the server does.
fn close(scenario: Scenario, room: &Arc<Room<Fake>>) {
    for socket in room.close(FAREWELL) {
        socket.shut();
    }
    // The server may give laggards the time that they need, or not.
    let in_a_hurry = scenario.closing && scenario.short && thread_rng().gen_bool(0.5);
    while room.report().peers > 0 && !in_a_hurry {
        yield_now();
    }
    room.cut_off();
    assert_eq!(room.report().peers, 0, "a closed room has peers");
}

fn check(scenario: Scenario, record: &Record, members: &[Arc<Member>], late: &Fake) {
    let Record { joined, left, said, .. } = record;
    assert!(said.ends_with("bye\n"), "the farewell is the last thing that is said: {said:?}");
    for (number, member) in members.iter().enumerate().take(scenario.speakers) {
        let start = format!("{number}:");
        let own: Vec<_> = said.lines().filter(|line| line.starts_with(&start)).collect();
        let all: Vec<_> = (0..scenario.lines).map(|line| format!("{start}{line}")).collect();
        let interrupted = scenario.closing || (scenario.in_turn && member.is_gone());
        if interrupted {
            assert!(all[..own.len().min(all.len())] == own[..], "out of order: {said:?}");
        } else {
            assert_eq!(own, all, "stranded, or out of order: {said:?}");
        }
    }
    for (number, member) in members.iter().enumerate() {
        let own = format!("{number}:");
        let is_sent = |line: &&str| member.echo || !line.starts_with(&own);
        let due: String = said.split_inclusive('\n').filter(is_sent).collect();
        let heard = member.socket.taken();
        assert!(due.starts_with(&heard), "one order for everyone: {heard:?} of {due:?}");
        let was_removed = left.contains(&address(number)) || scenario.closing;
        assert!(was_removed || heard == due, "stranded: {heard:?} of {due:?}");
        assert_eq!(member.socket.shut_count(), 1, "each record goes once, and shuts its socket");
    }
    assert!(said.ends_with(&late.taken()), "a late peer hears the rest, in the same order");
    let mut gone = left.clone();
    gone.sort();
    gone.dedup();
    assert_eq!(gone.len(), left.len(), "a record was removed twice");
    assert!(gone.iter().all(|address| joined.contains(address)), "one left that never joined");
    if scenario.leaver && !scenario.closing {
        assert!(left.contains(&address(scenario.speakers)), "one left and its record did not go");
    }
}

impl Member {
    fn is_gone(&self) -> bool {
        self.socket.is_gone()
    }
}
