//! A place is a connection: `--max-clients` counts a client until its descriptor is closed, and its
//! place is given back once.
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, Instant};

use tcp_chat::protocol::Framing;
use tcp_chat::room::{Event, Limits, Observer};
use tcp_chat::server::{ClientPolicy, Config, Server, Timeouts};

use crate::support::peer::{Ending, Peer};
use crate::support::server::Server as Process;
use crate::support::witness::Witness;
use crate::support::{PATIENCE, usage, wait_until};

/// The server says it to each client that gets a place.
const WELCOME: &str = "You are in";

/// A caller that has got a place, or nothing if the server is full.
fn call(server: &Process) -> Option<Peer> {
    let mut peer = Peer::connect(server.address);
    // The lines of others may come first.
    loop {
        match peer.line() {
            line if line == WELCOME => return Some(peer),
            line if line.starts_with("* Server full: ") => return None,
            _ => {}
        }
    }
}

/// Calls until there is a place.
fn call_until_in(server: &Process) -> Peer {
    let mut caller = None;
    wait_until("a place is free", || {
        caller = call(server);
        caller.is_some()
    });
    caller.expect("it has a place")
}

/// There must be no place for anyone. The test calls for a fixed time, because it must see that
/// nothing happens.
fn assert_full(server: &Process) {
    for attempt in 0..20 {
        assert!(call(server).is_none(), "caller {attempt} found a place");
        thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn a_peer_that_half_closes_while_behind_keeps_its_place() {
    let limits = ["--max-clients", "3", "--stall-timeout", "600", "--max-backlog", "1000000000"];
    let server = Process::start(&[&limits[..], &["--greet", WELCOME]].concat());
    let [speaker, mut first, second] = std::array::from_fn(|_| call_until_in(&server));
    let most = usage::files(server.id());
    let mut witness = Witness::new(speaker);
    witness.outrun(&server, &[first.port(), second.port()]);
    for peer in [&first, &second] {
        peer.stream().shutdown(Shutdown::Write).expect("the connection is open");
        let unread = || usage::unread(server.port(), peer.port());
        wait_until("the server has read the end", || unread() == 0);
    }
    assert_full(&server);

    // A peer that has read everything goes, and a peer that resets goes at once.
    assert_eq!(first.rest().1, Ending::Closed);
    let _third = call_until_in(&server);
    assert_full(&server);
    second.reset();
    let _fourth = call_until_in(&server);
    assert_full(&server);
    wait_until("three connections are left", || usage::files(server.id()) <= most);
}

#[test]
fn a_place_is_given_back_once_however_a_client_leaves() {
    const PLACES: usize = 3;
    const CALLERS: usize = 6;
    const ROUNDS: usize = 100;
    let server = Process::start(&["--max-clients", "3", "--greet", WELCOME, "--quiet"]);
    let clients: [Peer; PLACES] = std::array::from_fn(|_| call_until_in(&server));
    let (most, inside) = (usage::files(server.id()), &AtomicUsize::new(0));
    drop(clients);
    let come_and_go = |caller: usize| {
        for round in 0..ROUNDS {
            let mut peer = call_until_in(&server);
            let others = inside.fetch_add(1, Relaxed);
            assert!(others < PLACES, "{others} others have a place");
            if round % 2 == 0 {
                peer.say("I am here");
            }
            // Its place may be free as soon as it begins to leave.
            inside.fetch_sub(1, Relaxed);
            match (caller + round) % 4 {
                0 => drop(peer),
                1 => peer.reset(),
                2 => {
                    peer.finish();
                    peer.rest();
                }
                _ => {
                    peer.send("one\ntwo\nand half a li");
                    peer.reset();
                }
            }
        }
    };
    thread::scope(|scope| {
        for caller in 0..CALLERS {
            scope.spawn(move || come_and_go(caller));
        }
    });
    let _clients: [Peer; PLACES] = std::array::from_fn(|_| call_until_in(&server));
    assert_full(&server);
    wait_until("three connections are left", || usage::files(server.id()) <= most);
}

/// Reads everything until the connection ends.
fn drain(mut stream: &TcpStream) {
    let mut buffer = vec![0; 64 * 1024];
    while stream.read(&mut buffer).is_ok_and(|length| length > 0) {}
}

/// A speaker that waits for its turn resets its connection. In the queue, the marker is in front of
/// it. So if its place is free before the marker has its turn, the server did not wait for the turn of
/// the speaker. This does not depend on the speed of the machine.
#[test]
fn a_speaker_that_waits_for_its_turn_gives_its_place_back_at_once() {
    const FLOODERS: usize = 20;
    /// More than a client has credit for, and no more than one read. The prefix makes it so long that
    /// a turn takes a quarter of a second.
    const BLOCK: usize = 1100;
    let prefix = "p".repeat(60);
    let flags = ["--quiet", "--max-clients", "24", "--greet", WELCOME, "--prefix", &prefix];
    let server = Process::start(&flags);
    let [mut marker, listener, slow] = std::array::from_fn(|_| call_until_in(&server));
    let flooders: [Peer; FLOODERS] = std::array::from_fn(|_| call_until_in(&server));
    let (over, heard) = (&AtomicBool::new(false), &AtomicU32::new(0));
    thread::scope(|scope| {
        for peer in flooders.iter().chain([&marker]) {
            let stream = peer.writer();
            scope.spawn(move || drain(&stream));
        }
        for peer in &flooders {
            let lines = "flood\n".repeat(BLOCK);
            scope.spawn(move || while peer.stream().write_all(lines.as_bytes()).is_ok() {});
        }
        // This reader is slower than the promise allows. It falls behind, and the speakers must wait
        // for their turns. Half a minute later it is dropped.
        scope.spawn(move || {
            let mut buffer = [0; 16 * 1024];
            while !over.load(Relaxed) && slow.stream().read(&mut buffer).is_ok_and(|n| n > 0) {
                thread::sleep(Duration::from_millis(100));
            }
        });
        scope.spawn(move || {
            let lines = BufReader::new(listener.stream()).lines().map_while(Result::ok);
            for _ in lines.filter(|line| line.ends_with("marker")) {
                heard.fetch_add(1, Relaxed);
            }
        });
        let block = "talk!\n".repeat(BLOCK);
        let (begin, mut tries) = (Instant::now(), 0);
        for turns in 0.. {
            assert!(begin.elapsed() < PATIENCE, "no speaker waited for its turn");
            marker.send(format!("{block}marker\n"));
            let said = Instant::now();
            wait_until("the marker is read", || usage::unread(server.port(), marker.port()) == 0);
            wait_until("the marker waits or is said", || {
                heard.load(Relaxed) > turns || said.elapsed() > Duration::from_secs(1)
            });
            if heard.load(Relaxed) == turns {
                let mut speaker = call_until_in(&server);
                assert!(call(&server).is_none(), "the server is full");
                speaker.send(&block);
                let unread = || usage::unread(server.port(), speaker.port());
                wait_until("the server has read it", || unread() == 0);
                speaker.reset();
                let caller = call_until_in(&server);
                let too_late = heard.load(Relaxed) > turns;
                eprintln!("a place after {:?}", said.elapsed());
                // The marker may have its turn just before the speaker looks again.
                tries += 1;
                if too_late && tries < 10 {
                    continue;
                }
                over.store(true, Relaxed);
                for peer in flooders.iter().chain([&marker, &caller]) {
                    let _ = peer.stream().shutdown(Shutdown::Both);
                }
                drop(server);
                assert!(!too_late, "it waited for its turn");
                return;
            }
        }
    });
}

/// Panics in the thread that delivers the line "panic now", as a fault of the server would.
struct Faulty;

impl Observer for Faulty {
    fn see(&self, event: Event) {
        if let Event::Delivered { batch, .. } = event {
            assert!(batch.text() != b"panic now\n", "this panic is part of a test");
        }
    }
}

#[test]
fn a_session_that_panics_leaves_neither_record_nor_place_behind() {
    let policy = ClientPolicy {
        framing: Framing::Lines,
        max_line: 1024,
        greet: Some(WELCOME.parse().expect("a text without places")),
        prefix: None,
        name_first: None,
        echo: true,
        rate: None,
        timeouts: Timeouts { idle: PATIENCE, sending: PATIENCE },
    };
    let server = Server::bind(Config {
        addresses: vec![("127.0.0.1:0".to_owned(), policy)],
        max_clients: 1,
        limits: Limits::of(1 << 20, 1),
        stall_timeout: PATIENCE,
        one_core: true,
    });
    let server = server.expect("there is a free port");
    let (address, _) = server.listening().next().expect("it listens");
    let (stop, stopped) = crossbeam_channel::bounded(0);
    thread::scope(|scope| {
        let running = scope.spawn(|| server.run(Box::new(Faulty), &stopped));
        // However this ends, the server must.
        let ends = stop;
        // Alone, for otherwise the thread of another client may deliver the line.
        let mut first = Peer::connect(address);
        first.await_line(WELCOME);
        first.say("panic now");
        assert_eq!(first.rest().0, ["panic now"]);
        // Its place is free, and so is the roster.
        let mut second = Peer::connect(address);
        wait_until("a second client is in", || {
            let is_in = second.line() == WELCOME;
            if !is_in {
                second = Peer::connect(address);
            }
            is_in
        });
        second.say("we go on");
        second.expect("we go on");
        drop(ends);
        assert_eq!(second.rest().1, Ending::Closed);
        let report = running.join().expect("the panic ended one thread").expect("it runs");
        assert_eq!(report.peers, 1);
    });
}
