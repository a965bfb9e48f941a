//! `Sequence_Diagram.md` cannot drift: the scene that its second diagram draws is played on a real
//! server, and what each thread logs is compared with the arrows that begin at it, in order.
//!
//! The logger is the stage manager as well. It sees every event on the thread that it happens to,
//! so it can keep that thread there until the others have done their part.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpStream};
use std::panic::{catch_unwind, resume_unwind};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::{Duration, Instant};
use std::{fmt, fs};

use log::{LevelFilter, Log, Metadata, Record};
use socket2::{Domain, SockRef, Socket, Type};
use tcp_chat::protocol::{Framing, MAX_LINE};
use tcp_chat::room::Batch;
use tcp_chat::room::Limits;
use tcp_chat::room::Observer;
use tcp_chat::room::Reason;
use tcp_chat::server::ClientPolicy;
use tcp_chat::server::Links;
use tcp_chat::server::Reading;
use tcp_chat::server::{Config, Server};

/// How long anything may take before the scene has failed.
const PATIENCE: Duration = Duration::from_secs(60);

/// Something that a thread does.
#[derive(Clone, PartialEq, Eq)]
struct Event {
    thread: String,
    does: String,
}

impl fmt::Debug for Event {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "{}: {}", self.thread, self.does)
    }
}

/// Hears what every thread does, and can keep it from going on.
struct Stage {
    scene: Mutex<Scene>,
    changed: Condvar,
}

#[derive(Default)]
struct Scene {
    events: Vec<Event>,
    /// The threads that are kept where they did this.
    held: Vec<Event>,
    /// Real names of threads, and what the diagram calls them.
    cast: Vec<(String, &'static str)>,
}

static STAGE: Stage = Stage {
    scene: Mutex::new(Scene { events: Vec::new(), held: Vec::new(), cast: Vec::new() }),
    changed: Condvar::new(),
};

impl Log for Stage {
    fn enabled(&self, metadata: &Metadata) -> bool {
        metadata.target().starts_with("tcp_chat")
    }

    fn log(&self, record: &Record) {
        let current = thread::current();
        let mut scene = self.scene.lock().unwrap();
        let thread = scene.on_paper(current.name().unwrap_or_default());
        let event = Event { thread, does: scene.on_paper(&record.args().to_string()) };
        scene.events.push(event.clone());
        self.changed.notify_all();
        while scene.held.contains(&event) {
            scene = self.changed.wait(scene).unwrap();
        }
    }

    fn flush(&self) {}
}

impl Scene {
    /// What the diagram writes for what really happened.
    fn on_paper(&self, text: &str) -> String {
        let names = self.cast.iter();
        names.fold(text.to_owned(), |text, (real, on_paper)| text.replace(real, on_paper))
    }
}

impl Stage {
    /// Names the thread of the client at this port.
    fn cast(&self, port: u16, name: &'static str) {
        self.scene.lock().unwrap().cast.push((format!("client #{port}"), name));
    }

    /// Forgets what happened so far.
    fn curtain(&self) {
        self.scene.lock().unwrap().events.clear();
    }

    /// From now on, keeps the thread there when it does this.
    fn hold(&self, thread: &str, does: &str) {
        let event = Event { thread: thread.to_owned(), does: does.to_owned() };
        self.scene.lock().unwrap().held.push(event);
    }

    /// Lets the thread go on from there.
    fn release(&self, thread: &str, does: &str) {
        let is_it = |event: &Event| event.thread == thread && event.does == does;
        self.scene.lock().unwrap().held.retain(|event| !is_it(event));
        self.changed.notify_all();
    }

    /// Lets everyone go on.
    fn release_all(&self) {
        self.scene.lock().unwrap().held.clear();
        self.changed.notify_all();
    }

    /// Waits until the thread has done this for the `times`-th time.
    fn wait(&self, thread: &str, does: &str, times: usize) {
        let deadline = Instant::now() + PATIENCE;
        let mut scene = self.scene.lock().unwrap();
        let is_it = |event: &&Event| event.thread == thread && event.does == does;
        while scene.events.iter().filter(is_it).count() < times {
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "{thread} did not: {does}; but: {:#?}", scene.events);
            scene = self.changed.wait_timeout(scene, left).unwrap().0;
        }
    }
}

/// A client whose thread the diagram calls so.
struct Client(BufReader<TcpStream>);

impl Client {
    fn join(server: SocketAddr, name: &'static str) -> Self {
        // The port first: the diagram's name must be known before the thread does anything.
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
        let any_port = SocketAddr::from(([127, 0, 0, 1], 0));
        socket.bind(&any_port.into()).expect("a free port");
        let here = socket.local_addr().ok().and_then(|address| address.as_socket());
        STAGE.cast(here.expect("an address").port(), name);
        socket.connect(&server.into()).expect("the server answers");
        socket.set_read_timeout(Some(PATIENCE)).expect("a socket can have a timeout");
        STAGE.wait(name, "finds nothing pending", 1);
        Self(BufReader::new(socket.into()))
    }

    fn say(&self, line: &str) {
        writeln!(self.0.get_ref(), "{line}").expect("the server takes it");
    }

    fn hears(&mut self, line: &str) {
        let mut heard = String::new();
        self.0.read_line(&mut heard).expect("the server sends it");
        assert_eq!(heard.trim_end(), line);
    }

