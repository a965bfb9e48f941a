//! What happens in the model, and what must hold at its end.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use shuttle::rand::Rng;
use shuttle::sync::mpsc;
use shuttle::thread::{self, JoinHandle};

use crate::batch::{Batch, PeerId};
use crate::peer::{Reason, Socket};
use crate::roster::Witness;
use crate::subject::{Note, Subject};

const LINES_EACH: usize = 2;
const FAREWELL: &str = "bye";

/// Who does what besides listening.
#[derive(Clone, Copy)]
pub(crate) struct Scenario {
    /// Peers that speak, each on a thread of its own.
    pub(crate) speakers: usize,
    /// A peer goes, noticed by two threads at once.
    pub(crate) leaver: bool,
    /// A peer comes while others speak.
    pub(crate) joiner: bool,
    /// Sockets may fail.
    pub(crate) failing: bool,
    /// The room is closed before everything is said.
    pub(crate) closing: bool,
}

/// A socket that takes what it likes. Its own lock is not the model's: no thread waits for it.
pub(crate) struct Fake {
    fails: bool,
    state: Mutex<FakeState>,
}

#[derive(Default)]
struct FakeState {
    taken: String,
    shut: usize,
    broken: bool,
}

impl Fake {
    fn new(fails: bool) -> Arc<Self> {
        Arc::new(Self { fails, state: Mutex::default() })
    }

    fn take(&self, bytes: &[u8]) {
        let text = std::str::from_utf8(bytes).expect("only text is sent");
        self.state.lock().expect("not poisoned").taken.push_str(text);
    }

    fn taken(&self) -> String {
        self.state.lock().expect("not poisoned").taken.clone()
    }

    fn is_gone(&self) -> bool {
        let state = self.state.lock().expect("not poisoned");
        state.broken || state.shut > 0
    }
}

impl Socket for Fake {
    fn send_now(&self, bytes: &[u8]) -> io::Result<usize> {
        assert!(!self.is_gone(), "something is sent to a peer that is gone");
        let mut random = shuttle::rand::thread_rng();
        if self.fails && random.gen_bool(0.1) {
            self.state.lock().expect("not poisoned").broken = true;
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        let fits =
            if random.gen_bool(0.3) { random.gen_range(0..bytes.len()) } else { bytes.len() };
        self.take(&bytes[..fits]);
        Ok(fits)
    }

    fn finish(&self) {}

    fn shut(&self) {
        self.state.lock().expect("not poisoned").shut += 1;
    }
}

/// Writes down what the room says has happened.
#[derive(Default)]
struct Record {
    came: Vec<SocketAddr>,
    went: Vec<SocketAddr>,
    said: String,
}

struct Recorder(Arc<Mutex<Record>>);

impl Witness for Recorder {
    fn came(&self, address: SocketAddr) {
        self.0.lock().expect("not poisoned").came.push(address);
    }

    fn said(&self, batch: &Arc<Batch>) {
        let text = std::str::from_utf8(batch.text()).expect("only text is said");
        self.0.lock().expect("not poisoned").said.push_str(text);
    }

    fn went(&self, address: SocketAddr, _reason: Reason) {
        self.0.lock().expect("not poisoned").went.push(address);
    }
}

fn address(number: usize) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], u16::try_from(number).expect("a small number")))
}

