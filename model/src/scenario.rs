//! The scenarios of the model, and the conditions that must hold at their end.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use shuttle::rand::{Rng, thread_rng};
use shuttle::sync::mpsc::{Receiver, Sender, channel};
use shuttle::thread;

use crate::catch_up;
use crate::flow::{Budget, Credit, Flow};
use crate::protocol::{Batch, Framing, PeerId};
use crate::room::{Event, Limits, Observer, Reason, Room, Socket};
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
    /// How much the room carries.
    pub(crate) limits: Limits,
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
    limits: PLENTY,
};

/// More than any scenario needs.
pub(crate) const PLENTY: Limits =
    Limits { backlog: 1 << 20, pending: 1 << 20, laggards: usize::MAX };

/// The events that the room reported.
#[derive(Default)]
struct Record {
    joined: Vec<SocketAddr>,
    left: Vec<SocketAddr>,
    behind: Vec<SocketAddr>,
    said: String,
}

/// What all threads of a scenario share.
struct Shared {
    room: Room<Fake>,
    flow: Arc<Flow>,
    record: Arc<Mutex<Record>>,
}

/// A message to the thread that stands for the server's main thread.
enum Message {
    /// This peer needs a catch-up thread.
    Behind(PeerId),
    /// A thread of the scenario has done its part.
    Done,
}

/// Sees the events as the server does, and writes them down.
struct Watch {
    record: Arc<Mutex<Record>>,
    flow: Arc<Flow>,
    main: Sender<Message>,
}

impl Observer for Watch {
    fn see(&self, event: Event) {
        let mut record = self.record.lock().expect("not poisoned");
        match event {
            Event::Joined(address) => record.joined.push(address),
            Event::Left(address, _) => record.left.push(address),
            Event::FellBehind { address, .. } => record.behind.push(address),
            Event::CaughtUp(address) => {
                let index = record.behind.iter().position(|behind| *behind == address);
                record.behind.swap_remove(index.expect("it was behind"));
            }
            Event::Delivered { ref batch, .. } => {
                record.said.push_str(std::str::from_utf8(batch.text()).expect("only text is said"));
            }
        }
        // Here another thread may run.
        drop(record);
        match event {
            Event::Delivered { overrun, .. } => self.flow.set_overrun(overrun),
            Event::FellBehind { id, .. } => _ = self.main.send(Message::Behind(id)),
            _ => {}
        }
    }
}

impl Shared {
    /// An empty room. Its budget is spent after the first bytes. It grows fast, or not at all: then
    /// speakers wait until the room is closed.
    fn new(limits: Limits, grows: bool) -> (Self, Sender<Message>, Receiver<Message>) {
        let (main, messages) = channel();
        let record = Arc::new(Mutex::new(Record::default()));
        let flow = Arc::new(Flow::new(Budget::new(if grows { 100_000.0 } else { 0.0 }, 1.0)));
        let (seen, told) = (Arc::clone(&record), Arc::clone(&flow));
        let watch = Watch { record: seen, flow: told, main: main.clone() };
        (Self { room: Room::new(limits, Box::new(watch)), flow, record }, main, messages)
    }

    fn record(&self) -> MutexGuard<'_, Record> {
        self.record.lock().expect("not poisoned")
    }

    fn join(&self, scenario: Scenario, number: usize, echo: bool) -> Member {
        let socket = Fake::new(scenario);
        let id = self.room.join(Arc::clone(&socket), address(number), Framing::Lines, echo);
        Member { socket, id: id.expect("the room is open"), number, echo }
    }

    /// The session of a peer: it says its lines, and then reads until the connection ends.
    fn serve(&self, scenario: Scenario, member: &Member, main: &Sender<Message>) {
        for line in 0..scenario.lines {
            let text = format!("{}:{line}", member.number);
            let mut batch = Batch::default();
            batch.say(member.id, |out| out.extend_from_slice(text.as_bytes()));
            let bytes = batch.text().len();
            if !scenario.in_turn || self.flow.wait(bytes, &mut Credit::new(), &*member.socket) {
                self.room.say(batch);
            }
        }
        let _ = main.send(Message::Done);
        self.room.leave(member.id, member.socket.read_to_end());
    }
}

