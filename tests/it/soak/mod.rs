//! A long test with many restarts: servers are killed and started again, clients keep talking, and
//! strangers misbehave. At the end every line is accounted for. It takes as many seconds as
//! `TCP_CHAT_SOAK_SECONDS` says (60 by default).
//!
//! `TCP_CHAT_SOAK_SECONDS=600 cargo test --test it soak -- --ignored`

mod totals;

use std::collections::VecDeque;
use std::io::{self, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener};
use std::sync::RwLock;
use std::thread;
use std::time::{Duration, Instant};

use self::totals::{Life, Totals, is_success, said};
use crate::support::peer::Peer;
use crate::support::process::{Process, Signal, client};
use crate::support::wait_until;

/// How many clients speak at the same time. Each speaks through a pipe. When it ends, the next
/// client takes its place.
const SPEAKERS: u64 = 5;
/// Clients that listen across all restarts.
const STAYERS: usize = 2;
const STRANGERS: u64 = 3;
/// How long a speaker rests between two lines.
const PACE: Duration = Duration::from_millis(10);
/// How long each server lives, in turn. Only the longest life is long enough to drop a peer that
/// never reads.
const LIVES: [u64; 4] = [2, 3, 2, 8];

#[test]
#[ignore = "takes as long as TCP_CHAT_SOAK_SECONDS says"]
fn through_crashes_and_strangers_every_line_is_accounted_for() {
    let seconds = std::env::var("TCP_CHAT_SOAK_SECONDS")
        .map_or(60, |text| text.parse().expect("TCP_CHAT_SOAK_SECONDS is a number of seconds"));
    let end = Instant::now() + Duration::from_secs(seconds);
    let address = free_address();
    // Closed while a listener is missing. A client that reconnects waits for the other clients, but
    // a new client speaks at once.
    let gate = &RwLock::new(());
    let mut totals = Totals::default();
    thread::scope(|scope| {
        let mut shut = gate.write().unwrap();
        let mut life = Life::begin(scope, address);
        let (threads, files) = life.uses();
        let mut stayers: [Process; STAYERS] = std::array::from_fn(|index| {
            let mut stayer = client(address, &["--name", &format!("Stayer{index}"), "--stay"]);
            stayer.end_input();
            stayer
        });
        let speakers: Vec<_> = (0..SPEAKERS)
            .map(|place| scope.spawn(move || speak_in_turn(address, gate, place, end)))
            .collect();
        let strangers: Vec<_> = (0..STRANGERS)
            .map(|seed| scope.spawn(move || visit_often(address, seed, end)))
            .collect();
        loop {
            totals.lives += 1;
            life.welcomes(&stayers);
            drop(shut);
            let long = Duration::from_secs(LIVES[totals.lives % LIVES.len()]);
            if Instant::now() + long >= end {
                break;
            }
            thread::sleep(long);
            shut = gate.write().unwrap();
            life.server.process.kill();
            totals.add(life);
            life = Life::begin(scope, address);
        }
        // The last server runs to the end of the test.
        for speaker in speakers {
            totals.said.extend(speaker.join().expect("every client gets every line confirmed"));
        }
        for stranger in strangers {
            totals.visits += stranger.join().expect("no stranger fails");
        }
        wait_until("no departed client uses resources", || {
            life.uses() == (threads + STAYERS as u64, files + STAYERS)
        });
        life.server.process.signal(Signal::INT);
        let status = life.server.process.ended_within(Duration::from_secs(2));
        assert_eq!(status.code(), Some(0), "{:?}", life.server.process.err.last_words());
        let farewell = life.server.farewell();
        totals.add(life);
        for stayer in &mut stayers {
            stayer.exits(0);
            assert_eq!(stayer.out.lines().last(), Some(&farewell));
            totals.hear(&stayer.out.lines());
        }
    });
    totals.settle();
    // This is not `eprintln`, because the test runner hides its output when the test passes.
    writeln!(io::stderr(), "soak: {seconds} s, {totals}").unwrap();
}