    /// Goes like one whose machine is switched off.
    fn reset(self) {
        SockRef::from(self.0.get_ref()).set_linger(Some(Duration::ZERO)).expect("it can linger");
    }
}

struct Nobody;

impl Observer for Nobody {
    fn joined(&self, _: SocketAddr) {}
    fn delivered(&self, _: &Arc<Batch>) {}
    fn fell_behind(&self, _: SocketAddr) {}
    fn caught_up(&self, _: SocketAddr) {}
    fn left(&self, _: SocketAddr, _: Reason) {}
}

/// Plays the scene that the diagram draws, and returns what happened in it.
fn play(server: SocketAddr) -> Vec<Event> {
    let (mut a, mut b) = (Client::join(server, "client A"), Client::join(server, "client B"));
    STAGE.curtain();
    let c = Client::join(server, "client C");

    STAGE.hold("client A", "sends to all peers: 3");
    a.say("A: one");
    STAGE.wait("client A", "sends to all peers: 3", 1);
    b.say("B: two");
    STAGE.wait("client B", "the roster is busy", 1);
    STAGE.hold("client C", "reads no more");
    c.reset();
    STAGE.wait("client C", "reads no more", 1);

    STAGE.hold("client A", "sends to all peers: 2");
    STAGE.release("client A", "sends to all peers: 3");
    STAGE.wait("client A", "sends to all peers: 2", 1);
    b.say("B: three");
    STAGE.wait("client B", "the roster is busy", 2);

    STAGE.release("client A", "sends to all peers: 2");
    STAGE.wait("client A", "finds nothing pending", 1);
    STAGE.release("client C", "reads no more");
    STAGE.wait("client C", "finds nothing pending", 2);

    for line in ["A: one", "B: two", "B: three"] {
        a.hears(line);
        b.hears(line);
    }
    // Before the clients go, which is another scene.
    STAGE.scene.lock().unwrap().events.clone()
}

/// The arrows of the diagram with the threads: who does it, to whom, and what.
fn arrows() -> Vec<(Event, String)> {
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/Sequence_Diagram.md");
    let page = fs::read_to_string(page).expect("the page is there");
    let diagram = page.split("```mermaid").nth(2).expect("a second diagram");
    let diagram = diagram.split("```").next().unwrap_or_default();
    let mut called = BTreeMap::new();
    let mut arrows = Vec::new();
    for line in diagram.lines().map(str::trim) {
        if let Some(participant) = line.strip_prefix("participant ") {
            let (short, name) =
                participant.split_once(" as ").unwrap_or((participant, participant));
            called.insert(short, name.to_owned());
        } else if let Some((from, rest)) = line.split_once("->>") {
            let (to, does) = rest.split_once(": ").expect("an arrow has a text");
            let event = Event { thread: called[from].clone(), does: does.to_owned() };
            arrows.push((event, to.to_owned()));
        }
    }
    arrows
}

fn by_thread(events: impl IntoIterator<Item = Event>) -> BTreeMap<String, Vec<String>> {
    let mut threads = BTreeMap::<_, Vec<_>>::new();
    for event in events {
        threads.entry(event.thread).or_default().push(event.does);
    }
    threads
}

#[test]
fn each_thread_does_what_its_arrows_say() {
    log::set_logger(&STAGE).expect("there is no other logger");
    log::set_max_level(LevelFilter::Trace);
    let policy = ClientPolicy {
        reading: Reading {
            framing: Framing::Lines,
            max_line: MAX_LINE,
            greet: None,
            prefix: None,
            name_first: false,
        },
        echo: true,
        rate: None,
        links: Links { idle: PATIENCE, sending: PATIENCE },
    };
    let config = Config {
        address: "127.0.0.1:0".to_owned(),
        policy,
        also: None,
        max_clients: 10,
        max_catch_up: 10,
        limits: Limits::of(1024 * 1024),
        stall_timeout: PATIENCE,
    };
    let server = Server::bind(config).expect("there is a free port");
    let address = server.addresses().next().expect("it listens");
    let (stop, stopped) = crossbeam_channel::bounded(1);
    let happened = thread::scope(|scope| {
        scope.spawn(|| server.run(Box::new(Nobody), &stopped));
        // However the scene ends, the server must.
        let happened = catch_unwind(|| play(address));
        STAGE.release_all();
        stop.send(()).expect("the server runs");
        happened
    });
    let happened = happened.unwrap_or_else(|panic| resume_unwind(panic));
    let drawn = by_thread(arrows().into_iter().map(|(event, _)| event));
    assert_eq!(by_thread(happened), drawn, "left: what happened; right: what is drawn");
}

/// What an arrow says names what it points at.
#[test]
fn arrows_point_at_what_they_speak_of() {
    let arrows = arrows();
    assert!(arrows.len() > 20, "only {} arrows", arrows.len());
    for (event, to) in arrows {
        let speaks_of = |word: &str| event.does.contains(word);
        let target = match to.as_str() {
            "roster" => speaks_of("roster") || speaks_of("peer "),
            "pending" => speaks_of("pending"),
            "peers" => speaks_of("peers"),
            client => speaks_of(&format!("client {client}")) || speaks_of("reads"),
        };
        assert!(target, "an arrow to {to}: {event:?}");
    }
}
