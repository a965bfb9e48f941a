//! The promises about limits in docs/reliability.md. Each is tested with a hostile peer: slow
//! readers stay, lines are delivered, memory and threads are bounded, and no peer delays the stop
//! of the server.
use std::io::{Read, Write};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, Instant};

use crate::crowded::{flood, here};
use crate::support::peer::{Ending, Peer};
use crate::support::process::Signal;
use crate::support::server::Server;
use crate::support::{usage, wait_until};

/// The server must stop within this time, whatever its peers do.
const STOP: Duration = Duration::from_secs(2);

/// Sends `amount` bytes in lines of a thousand bytes, and reads them as they come back.
fn say_much(address: SocketAddr, amount: usize) {
    let mut speaker = Peer::connect(address);
    let lines = format!("{}\n", "x".repeat(999)).repeat(50);
    for _ in 0..amount / lines.len() {
        speaker.send(&lines);
        (0..50).for_each(|_| assert_eq!(speaker.line().len(), 999));
    }
}

#[test]
fn a_half_closed_peer_that_does_not_read_counts_like_any_other() {
    if !usage::is_shown() {
        return;
    }
    let mut server = Server::start(&["--quiet"]);
    let mut peer = Peer::connect(server.address);
    peer.shrink_window();
    peer.say("I am here");
    peer.expect("I am here");
    let (before, threads) = (usage::memory(server.id()), usage::threads(server.id()));
    let mut once = Some(peer);
    thread::scope(|scope| {
        let speaking = scope.spawn(|| say_much(server.address, 100 * 1024 * 1024));
        // It ends sending when it is behind. Then the server has a thread for it.
        wait_until("the peer is behind", || {
            usage::threads(server.id()) > threads + 1 || speaking.is_finished()
        });
        if let Some(peer) = &mut once {
            peer.finish();
        }
    });
    let peak = usage::peak_memory(server.id());
    assert!(peak - before < 64 * 1024, "{before} KiB before, {peak} KiB at the most");
    let begin = Instant::now();
    assert!(server.stop().success());
    assert!(begin.elapsed() < STOP, "stopping took {:?}", begin.elapsed());
}

#[test]
fn short_lines_are_counted_with_all_that_they_take() {
    if !usage::is_shown() {
        return;
    }
    let server = Server::start(&["--quiet", "--stall-timeout", "600"]);
    let mut deaf = Peer::connect(server.address);
    deaf.shrink_window();
    deaf.say("I am here");
    deaf.expect("I am here");
    let mut speaker = here(&server);
    let (before, threads) = (usage::memory(server.id()), usage::threads(server.id()));
    // It sends one line at a time, so each line is its own batch. This needs the most memory for
    // its text.
    let gone = || usage::threads(server.id()) < threads;
    let mut lines = 0_u32;
    say_much(server.address, 8 * 1024 * 1024);
    while !gone() || lines < 1000 {
        speaker.say("a");
        speaker.await_line("a");
        lines += 1;
        assert!(lines < 1_000_000, "the peer is still connected");
    }
    let peak = usage::peak_memory(server.id());
    // Twice the backlog, the pending lines, the event log, and a reserve.
    assert!(peak - before < (16 + 2 + 4 + 8) * 1024, "{before} KiB before, {peak} at the most");
}

#[test]
fn an_idle_client_takes_little_whatever_it_said_before() {
    const CLIENTS: usize = 300;
    if !usage::is_shown() {
        return;
    }
    let server = Server::start(&["--quiet"]);
    let lines = "a\n".repeat(8 * 1024);
    let mut first = Peer::connect(server.address);
    first.send(&lines);
    (0..8 * 1024).for_each(|_| first.expect("a"));
    drop(first);
    let (before, threads) = (usage::memory(server.id()), usage::threads(server.id()));
    let clients: Vec<Peer> = (0..CLIENTS)
        .map(|_| {
            let mut peer = Peer::connect(server.address);
            peer.say("here");
            peer.await_line("here");
            peer
        })
        .collect();
    // All peers read all the time, so the server keeps no backlog for them.
    let over = &AtomicBool::new(false);
    thread::scope(|scope| {
        for peer in &clients {
            let stream = peer.stream();
            stream.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
            scope.spawn(move || {
                let mut buffer = vec![0; 64 * 1024];
                while !over.load(Relaxed) {
                    let _ = (&*stream).read(&mut buffer);
                }
            });
        }
        let mut last = Peer::connect(server.address);
        for peer in clients.iter().step_by(30) {
            peer.stream().write_all(lines.as_bytes()).expect("the server takes the lines");
        }
        last.say("that was all");
        last.await_line("that was all");
        wait_until("no peer is behind", || {
            usage::threads(server.id()) <= CLIENTS as u64 + threads + 1
        });
        over.store(true, Relaxed);
    });
    let each = usage::memory(server.id()).saturating_sub(before) / CLIENTS as u64;
    eprintln!("{each} KiB for each client");
    assert!(each <= 24, "{each} KiB for each client");
}

