//! The promises about limits in docs/reliability.md, each against a stranger who tests it: readers
//! that read slowly stay, talk is said, memory and threads are bounded, and stopping takes no longer
//! for any peer.
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use crate::support::peer::{Ending, Peer};
use crate::support::process::Signal;
use crate::support::server::Server;
use crate::support::{PATIENCE, usage, wait_until};

/// How long a flood lasts: the first version of this server dropped such readers after 2.6 s.
const FLOOD: Duration = Duration::from_secs(4);

/// What a slow reader takes, in bytes per second; the promise is 256 KiB/s.
const SLOW: usize = 300_000;

/// A stopping server ends by then, whatever its peers do.
const STOP: Duration = Duration::from_secs(2);

/// Says lines as fast as the server takes them, and never reads.
fn flood(address: SocketAddr, over: &AtomicBool) {
    let line = format!("{}\n", "x".repeat(100)).repeat(80);
    while !over.load(Relaxed) {
        // The server may drop one that never reads. It comes again.
        let Ok(mut peer) = Peer::try_connect(address) else { return };
        peer.stream().set_write_timeout(Some(Duration::from_millis(100))).unwrap();
        let is_slowed = |error: &std::io::Error| error.kind() == std::io::ErrorKind::WouldBlock;
        while !over.load(Relaxed) && peer.try_send(&line).map_or_else(|e| is_slowed(&e), |()| true)
        {
        }
    }
}

/// Comes, says as much as one read takes, and goes, again and again.
fn come_and_go(address: SocketAddr, over: &AtomicBool) {
    let lines = format!("{}\n", "y".repeat(100)).repeat(80);
    while !over.load(Relaxed) {
        let Ok(mut peer) = Peer::try_connect(address) else { return };
        let _ = peer.try_send(&lines);
        if peer.port() % 2 == 0 {
            peer.reset();
        }
    }
}

/// Says lines and reads everything, as an ordinary client does.
fn take_part(address: SocketAddr, over: &AtomicBool) {
    let peer = Peer::connect(address);
    let mut writer = peer.writer();
    let line = format!("{}\n", "z".repeat(100)).repeat(20);
    thread::scope(|scope| {
        scope.spawn(move || {
            let mut buffer = vec![0; 256 * 1024];
            while peer.stream().read(&mut buffer).is_ok_and(|length| length > 0) {}
        });
        while !over.load(Relaxed) && writer.write_all(line.as_bytes()).is_ok() {}
        let _ = writer.shutdown(Shutdown::Both);
    });
}

/// Reads at [`SLOW`] until told to stop. Fails if the server drops it.
fn read_slowly(peer: &Peer, over: &AtomicBool) {
    let (begin, mut taken) = (Instant::now(), 0);
    let mut buffer = vec![0; SLOW / 20];
    peer.stream().set_read_timeout(Some(Duration::from_millis(50))).unwrap();
    while !over.load(Relaxed) {
        let due = begin.elapsed().as_secs_f64() * f64::from(u32::try_from(SLOW).unwrap());
        if f64::from(u32::try_from(taken).unwrap()) > due {
            thread::sleep(Duration::from_millis(10));
            continue;
        }
        match peer.stream().read(&mut buffer) {
            Ok(length) => {
                assert!(length > 0, "dropped after {:?} and {taken} bytes", begin.elapsed());
                taken += length;
            }
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
            Err(error) => panic!("dropped after {:?} and {taken} bytes: {error}", begin.elapsed()),
        }
    }
}

/// Ends the noise, also where a test fails.
struct Over<'a>(&'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Relaxed);
    }
}

/// A peer that is in the room.
fn here(server: &Server) -> Peer {
    let mut peer = Peer::connect(server.address);
    peer.say("I am here");
    peer.await_line("I am here");
    peer
}