/// A peer of the scenario.
struct Member {
    socket: Arc<Fake>,
    id: PeerId,
    number: usize,
    echo: bool,
}

fn address(number: usize) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], u16::try_from(number).expect("a small number")))
}

/// Runs the scenario once, under a schedule that shuttle chooses, and checks the outcome.
pub(crate) fn explore(scenario: Scenario) {
    let (shared, main, messages) = Shared::new(scenario.limits, !scenario.closing);
    let speakers = 0..scenario.speakers;
    let join = |number| shared.join(scenario, number, !scenario.others || number % 2 == 1);
    let members: Vec<Member> = speakers.map(join).collect();
    let leaver = scenario.leaver.then(|| join(scenario.speakers));
    let late = Mutex::new(None);
    let in_a_hurry = thread::scope(|scope| {
        let mut busy = 0;
        for member in &members {
            let (shared, main) = (&shared, main.clone());
            scope.spawn(move || shared.serve(scenario, member, &main));
            busy += 1;
        }
        if let Some(Member { id, .. }) = leaver {
            let left = thread_rng().gen_bool(0.5);
            let noticed = if left { Reason::Left } else { Reason::Reset };
            let notices = [noticed, Reason::TooSlow];
            // One thread notices it, or two at once.
            for reason in notices.into_iter().take(thread_rng().gen_range(1..=2)) {
                let (shared, main) = (&shared, main.clone());
                scope.spawn(move || {
                    shared.room.leave(id, reason);
                    let _ = main.send(Message::Done);
                });
                busy += 1;
            }
        }
        if scenario.joiner {
            let (shared, main, late) = (&shared, main.clone(), &late);
            scope.spawn(move || {
                let member = shared.join(QUIET, 100, true);
                *late.lock().expect("not poisoned") = Some(Arc::clone(&member.socket));
                shared.serve(Scenario { lines: 0, ..QUIET }, &member, &main);
            });
            busy += 1;
        }
        run_main(scenario, scope, &shared, &messages, busy)
    });
    assert!(shared.room.join(Fake::new(QUIET), address(101), Framing::Lines, true).is_none());
    let late = late.into_inner().expect("not poisoned");
    check(scenario, in_a_hurry, &shared.record(), &members, leaver.as_ref());
    let ends_with = |late: Arc<Fake>| shared.record().said.ends_with(&late.taken());
    assert!(late.is_none_or(ends_with), "a late peer hears the rest, in the same order");
}

/// The server's main thread: starts the thread of each peer that falls behind, waits until `busy`
/// threads have done their part, and closes the room. In some scenarios it closes the room at once. It
/// may cut off the peers that still have to be sent something: returns whether it does.
fn run_main<'scope>(
    scenario: Scenario,
    scope: &'scope Scope<'scope, '_>,
    shared: &'scope Shared,
    messages: &Receiver<Message>,
    mut busy: usize,
) -> bool {
    let start = |id| catch_up::start(scope, &shared.room, id, Duration::ZERO);
    let next = || match messages.try_recv() {
        Ok(Message::Behind(id)) => start(id),
        _ => yield_now(),
    };
    if !scenario.closing {
        while busy > 0 {
            match messages.recv().expect("the observer holds a sender") {
                Message::Behind(id) => start(id),
                Message::Done => busy -= 1,
            }
        }
        // Nothing may be stranded. To close the room would deliver it, so this only looks on.
        while !scenario.in_turn && shared.record().said.lines().count() < scenario.all_lines() {
            next();
        }
    }
    shared.room.close(FAREWELL);
    shared.flow.close();
    let in_a_hurry = scenario.closing && scenario.short && thread_rng().gen_bool(0.5);
    while shared.room.report().peers > 0 && !in_a_hurry {
        next();
    }
    shared.room.cut_off();
    assert_eq!(shared.room.report().peers, 0, "a closed room has peers");
    in_a_hurry
}

