//! Hostile and broken peers. During each attack a normal conversation continues, and each of its
//! lines must reach everyone, in order.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, Instant};

use crate::support::peer::{Ending, Peer};
use crate::support::server::Server;
use crate::support::talk::Conversation;
use crate::support::{usage, wait_until};

/// How long one line of the conversation may take during an attack. Alone, a line takes less than a
/// millisecond. The limit is long because the tests run side by side on a small machine.
const BEARABLE: Duration = Duration::from_secs(5);

/// Runs a server and a conversation, and calls `disturb` meanwhile.
fn talk_while(flags: &[&str], disturb: impl FnOnce(&Server)) {
    let server = Server::start(flags);
    let conversation = Conversation::start(server.address);
    disturb(&server);
    assert!(!conversation.has_failed(), "the conversation broke off");
    let talk = conversation.end();
    assert!(talk.lines >= 10 && talk.slowest < BEARABLE, "{talk:?}");
}

/// Says this many megabytes, no faster than the event log is printed.
fn say_much(server: &Server, megabytes: usize) {
    let mut speaker = Peer::connect(server.address);
    let line = "x".repeat(1000);
    let ten = format!("{line}\n").repeat(10);
    for _ in 0..megabytes * 100 {
        speaker.send(&ten);
        (0..10).for_each(|_| speaker.await_line(&line));
    }
}

#[test]
fn a_peer_that_never_reads_is_dropped_when_it_takes_nothing_for_too_long() {
    talk_while(&["--stall-timeout", "1", "--max-backlog", "100000000"], |server| {
        let mut deaf = Peer::connect(server.address);
        deaf.shrink_window();
        deaf.say("deaf");
        server.event_log().expect("deaf");
        say_much(server, 8);
        assert_eq!(server.reason_of(deaf.port()), "too slow");
    });
}

#[test]
fn a_peer_that_never_reads_is_dropped_when_it_is_too_far_behind() {
    talk_while(&["--stall-timeout", "600", "--max-backlog", "1000000"], |server| {
        let mut deaf = Peer::connect(server.address);
        deaf.shrink_window();
        deaf.say("deaf");
        server.event_log().expect("deaf");
        let begin = Instant::now();
        say_much(server, 8);
        assert_eq!(server.reason_of(deaf.port()), "too slow");
        assert!(begin.elapsed() < Duration::from_secs(60), "the stall timeout dropped it");
    });
}

#[test]
fn a_peer_that_never_writes_hears_everything() {
    talk_while(&[], |server| {
        let mut silent = server.join();
        let first = silent.line();
        assert!(first.starts_with("talk "), "{first}");
        let number: u64 = first["talk ".len()..].parse().unwrap();
        for next in number + 1..number + 100 {
            silent.expect(&format!("talk {next}"));
        }
    });
}

#[test]
fn a_line_may_come_a_byte_at_a_time_and_half_a_line_for_ever() {
    talk_while(&[], |server| {
        let mut half = server.join();
        half.send("this line never e");
        let mut slow = server.join();
        for byte in "slow but whole\n".bytes() {
            slow.send([byte]);
            thread::sleep(Duration::from_millis(20));
        }
        slow.await_line("slow but whole");
        half.await_line("slow but whole");
        half.send("nds\n");
        slow.await_line("this line never ends");
    });
}

#[test]
fn a_hundred_megabytes_without_a_newline_are_one_refusal() {
    talk_while(&[], |server| {
        let mut endless = server.join();
        let before = usage::peak_memory(server.id());
        let block = vec![b'x'; 1 << 20];
        let mut writer = endless.writer();
        let writing = thread::spawn(move || {
            (0..100).for_each(|_| writer.write_all(&block).unwrap());
            writer.write_all(b"\nstill here\n").unwrap();
        });
        let mut refusals = 0;
        loop {
            let line = endless.line();
            refusals += usize::from(line.starts_with("* Line refused: "));
            if line == "still here" {
                break;
            }
        }
        writing.join().unwrap();
        assert_eq!(refusals, 1);
        let grown = usage::peak_memory(server.id()) - before;
        assert!(grown < 16 * 1024, "the server grew by {grown} KiB");
    });
}