/// While `many` threads do `noise`, a slow reader stays, and a line of someone who says little is
/// said soon.
fn slow_readers_stay_and_talk_is_said(many: usize, noise: fn(SocketAddr, &AtomicBool)) {
    let server = Server::start(&["--quiet"]);
    let over = &AtomicBool::new(false);
    let mut talker = Peer::connect(server.address);
    let mut listener = Peer::connect(server.address);
    let slow = Peer::connect(server.address);
    let slowest = thread::scope(|scope| {
        let noise: Vec<_> =
            (0..many).map(|_| scope.spawn(|| noise(server.address, over))).collect();
        let reader = scope.spawn(|| read_slowly(&slow, over));
        let quiet = scope.spawn({
            let stream = talker.stream().try_clone().unwrap();
            move || {
                let mut buffer = vec![0; 256 * 1024];
                while (&stream).read(&mut buffer).is_ok_and(|length| length > 0) {}
            }
        });
        // It reads all the time: one that rests may be dropped.
        let (heard, lines) = mpsc::channel();
        let listening = scope.spawn(move || {
            while let Ok(line) = listener.next() {
                if line.starts_with("talk ") && heard.send(line).is_err() {
                    return;
                }
            }
        });
        let ends = Over(over);
        let begin = Instant::now();
        let mut slowest = Duration::ZERO;
        // A peer has the credit to talk when it has been here for a second.
        thread::sleep(Duration::from_millis(1500));
        for number in 0.. {
            if begin.elapsed() > FLOOD || reader.is_finished() {
                break;
            }
            let (line, said) = (format!("talk {number}"), Instant::now());
            talker.say(&line);
            assert_eq!(lines.recv_timeout(PATIENCE), Ok(line), "the line is said");
            slowest = slowest.max(said.elapsed());
            thread::sleep(Duration::from_millis(50));
        }
        drop(ends);
        let stayed = reader.join();
        for noise in noise {
            noise.join().expect("it makes its noise");
        }
        drop(lines);
        talker.say("talk is over");
        listening.join().expect("it listens");
        talker.stream().shutdown(Shutdown::Both).unwrap();
        quiet.join().expect("it reads");
        stayed.expect("a reader of 300 KB/s stays");
        slowest
    });
    eprintln!("the slowest line took {slowest:?}");
    assert!(slowest < Duration::from_secs(3), "a line was said after {slowest:?}");
}

#[test]
fn forty_flooders_drop_no_slow_reader_and_drown_no_talk() {
    slow_readers_stay_and_talk_is_said(40, flood);
}

#[test]
fn those_who_come_and_go_drop_no_slow_reader_and_drown_no_talk() {
    slow_readers_stay_and_talk_is_said(8, come_and_go);
}

#[test]
fn ordinary_clients_drop_no_slow_reader_and_drown_no_talk() {
    slow_readers_stay_and_talk_is_said(20, take_part);
}

/// A client that sends thousands of bytes, with newlines among them, and is torn away at once.
fn swarm(address: SocketAddr, over: &AtomicBool) {
    let mut seed = 0x9e37_79b9_u32;
    let bytes: Vec<u8> = std::iter::repeat_with(|| {
        seed ^= seed << 13;
        seed ^= seed >> 17;
        seed ^= seed << 5;
        seed.to_le_bytes()[0]
    })
    .take(3000)
    .collect();
    while !over.load(Relaxed) {
        // The system may refuse for want of ports; then there is a rest.
        let Ok(mut peer) = Peer::try_connect(address) else {
            thread::sleep(Duration::from_millis(10));
            continue;
        };
        let _ = peer.try_send(&bytes);
        peer.reset();
    }
}

#[test]
fn a_swarm_takes_nothing_away() {
    let mut server = Server::start(&["--quiet"]);
    let mut peers: [Peer; 3] = std::array::from_fn(|_| here(&server));
    let (id, over) = (server.id(), &AtomicBool::new(false));
    let (threads, files) = (usage::threads(id), usage::files(id));
    thread::scope(|scope| {
        let swarms: Vec<_> = (0..4).map(|_| scope.spawn(|| swarm(server.address, over))).collect();
        let ends = Over(over);
        let begin = Instant::now();
        let mut number = 0;
        // Two people talk, and all three hear every line.
        while begin.elapsed() < FLOOD {
            let line = format!("talk {number}");
            peers[number % 2].say(&line);
            for peer in &mut peers {
                peer.await_line(&line);
            }
            number += 1;
            thread::sleep(Duration::from_millis(20));
        }
        drop(ends);
        for swarm in swarms {
            swarm.join().expect("it swarms");
        }
        eprintln!("{number} lines of talk");
    });
    peers[0].say("after it");
    for peer in &mut peers {
        peer.await_line("after it");
    }
    wait_until("threads and descriptors are back", || {
        usage::threads(id) <= threads && usage::files(id) <= files
    });
    assert!(usage::memory(id) < 200 * 1024, "{} KiB are left", usage::memory(id));
    assert!(server.stop().success());
}

