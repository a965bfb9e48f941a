//! `Sequence_Diagram.md` stays true: each of its scenes is played on a real server. The events that
//! a thread logs are compared with the arrows that begin at it, in order. The boxes are compared
//! with the events that lock and unlock the roster.
//!
//! The logger also directs the scenes. The thread that logs an event calls it, so it can pause that
//! thread there until other threads have done their part.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpStream};
use std::panic::{catch_unwind, resume_unwind};
use std::thread;
use std::time::{Duration, Instant};
use std::{fmt, fs};

use crossbeam_channel::Sender;
use log::{LevelFilter, Log, Metadata, Record};
use parking_lot::{Condvar, Mutex};
use socket2::{Domain, SockRef, Socket, Type};
use tcp_chat::protocol::{self, Framing};
use tcp_chat::room::{self, Limits, Observer};
use tcp_chat::server::{ClientPolicy, Config, Server, Timeouts};

/// How long anything may take before a scene has failed.
const PATIENCE: Duration = Duration::from_secs(60);

/// The longest line, in bytes.
const MAX_LINE: usize = 8000;

/// The events at the beginning and at the end of a critical section.
const LOCKS: &str = "locks the roster";
const UNLOCKS: &str = "unlocks the roster";

/// The last event of a thread that has delivered all it found.
const IDLE: &str = "finds nothing pending";

/// The headings of the scenes, in the order of the page, and how each scene is played.
const SCENES: [(&str, Play); 5] = [
    ("One message, one thread", one_message),
    ("Two speak at once", two_speak),
    ("A peer is gone", a_peer_is_gone),
    ("A laggard", a_laggard),
    ("Stopping", stopping),
];

/// Plays a scene on the server at this address, which stops when it is sent something. Returns the
/// events of the scene.
type Play = fn(SocketAddr, &Sender<()>) -> Vec<Event>;

/// A thread does something.
#[derive(Clone, PartialEq, Eq)]
struct Event {
    thread: String,
    does: String,
    /// The thread that holds the roster at this moment.
    holder: Option<String>,
}

impl Event {
    fn is(&self, thread: &str, does: &str) -> bool {
        self.thread == thread && self.does == does
    }
}

impl fmt::Debug for Event {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let holder = self.holder.as_deref().unwrap_or("nobody");
        write!(f, "{}: {} ({holder} holds the roster)", self.thread, self.does)
    }
}

/// Collects the events of all threads, and can pause a thread at an event.
struct Stage {
    scene: Mutex<Scene>,
    changed: Condvar,
}

struct Scene {
    events: Vec<Event>,
    /// The thread that holds the roster now.
    holder: Option<String>,
    /// The threads that are paused, and at which event.
    paused: Vec<(String, String)>,
    /// Real names of threads, and their names in the diagrams.
    names: Vec<(String, &'static str)>,
}

impl Scene {
    const fn new() -> Self {
        Self { events: Vec::new(), holder: None, paused: Vec::new(), names: Vec::new() }
    }
}

static STAGE: Stage = Stage { scene: Mutex::new(Scene::new()), changed: Condvar::new() };

impl Log for Stage {
    fn enabled(&self, metadata: &Metadata) -> bool {
        metadata.target().starts_with("tcp_chat")
    }

    fn log(&self, record: &Record) {
        let current = thread::current();
        let name = current.name().unwrap_or_default();
        let mut scene = self.scene.lock();
        let drawn = scene.names.iter().find(|(real, _)| real == name);
        let thread = drawn.map_or(name, |(_, drawn)| drawn).to_owned();
        let does = record.args().to_string();
        // A thread logs both events while it has the lock.
        if does == LOCKS {
            scene.holder = Some(thread.clone());
        }
        let event = Event { thread, does, holder: scene.holder.clone() };
        if event.does == UNLOCKS {
            scene.holder = None;
        }
        scene.events.push(event.clone());
        self.changed.notify_all();
        while scene.paused.iter().any(|(thread, does)| event.is(thread, does)) {
            self.changed.wait(&mut scene);
        }
    }

    fn flush(&self) {}
}

impl Stage {
    /// Forgets the events up to now.
    fn clear(&self) {
        self.scene.lock().events.clear();
    }

    fn events(&self) -> Vec<Event> {
        self.scene.lock().events.clone()
    }

    /// From now on, the thread pauses at this event.
    fn pause(&self, thread: &str, does: &str) {
        self.scene.lock().paused.push((thread.to_owned(), does.to_owned()));
    }

    /// The thread goes on from this event, and does not pause at it again.
    fn resume(&self, thread: &str, does: &str) {
        self.scene.lock().paused.retain(|(paused, at)| paused != thread || at != does);
        self.changed.notify_all();
    }