#[test]
fn a_reset_peer_says_no_more() {
    let server = Server::start(&["--rate", "1"]);
    let mut listener = server.join();
    let mut torn = server.join();
    let port = torn.port();
    torn.send("line\n".repeat(100));
    listener.expect("line");
    torn.reset();
    assert_eq!(server.reason_of(port), "connection reset");
    listener.say("still here");
    let mut lines = 0;
    while listener.line() != "still here" {
        lines += 1;
    }
    assert!(lines < 50, "{lines} more lines were said");
}

/// Sends lines until the peer is behind. Returns how many bytes that took.
fn fall_behind(server: &Server, peer: &Peer) -> usize {
    const ROUND: usize = 500_000;
    let is_behind = format!("Client @PORT #{} Is Behind!", peer.port());
    let mut said = 0;
    wait_until("the peer is behind", || {
        say_much(server.address, ROUND);
        said += ROUND;
        server.event_log().count(|line| line == is_behind) > 0
    });
    said
}

#[test]
fn a_living_peer_that_does_not_read_is_no_dead_link() {
    let server = Server::start(&["--stall-timeout", "600", "--dead-link", "1"]);
    let mut deaf = server.join();
    let said = fall_behind(&server, &deaf);
    // The test waits for a fixed time: the peer must not be dropped in this time.
    thread::sleep(Duration::from_secs(4));
    (0..said / 1000).for_each(|_| assert_eq!(deaf.line().len(), 999));
    server.event_log().expect(&format!("Client @PORT #{} Has Caught Up!", deaf.port()));
}

/// A server with peers in this state stops in time, and ends well.
fn stops_in_time(flags: &[&str], bring_about: impl FnOnce(&Server) -> Vec<Peer>) {
    let mut server = Server::start(&[&["--quiet"], flags].concat());
    let peers = bring_about(&server);
    let begin = Instant::now();
    server.process.signal(Signal::TERM);
    let status = server.process.ended();
    let took = begin.elapsed();
    assert!(status.success(), "{status}");
    assert!(took < STOP, "stopping took {took:?}");
    drop(peers);
}

/// A peer that is behind, and reads no more.
fn laggard(server: &Server) -> Peer {
    let mut peer = Peer::connect(server.address);
    peer.shrink_window();
    peer.say("I am here");
    peer.expect("I am here");
    say_much(server.address, 6 * 1024 * 1024);
    peer
}

#[test]
fn stopping_waits_for_no_laggard() {
    stops_in_time(&[], |server| vec![laggard(server)]);
}

#[test]
fn stopping_waits_for_no_laggard_that_has_closed_its_side() {
    stops_in_time(&[], |server| {
        let mut peer = laggard(server);
        peer.finish();
        vec![peer]
    });
}

#[test]
fn stopping_waits_for_no_line_that_is_not_due() {
    stops_in_time(&["--rate", "0.1"], |server| {
        let mut peer = Peer::connect(server.address);
        peer.send("line\n".repeat(50));
        peer.expect("line");
        let mut half_closed = Peer::connect(server.address);
        half_closed.send("line\n".repeat(50));
        half_closed.expect("line");
        half_closed.finish();
        vec![peer, half_closed]
    });
}

#[test]
fn stopping_waits_for_no_peer_that_trickles() {
    let mut server = Server::start(&["--quiet"]);
    let peer = laggard(&server);
    let over = &AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            let mut byte = [0];
            while !over.load(Relaxed)
                && peer.stream().read(&mut byte).is_ok_and(|length| length > 0)
            {
                thread::sleep(Duration::from_millis(20));
            }
        });
        let begin = Instant::now();
        assert!(server.stop().success());
        assert!(begin.elapsed() < STOP, "stopping took {:?}", begin.elapsed());
        over.store(true, Relaxed);
    });
}

#[test]
fn the_farewell_is_the_last_line_for_a_laggard_as_well() {
    let mut server = Server::start(&[]);
    let mut peer = server.join();
    fall_behind(&server, &peer);
    let over = &AtomicBool::new(false);
    let (lines, ending) = thread::scope(|scope| {
        scope.spawn(|| flood(server.address, over));
        let reading = scope.spawn(move || peer.rest());
        server.process.signal(Signal::INT);
        let heard = reading.join().expect("the reader ends well");
        over.store(true, Relaxed);
        heard
    });
    assert_eq!(ending, Ending::Closed);
    assert_eq!(lines.last(), Some(&server.farewell()));
    assert_eq!(lines.iter().filter(|line| **line == server.farewell()).count(), 1);
    server.process.exits(0);
}