impl Scenario {
    /// How many lines all speakers say together.
    fn all_lines(&self) -> usize {
        self.speakers * self.lines
    }

    /// Whether the room may prune a peer that reads.
    fn is_limited(&self) -> bool {
        self.limits.backlog < PLENTY.backlog || self.limits.laggards < PLENTY.laggards
    }
}

/// Two peers say one line each, and then one of them may leave. Without that, this is small enough
/// for every schedule.
pub(crate) fn two_speakers(one_leaves: bool) {
    let shared = Arc::new(Shared::new(PLENTY, true).0);
    let [one, two] = [0, 1].map(|number| shared.join(QUIET, number, true));
    let line = |speaker: PeerId, text: &str| {
        let mut batch = Batch::default();
        batch.say(speaker, |out| out.extend_from_slice(text.as_bytes()));
        batch
    };
    let (all, part) = (Arc::clone(&one.socket), Arc::clone(&two.socket));
    let other = {
        let (shared, id, line) = (Arc::clone(&shared), two.id, line(two.id, "two"));
        thread::spawn(move || {
            shared.room.say(line);
            if one_leaves {
                shared.room.leave(id, Reason::Left);
            }
        })
    };
    shared.room.say(line(one.id, "one"));
    other.join().expect("no thread fails");
    let (all, part) = (all.taken(), part.taken());
    assert!(["one\ntwo\n", "two\none\n"].contains(&all.as_str()), "stranded: {all:?}");
    assert!(part.contains("two"), "it left before it was sent its own last line: {part:?}");
    assert!(all.starts_with(&part), "two orders: {all:?} and {part:?}");
}

fn check(
    scenario: Scenario,
    in_a_hurry: bool,
    record: &Record,
    speakers: &[Member],
    leaver: Option<&Member>,
) {
    let Record { joined, left, said, .. } = record;
    assert!(said.ends_with("bye\n"), "the farewell is the last thing that is said: {said:?}");
    for member in speakers {
        let start = format!("{}:", member.number);
        let own: Vec<_> = said.lines().filter(|line| line.starts_with(&start)).collect();
        let all: Vec<_> = (0..scenario.lines).map(|line| format!("{start}{line}")).collect();
        let interrupted = scenario.closing || (scenario.in_turn && member.socket.is_gone());
        if interrupted {
            assert!(all[..own.len().min(all.len())] == own[..], "out of order: {said:?}");
        } else {
            assert_eq!(own, all, "stranded, or out of order: {said:?}");
        }
    }
    // After the room has closed, no event tells that a record goes.
    let may_be_pruned = scenario.failing || scenario.stalling || scenario.is_limited();
    for member in speakers.iter().chain(leaver) {
        let own = format!("{}:", member.number);
        let is_sent = |line: &&str| member.echo || !line.starts_with(&own);
        let due: String = said.split_inclusive('\n').filter(is_sent).collect();
        let heard = member.socket.taken();
        assert!(due.starts_with(&heard), "one order for everyone: {heard:?} of {due:?}");
        let is_leaver = leaver.is_some_and(|leaver| leaver.id == member.id);
        let is_cut = is_leaver || in_a_hurry || may_be_pruned;
        assert!(is_cut || heard == due, "stranded: {heard:?} of {due:?}");
        assert_eq!(member.socket.shut_count(), 1, "each record goes once, and shuts its socket");
    }
    let mut gone = left.clone();
    gone.sort();
    gone.dedup();
    assert_eq!(gone.len(), left.len(), "a record was removed twice");
    assert!(gone.iter().all(|address| joined.contains(address)), "one left that never joined");
    if let Some(leaver) = leaver.filter(|_| !scenario.closing) {
        assert!(left.contains(&address(leaver.number)), "one left and its record did not go");
    }
}