    fn resume_all(&self) {
        self.scene.lock().paused.clear();
        self.changed.notify_all();
    }

    /// Waits until the thread has done this `times` times.
    fn wait(&self, thread: &str, does: &str, times: usize) {
        let deadline = Instant::now() + PATIENCE;
        let mut scene = self.scene.lock();
        while scene.events.iter().filter(|event| event.is(thread, does)).count() < times {
            let timed_out = self.changed.wait_until(&mut scene, deadline).timed_out();
            assert!(!timed_out, "{thread} did not: {does}; but: {:#?}", scene.events);
        }
    }
}

/// A client. Its thread has this name in the diagrams.
struct Client(BufReader<TcpStream>);

impl Client {
    fn join(server: SocketAddr, name: &'static str) -> Self {
        // The port comes first: the stage must know the thread's name before the thread starts.
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
        let any_port = SocketAddr::from(([127, 0, 0, 1], 0));
        socket.bind(&any_port.into()).expect("a free port");
        let here = socket.local_addr().ok().and_then(|address| address.as_socket());
        let thread = format!("client #{}", here.expect("an address").port());
        STAGE.scene.lock().names.push((thread, name));
        socket.connect(&server.into()).expect("the server answers");
        socket.set_read_timeout(Some(PATIENCE)).expect("a socket can have a timeout");
        STAGE.wait(name, IDLE, 1);
        Self(BufReader::new(socket.into()))
    }

    fn say(&self, line: &str) {
        // In one write: the system would delay a second one.
        let line = format!("{line}\n");
        self.0.get_ref().write_all(line.as_bytes()).expect("the server takes it");
    }

    fn hears(&mut self, line: &str) {
        let mut heard = String::new();
        self.0.read_line(&mut heard).expect("the server sends it");
        assert_eq!(heard.trim_end(), line);
    }