/// Says `amount` bytes in lines of a thousand, and reads them as they come back.
fn say_much(address: SocketAddr, amount: usize) {
    let mut speaker = Peer::connect(address);
    let lines = format!("{}\n", "x".repeat(999)).repeat(50);
    for _ in 0..amount / lines.len() {
        speaker.send(&lines);
        (0..50).for_each(|_| assert_eq!(speaker.line().len(), 999));
    }
}

#[test]
fn one_that_has_closed_its_side_and_does_not_read_counts_like_any_other() {
    let mut server = Server::start(&["--quiet"]);
    let mut peer = Peer::connect(server.address);
    peer.shrink_window();
    peer.say("I am here");
    peer.expect("I am here");
    let (before, threads) = (usage::memory(server.id()), usage::threads(server.id()));
    let mut once = Some(peer);
    thread::scope(|scope| {
        let speaking = scope.spawn(|| say_much(server.address, 100 * 1024 * 1024));
        // It closes its side when it is behind: then there is a thread for it.
        wait_until("it is behind", || {
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
    let server = Server::start(&["--quiet", "--stall-timeout", "600"]);
    let mut deaf = Peer::connect(server.address);
    deaf.shrink_window();
    deaf.say("I am here");
    deaf.expect("I am here");
    let mut speaker = here(&server);
    let (before, threads) = (usage::memory(server.id()), usage::threads(server.id()));
    // One line at a time, each a batch of its own: that takes the most memory for its text.
    let gone = || usage::threads(server.id()) < threads;
    let mut lines = 0_u32;
    say_much(server.address, 8 * 1024 * 1024);
    while !gone() || lines < 1000 {
        speaker.say("a");
        speaker.await_line("a");
        lines += 1;
        assert!(lines < 1_000_000, "it is still here");
    }
    let peak = usage::peak_memory(server.id());
    // Twice the backlog, pending, the event log, and a little for the rest.
    assert!(peak - before < (16 + 2 + 4 + 8) * 1024, "{before} KiB before, {peak} at the most");
}

#[test]
fn an_idle_client_takes_little_whatever_it_said_before() {
    const CLIENTS: usize = 300;
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
    // All read all the time, so nothing is kept for them.
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
            peer.stream().write_all(lines.as_bytes()).expect("it is taken");
        }
        last.say("that was all");
        last.await_line("that was all");
        wait_until("none is behind", || {
            usage::threads(server.id()) <= CLIENTS as u64 + threads + 1
        });
        over.store(true, Relaxed);
    });
    let each = usage::memory(server.id()).saturating_sub(before) / CLIENTS as u64;
    eprintln!("{each} KiB for each client");
    assert!(each <= 24, "{each} KiB for each client");
}

#[test]
fn one_that_was_torn_away_says_no_more() {
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

/// Lets lines be said until the peer is behind; returns how many bytes that took.
fn fall_behind(server: &Server, peer: &Peer) -> usize {
    const ROUND: usize = 500_000;
    let is_behind = format!("Client @PORT #{} Is Behind!", peer.port());
    let mut said = 0;
    wait_until("it is behind", || {
        say_much(server.address, ROUND);
        said += ROUND;
        server.history().count(|line| line == is_behind) > 0
    });
    said
}

#[test]
fn a_living_peer_that_does_not_read_is_no_dead_link() {
    let server = Server::start(&["--stall-timeout", "600", "--dead-link", "1"]);
    let mut deaf = server.join();
    let said = fall_behind(&server, &deaf);
    // There is no effect to wait for: it must not be dropped in this time.
    thread::sleep(Duration::from_secs(4));
    (0..said / 1000).for_each(|_| assert_eq!(deaf.line().len(), 999));
    server.history().expect(&format!("Client @PORT #{} Has Caught Up!", deaf.port()));
}

/// A server with a peer in this state stops in time, and ends well.
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
        let heard = reading.join().expect("it reads to the end");
        over.store(true, Relaxed);
        heard
    });
    assert_eq!(ending, Ending::Closed);
    assert_eq!(lines.last(), Some(&server.farewell()));
    assert_eq!(lines.iter().filter(|line| **line == server.farewell()).count(), 1);
    server.process.exits(0);
}