#[test]
fn random_bytes_reach_nobody_as_they_were() {
    talk_while(&[], |server| {
        let mut listener = server.join();
        let mut noise = server.join();
        let mut writer = noise.writer();
        let writing = thread::spawn(move || {
            // A simple random number generator, with the same numbers in each run.
            let mut state = 88_172_645_463_325_252_u64;
            for _ in 0..2000 {
                let block: Vec<u8> = std::iter::repeat_with(|| {
                    state ^= state << 13;
                    state ^= state >> 7;
                    state ^= state << 17;
                    state.to_le_bytes()
                })
                .take(128)
                .flatten()
                .collect();
                writer.write_all(&block).unwrap();
            }
            writer.write_all("\n\x1b]0;title\x07\u{202e}\nthat was it\n".as_bytes()).unwrap();
        });
        let mut lines = 0;
        loop {
            // Every function that reads a line here asserts that it is UTF-8.
            let line = listener.line();
            let harmful = line.chars().find(|&character| {
                (character.is_control() && character != '\t')
                    || matches!(character, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
            });
            assert_eq!(harmful, None, "in {line:?}");
            lines += usize::from(!line.starts_with("talk "));
            if line == "that was it" {
                break;
            }
        }
        writing.join().unwrap();
        noise.await_line("that was it");
        assert!(lines > 1000, "only {lines} lines came");
    });
}

#[test]
fn coming_and_going_five_thousand_times_disturbs_nobody() {
    const THREADS: usize = 4;
    talk_while(&["--quiet"], |server| {
        let mut witness = Peer::connect(server.address);
        thread::scope(|scope| {
            for _ in 0..THREADS {
                scope.spawn(|| {
                    for round in 0..5000 / THREADS {
                        let mut peer = Peer::connect(server.address);
                        match round % 4 {
                            0 => drop(peer),
                            1 => peer.reset(),
                            2 => {
                                peer.send("half a li");
                                peer.reset();
                            }
                            _ => {
                                // Sends nothing, and reads until the server closes the connection.
                                peer.finish();
                                assert_eq!(peer.rest().1, Ending::Closed);
                            }
                        }
                    }
                });
            }
        });
        witness.say("that was all");
        witness.await_line("that was all");
        // The threads of the witness, of the three peers of the conversation, and of the server.
        wait_until("their threads have ended", || usage::threads(server.id()) <= 12);
    });
}

/// Sends as fast as the server takes the data, until `stop` is set or the connection fails. Returns
/// the error.
fn flood(mut stream: TcpStream, stop: &AtomicBool) -> Option<ErrorKind> {
    let lines = "noise that is said as fast as it goes\n".repeat(100);
    while !stop.load(Relaxed) {
        if let Err(error) = stream.write_all(lines.as_bytes()) {
            return Some(error.kind());
        }
    }
    None
}

#[test]
fn floods_drop_no_reader() {
    // All readers share this machine with the flood, so they may get no processor for a while.
    talk_while(&["--quiet", "--max-backlog", "67108864"], |server| {
        let stop = &AtomicBool::new(false);
        let taken = &AtomicU64::new(0);
        thread::scope(|scope| {
            for _ in 0..3 {
                let peer = Peer::connect(server.address);
                let (mut reader, writer) = (peer.writer(), peer.writer());
                scope.spawn(|| flood(writer, stop));
                scope.spawn(move || {
                    let mut buffer = vec![0; 64 * 1024];
                    while !stop.load(Relaxed) {
                        let length = reader.read(&mut buffer).expect("a reader stays");
                        assert!(length > 0, "a reader was dropped");
                        taken.fetch_add(length as u64, Relaxed);
                    }
                    // The writer may still wait for the server, because this peer reads no more.
                    let _ = reader.shutdown(Shutdown::Both);
                });
            }
            wait_until("this is a flood", || taken.load(Relaxed) > 20_000_000);
            stop.store(true, Relaxed);
        });
    });
}

#[test]
fn a_flood_by_peers_that_do_not_read_ends_with_them() {
    talk_while(&["--quiet", "--stall-timeout", "1"], |server| {
        let stop = &AtomicBool::new(false);
        let before = usage::memory(server.id());
        let deaf: Vec<_> = (0..3).map(|_| Peer::connect(server.address)).collect();
        thread::scope(|scope| {
            let floods = deaf.iter().map(|peer| scope.spawn(|| flood(peer.writer(), stop)));
            for flood in floods.collect::<Vec<_>>() {
                let end = flood.join().unwrap();
                let cut_off = [Some(ErrorKind::ConnectionReset), Some(ErrorKind::BrokenPipe)];
                assert!(cut_off.contains(&end), "not dropped: {end:?}");
            }
        });
        let grown = usage::peak_memory(server.id()) - before;
        assert!(grown < 200 * 1024, "the server grew by {grown} KiB");
    });
}