    /// Resets the connection, as a host does that has lost it.
    fn reset(self) {
        SockRef::from(self.0.get_ref()).set_linger(Some(Duration::ZERO)).expect("it can linger");
    }
}

fn one_message(server: SocketAddr, _: &Sender<()>) -> Vec<Event> {
    let (a, _b) = (Client::join(server, "A"), Client::join(server, "B"));
    STAGE.clear();
    a.say("one");
    STAGE.wait("A", IDLE, 1);
    // Before the clients leave, since that is not a part of the scene.
    STAGE.events()
}

fn two_speak(server: SocketAddr, _: &Sender<()>) -> Vec<Event> {
    let (mut a, mut b) = (Client::join(server, "A"), Client::join(server, "B"));
    STAGE.clear();
    STAGE.pause("A", "sends to all peers: 2");
    a.say("one");
    STAGE.wait("A", "sends to all peers: 2", 1);
    b.say("two");
    STAGE.wait("B", "the roster is busy", 1);
    STAGE.resume("A", "sends to all peers: 2");
    STAGE.wait("A", IDLE, 1);
    for line in ["one", "two"] {
        a.hears(line);
        b.hears(line);
    }
    STAGE.events()
}

fn a_peer_is_gone(server: SocketAddr, _: &Sender<()>) -> Vec<Event> {
    let (a, _b) = (Client::join(server, "A"), Client::join(server, "B"));
    let c = Client::join(server, "C");
    STAGE.clear();
    STAGE.pause("C", "reads no more");
    c.reset();
    STAGE.wait("C", "reads no more", 1);
    a.say("one");
    STAGE.wait("A", IDLE, 1);
    STAGE.resume("C", "reads no more");
    STAGE.wait("C", IDLE, 1);
    STAGE.events()
}

fn a_laggard(server: SocketAddr, _: &Sender<()>) -> Vec<Event> {
    let (mut a, mut b) = (Client::join(server, "A"), Client::join(server, "B"));
    let mut c = Client::join(server, "C");
    STAGE.scene.lock().names.push(("catch-up #3".to_owned(), "catch-up"));
    // The thread pauses first until A is done, and then before it sends.
    STAGE.pause("catch-up", "waits for the roster");
    STAGE.pause("catch-up", IDLE);

    // C does not read. The scene begins with the first line that does not fit. The lines that do
    // fit are not a part of it.
    let (long, deadline) = ("x".repeat(MAX_LINE), Instant::now() + PATIENCE);
    let mut said = 0;
    while !STAGE.events().iter().any(|event| event.is("A", "peer 3 falls behind")) {
        assert!(Instant::now() < deadline, "C takes {said} lines without reading");
        STAGE.clear();
        a.say(&long);
        said += 1;
        STAGE.wait("A", IDLE, 1);
        a.hears(&long);
        b.hears(&long);
    }
    STAGE.resume("catch-up", "waits for the roster");
    STAGE.wait("catch-up", IDLE, 1);

    a.say("next");
    STAGE.wait("A", IDLE, 2);
    a.hears("next");
    b.hears("next");
    STAGE.resume("catch-up", IDLE);
    (0..said).for_each(|_| c.hears(&long));
    c.hears("next");
    STAGE.wait("catch-up", IDLE, 3);
    let mut events = STAGE.events();
    // Main hears of C while A holds the roster. It may start the thread at once, or a little later.
    for event in events.iter_mut().filter(|event| event.holder.as_ref() != Some(&event.thread)) {
        event.holder = None;
    }
    events
}

fn stopping(server: SocketAddr, stop: &Sender<()>) -> Vec<Event> {
    let mut a = Client::join(server, "A");
    STAGE.clear();
    STAGE.pause("main", "waits for the roster");
    STAGE.pause("main", "sends to all peers: 1");
    stop.send(()).expect("the server runs");
    STAGE.wait("handshakes", "accepts no more", 1);
    STAGE.resume("main", "waits for the roster");
    STAGE.wait("main", "sends to all peers: 1", 1);
    // Main gives its clients little time to hang up. Here it pauses before that time begins.
    STAGE.pause("main", IDLE);
    STAGE.resume("main", "sends to all peers: 1");
    STAGE.wait("main", IDLE, 1);
    a.hears(&protocol::offline(server.port()));
    drop(a);
    STAGE.wait("A", IDLE, 1);
    STAGE.resume("main", IDLE);
    STAGE.wait("main", "all threads have ended", 1);
    STAGE.events()
}

struct Nobody;

impl Observer for Nobody {
    fn see(&self, _: room::Event) {}
}

fn config() -> Config {
    let policy = ClientPolicy {
        framing: Framing::Lines,
        max_line: MAX_LINE,
        greet: None,
        prefix: None,
        name_first: None,
        echo: true,
        rate: None,
        timeouts: Timeouts { idle: PATIENCE, sending: PATIENCE },
    };
    Config {
        addresses: vec![("127.0.0.1:0".to_owned(), policy)],
        max_clients: 10,
        limits: Limits::of(1024 * 1024, 10),
        stall_timeout: PATIENCE,
        one_core: true,
    }
}

/// Plays a scene on a server of its own.
fn perform(play: Play) -> Vec<Event> {
    *STAGE.scene.lock() = Scene::new();
    let server = Server::bind(config()).expect("there is a free port");
    let (address, _) = server.listening().next().expect("it listens");
    let (stop, stopped) = crossbeam_channel::bounded(1);
    let played = thread::scope(|scope| {
        let main = thread::Builder::new().name("main".to_owned());
        let run = || server.run(Box::new(Nobody), &stopped);
        main.spawn_scoped(scope, run).expect("the system has a thread");
        // However the scene ends, the server must.
        let played = catch_unwind(|| play(address, &stop));
        STAGE.resume_all();
        drop(stop);
        played
    });
    played.unwrap_or_else(|panic| resume_unwind(panic))
}

struct Arrow {
    event: Event,
    to: String,
}

/// A part of a diagram that an `end` closes.
struct Frame {
    is_critical: bool,
    /// The thread that holds the roster, if the title says so.
    holder: Option<String>,
    /// How many arrows stand before it.
    start: usize,
}

fn holder_in(title: &str) -> Option<String> {
    title.strip_suffix(" holds the roster")?.split(' ').next_back().map(str::to_owned)
}

/// The sections of the page that have diagrams: the headings, and the text below.
fn sections() -> Vec<(String, String)> {
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/Sequence_Diagram.md");
    let page = fs::read_to_string(page).expect("the page is there");
    let sections = page.split("\n## ").filter(|section| section.contains("```mermaid"));
    let parts = sections.map(|section| section.split_once('\n').expect("a section has text"));
    parts.map(|(heading, text)| (heading.to_owned(), text.to_owned())).collect()
}

/// The arrows in the diagrams of a section, in order. Everything in a diagram is read: what this
/// function does not know, a scene must not have.
fn arrows(section: &str) -> Vec<Arrow> {
    let mut arrows = Vec::new();
    for diagram in section.split("```mermaid\n").skip(1) {
        let mut names = BTreeMap::new();
        let mut frames: Vec<Frame> = Vec::new();
        for line in diagram.lines().take_while(|line| *line != "```").map(str::trim) {
            let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
            match word {
                "" | "sequenceDiagram" | "%%{init:" => {}
                "participant" => {
                    let (id, name) = rest.split_once(" as ").unwrap_or((rest, rest));
                    names.insert(id, name);
                }
                "critical" | "par" => frames.push(Frame {
                    is_critical: word == "critical",
                    holder: holder_in(rest),
                    start: arrows.len(),
                }),
                "and" => frames.last_mut().expect("a par").holder = holder_in(rest),
                "end" => {
                    let frame = frames.pop().expect("something to end");
                    if frame.is_critical {
                        check_box(frame.holder, &arrows[frame.start..]);
                    }
                }
                _ => {
                    let (from, rest) = line.split_once("->>").expect("an arrow");
                    let (to, does) = rest.split_once(": ").expect("an arrow has a text");
                    let frame = frames.last();
                    let in_box = frame.is_some_and(|frame| frame.is_critical);
                    assert!(in_box || does != LOCKS, "not in a box: {line}");
                    let holder = frame.and_then(|frame| frame.holder.clone());
                    let (thread, does) = (names[from].to_owned(), does.to_owned());
                    arrows.push(Arrow { event: Event { thread, does, holder }, to: to.to_owned() });
                }
            }
        }
        assert!(names.len() <= 5, "wider than GitHub's page: {names:?}");
    }
    arrows
}

/// A box says who holds the roster, and is exactly one critical section of that thread.
fn check_box(holder: Option<String>, arrows: &[Arrow]) {
    let holder = holder.expect("a critical box says who holds the roster");
    let does: Vec<_> = arrows.iter().map(|arrow| arrow.event.does.as_str()).collect();
    assert!(matches!(does[..], [LOCKS, .., UNLOCKS]), "{holder} holds the roster: {does:?}");
    assert_eq!(does.iter().filter(|does| **does == LOCKS).count(), 1, "{does:?}");
    for Arrow { event, .. } in arrows {
        assert_eq!(event.thread, holder, "in the box of {holder}: {event:?}");
    }
}

fn by_thread(events: &[Event]) -> BTreeMap<&str, Vec<&Event>> {
    let mut threads = BTreeMap::<_, Vec<_>>::new();
    for event in events {
        threads.entry(event.thread.as_str()).or_default().push(event);
    }
    threads
}

/// The threads that lock the roster, one after the other.
fn holders(events: &[Event]) -> Vec<&str> {
    let locks = events.iter().filter(|event| event.does == LOCKS);
    locks.map(|event| event.thread.as_str()).collect()
}

#[test]
fn each_thread_does_what_its_arrows_say() {
    log::set_logger(&STAGE).expect("there is no other logger");
    log::set_max_level(LevelFilter::Trace);
    let sections = sections();
    let drawn: Vec<_> = sections.iter().map(|(heading, _)| heading.as_str()).collect();
    let played = SCENES.map(|(heading, _)| heading);
    assert_eq!(drawn[1..], played, "the first diagram is not a scene, all others are");
    for ((heading, text), (_, play)) in sections[1..].iter().zip(SCENES) {
        let drawn: Vec<_> = arrows(text).into_iter().map(|arrow| arrow.event).collect();
        let played = perform(play);
        assert_eq!(by_thread(&played), by_thread(&drawn), "{heading}: left is played, right drawn");
        assert_eq!(holders(&played), holders(&drawn), "{heading}: left is played, right drawn");
    }
}

/// The text of an arrow names the thing that the arrow points at.
#[test]
fn arrows_point_at_what_they_speak_of() {
    let sections = sections();
    let arrows: Vec<_> = sections[1..].iter().flat_map(|(_, text)| arrows(text)).collect();
    assert!(arrows.len() > 20, "only {} arrows", arrows.len());
    for Arrow { event, to } in arrows {
        let speaks_of = |word: &str| event.does.contains(word);
        let target = match to.as_str() {
            "roster" => speaks_of("roster") || speaks_of("peer "),
            "pending" => speaks_of("pending"),
            "peers" => speaks_of("sends "),
            itself => {
                itself == event.thread && !["roster", "pending", "peer"].into_iter().any(speaks_of)
            }
        };
        assert!(target, "an arrow to {to}: {event:?}");
    }
}

/// The lessons show some of the diagrams again, beside the commands.
#[test]
fn the_diagrams_of_the_lessons_are_these() {
    let top = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let read = |page: &str| fs::read_to_string(top.join(page)).expect("the page is there");
    let of = |text: &str| -> Vec<String> {
        let blocks = text.split("```mermaid\n").skip(1);
        blocks.map(|block| block.split("```").next().unwrap_or_default().to_owned()).collect()
    };
    let (drawn, shown) = (of(&read("Sequence_Diagram.md")), of(&read("docs/lessons.md")));
    assert!(shown.len() > 5, "{shown:?}");
    for diagram in shown {
        assert!(drawn.contains(&diagram), "not in Sequence_Diagram.md: {diagram}");
    }
}