/// An address that stays free between two servers: the system assigns only ports above these.
fn free_address() -> SocketAddr {
    let first = 20_000 + u16::try_from(std::process::id() % 10_000).unwrap();
    (first..32_000)
        .map(|port| SocketAddr::from((Ipv4Addr::LOCALHOST, port)))
        .find(|address| TcpListener::bind(address).is_ok())
        .expect("there is a free port")
}

/// Runs one client after the other in this place. Returns the names and how many lines each client
/// said.
fn speak_in_turn(
    address: SocketAddr,
    gate: &RwLock<()>,
    place: u64,
    end: Instant,
) -> Vec<(String, u64)> {
    let mut said = Vec::new();
    for turn in 0.. {
        let (name, lines) = (format!("Speaker{place}-{turn}"), 100 + 50 * ((place + turn) % 7));
        speak(address, gate, &name, lines);
        said.push((name, lines));
        if Instant::now() >= end {
            break;
        }
    }
    said
}

/// Says numbered lines through a real client, through all restarts of the server. Asserts that each
/// of them came back.
fn speak(address: SocketAddr, gate: &RwLock<()>, name: &str, lines: u64) {
    let mut speaker = {
        let _open = gate.read().unwrap();
        let speaker = client(address, &["--name", name]);
        speaker.err.line("a connection", is_success);
        speaker
    };
    for number in 0..lines {
        speaker.type_line(&number.to_string());
        thread::sleep(PACE);
    }
    speaker.end_input();
    speaker.exits(0);
    let printed = speaker.out.lines();
    let own = printed.iter().filter_map(|line| said(line)).filter(|(who, _)| *who == name);
    // A line that came back is not sent again, so its speaker sees it once.
    assert!(own.map(|(_, number)| number).eq(0..lines), "{name} did not see its own lines");
}

/// Connects again and again, and misbehaves in another way each time. Returns the number of visits.
fn visit_often(address: SocketAddr, seed: u64, end: Instant) -> u64 {
    let mut dice = Dice(0x9E37_79B9 * (seed + 1));
    let mut deaf = VecDeque::new();
    let mut visits = 0;
    while Instant::now() < end {
        // Between two servers, no server answers.
        if let Ok(peer) = Peer::try_connect(address) {
            deaf.extend(visit(peer, &mut dice));
            visits += 1;
        }
        if deaf.len() > 5 {
            deaf.pop_front();
        }
        thread::sleep(PACE * 5);
    }
    visits
}

/// Misbehaves in one of seven ways. Returns the peer if it stays and never reads. Errors here are
/// the server's reaction, so they are ignored.
fn visit(mut peer: Peer, dice: &mut Dice) -> Option<Peer> {
    match dice.roll() % 7 {
        0 => {
            let _ = peer.try_send(format!("Stranger: {}\n", "x".repeat(900)).repeat(25));
            // Ends sending, and listens to the end.
            let _ = peer.stream().shutdown(Shutdown::Write);
            let _ = io::copy(&mut peer.stream(), &mut io::sink());
        }
        1 => {
            let _ = peer.try_send("Stranger: whole\nStranger: ha");
            peer.reset();
        }
        2 => {
            peer.shrink_window();
            let _ = peer.try_send("Stranger: never reads\n");
            return Some(peer);
        }
        3 => {
            let noise: Vec<u8> = (0..8192).map(|_| dice.roll().to_le_bytes()[0]).collect();
            let _ = peer.try_send(noise);
        }
        4 => {
            let _ = peer.try_send("x".repeat(100_000));
        }
        5 => {
            let _ = peer.try_send("\x1b[2J\x1b]0;title\x07\u{202e}\r\0\n\n\n\r\n");
        }
        // Leaves without a message.
        _ => {}
    }
    None
}

/// Pseudo-random numbers, the same in each run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }
}