/// Plays the scenario once, in an order that shuttle chooses, and checks what came of it.
pub(crate) fn explore<R: Subject>(scenario: Scenario) {
    let (notes, received) = mpsc::channel();
    let record = Arc::new(Mutex::new(Record::default()));
    let room = Arc::new(R::build(notes.clone(), Box::new(Recorder(Arc::clone(&record)))));
    let courier = start_courier(&room, received);

    let mut peers: Vec<(Arc<Fake>, PeerId)> = Vec::new();
    for number in 0..scenario.speakers + usize::from(scenario.leaver) {
        let socket = Fake::new(scenario.failing);
        let id = room.join(Arc::clone(&socket), address(number)).expect("there is a place");
        peers.push((socket, id));
    }
    let mut threads: Vec<JoinHandle<()>> = Vec::new();
    for (number, &(_, id)) in peers.iter().enumerate().take(scenario.speakers) {
        let room = Arc::clone(&room);
        threads.push(thread::spawn(move || speak(&*room, number, id)));
    }
    if scenario.leaver {
        let (_, id) = peers[scenario.speakers];
        let noticed =
            if shuttle::rand::thread_rng().gen_bool(0.5) { Reason::Left } else { Reason::Reset };
        for reason in [noticed, Reason::TooSlow] {
            let room = Arc::clone(&room);
            threads.push(thread::spawn(move || room.leave(id, reason)));
        }
    }
    let late = Fake::new(false);
    if scenario.joiner {
        let (room, late) = (Arc::clone(&room), Arc::clone(&late));
        threads.push(thread::spawn(move || {
            room.join(late, address(100)).expect("there is a place");
        }));
    }
    if scenario.closing {
        room.close(FAREWELL);
    }
    for thread in threads {
        thread.join().expect("no thread fails");
    }
    notes.send(R::closed()).expect("the courier is there");
    courier.join().expect("the courier does not fail");

    let said = record.lock().expect("not poisoned").said.clone();
    if scenario.closing {
        assert!(said.contains(FAREWELL), "a closing room says farewell");
    } else {
        check_what_was_said(&said, scenario);
    }
    for (socket, _) in &peers {
        check_heard(&said, socket);
    }
    assert!(said.ends_with(&late.taken()), "who comes late hears the rest, in the same order");

    if !scenario.closing {
        room.close(FAREWELL);
    }
    room.cut_off();
    assert_eq!(room.peers(), 0, "nobody is left in a closed room");
    for (socket, _) in &peers {
        let shut = socket.state.lock().expect("not poisoned").shut;
        assert_eq!(shut, 1, "each record goes exactly once, and that shuts its socket");
    }
    let record = record.lock().expect("not poisoned");
    let mut went = record.went.clone();
    went.sort();
    went.dedup();
    assert_eq!(went.len(), record.went.len(), "a record went twice");
    assert!(went.iter().all(|address| record.came.contains(address)), "one went that never came");
    if scenario.leaver && !scenario.closing {
        assert!(went.contains(&address(scenario.speakers)), "one left and its record did not go");
    }
}

fn speak<R: Subject>(room: &R, number: usize, id: PeerId) {
    let mut heard = Batch::default();
    for line in 0..LINES_EACH {
        heard.say(id, |text| text.extend_from_slice(format!("{number}:{line}").as_bytes()));
        room.say(&mut heard);
    }
}

/// The courier, and the catch-up threads that it starts, until there are no more notes.
fn start_courier<R: Subject>(room: &Arc<R>, notes: mpsc::Receiver<R::Note>) -> JoinHandle<()> {
    let room = Arc::clone(room);
    thread::spawn(move || {
        let mut closing = false;
        let mut catching_up = Vec::new();
        loop {
            // The last notes may come from catch-up threads: they must end before we can.
            let note = match (closing, notes.try_recv()) {
                (_, Ok(note)) => note,
                (false, Err(_)) => notes.recv().expect("the room is there"),
                (true, Err(_)) => match catching_up.pop() {
                    Some(thread) => {
                        JoinHandle::join(thread).expect("no thread fails");
                        continue;
                    }
                    None => return,
                },
            };
            match R::read(note) {
                Note::Carry => room.deliver(),
                Note::Lags(id) => {
                    let room = Arc::clone(&room);
                    catching_up.push(thread::spawn(move || catch_up(&*room, id)));
                }
                Note::Closed => closing = true,
            }
        }
    })
}

fn catch_up<R: Subject>(room: &R, id: PeerId) {
    while let Some(owed) = room.owed(id) {
        for kept in &owed.batches {
            let from = usize::try_from(owed.progress.position() - kept.start);
            for chunk in kept.batch.chunks(owed.ear, from.expect("a short stream")) {
                owed.socket.take(&kept.batch.text()[chunk]);
            }
            owed.progress.reach(kept.end());
        }
    }
}

fn check_what_was_said(said: &str, scenario: Scenario) {
    for number in 0..scenario.speakers {
        let own: Vec<_> =
            said.lines().filter(|line| line.starts_with(&format!("{number}:"))).collect();
        let expected: Vec<_> = (0..LINES_EACH).map(|line| format!("{number}:{line}")).collect();
        assert_eq!(own, expected, "stranded, or out of order: {said:?}");
    }
}

fn check_heard(said: &str, socket: &Fake) {
    let heard = socket.taken();
    assert!(said.starts_with(&heard), "one order for everyone: {heard:?} of {said:?}");
    assert!(socket.is_gone() || heard == said, "stranded: {heard:?} of {said:?}");
}
