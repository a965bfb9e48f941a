//! A terminal that takes nothing, for a while or for ever.

use std::time::{Duration, Instant};

use crate::support::pty::client;
use crate::support::server::Server;

/// Lines that wait at the most; the oldest of more are dropped.
const WAITING: usize = 10_000;

/// How many of its lines a client has on their way at the most.
const WINDOW: usize = 64;

/// How much longer than elsewhere `/quit` may take at a terminal that takes nothing.
const LONGER: Duration = Duration::from_millis(500);

/// How long a terminal takes nothing before the user has had enough.
const STUCK: Duration = Duration::from_secs(5);

/// On a busy machine one try may be held up by others.
const TRIES: usize = 3;

#[test]
fn a_terminal_that_takes_nothing_does_not_delay_the_connection() {
    let server = Server::start(&[]);
    let mut ann = client(&server, "Ann", 80);
    let mut bob = server.join();
    ann.stop();
    // More than all the buffers on the way hold.
    let filler = format!("Bob: {}", "x".repeat(500));
    bob.send(format!("{filler}\n").repeat(4000));
    let from = Instant::now();
    let mut number = 0;
    while from.elapsed() < STUCK {
        number += 1;
        ann.type_line(&format!("still here {number}"));
        bob.await_line(&format!("Ann: still here {number}"));
    }
    // It would end with an error if a line of its own had not come back.
    ann.type_line("/quit");
    bob.await_line("Ann Disconnected!");
    ann.process.exits(0);
}

#[test]
fn a_terminal_that_takes_nothing_does_not_delay_the_end() {
    let server = Server::start(&[]);
    let mut differences = Vec::new();
    for _ in 0..TRIES {
        let [elsewhere, here] = [false, true].map(|is_stuck| time_to_quit(&server, is_stuck));
        if here <= elsewhere + LONGER {
            return;
        }
        differences.push((here, elsewhere));
    }
    panic!("it took so long, and elsewhere so long: {differences:?}");
}

/// How long a client takes to end after `/quit`.
fn time_to_quit(server: &Server, is_stuck: bool) -> Duration {
    let mut ann = client(server, "Ann", 80);
    let mut bob = server.join();
    if is_stuck {
        ann.stop();
    }
    bob.send(format!("Bob: {}\n", "x".repeat(500)).repeat(4000));
    bob.send("Bob: that is all\n");
    bob.await_line("Bob: that is all");
    if !is_stuck {
        ann.wait_row("Bob: that is all");
    }
    ann.type_line("a last word");
    bob.await_line("Ann: a last word");
    let from = Instant::now();
    ann.type_line("/quit");
    ann.process.exits(0);
    let took = from.elapsed();
    bob.await_line("Ann Disconnected!");
    assert!(ann.is_as_before());
    took
}

#[test]
fn the_oldest_of_too_many_waiting_lines_are_dropped_with_a_note() {
    let server = Server::start(&[]);
    let mut ann = client(&server, "Ann", 80);
    let mut bob = server.join();
    ann.stop();
    let filler = "x".repeat(60);
    let lines = 4 * WAITING;
    let said: Vec<String> = (0..lines).map(|n| format!("Bob: {filler} {n}.\n")).collect();
    bob.send(said.concat());
    bob.await_line(said[lines - 1].trim_end());
    // It says the last of these when the first has come back, and so all that was before.
    for number in 0..=WINDOW {
        ann.type_line(&format!("own {number}."));
    }
    let last = format!("Ann: own {WINDOW}.");
    bob.await_line(&last);
    ann.go_on();
    ann.wait("the last", |view| view.is_on_the_right(&last));
    ann.look(|view| {
        let written = view.written();
        let notes: Vec<&str> =
            written.split(" lines were not shown: the terminal took nothing").collect();
        let dropped = notes[..notes.len() - 1].iter().map(|before| {
            let number = before.rsplit(|c: char| !c.is_ascii_digit()).next().unwrap_or_default();
            number.parse::<usize>().expect("a number of lines")
        });
        let dropped: usize = dropped.sum();
        let shown = written.matches(&filler).count();
        // Each of its own lines takes a place, or two: it is shown as waiting as well if it is late.
        let own = 2 * (WINDOW + 1);
        assert!(shown >= WAITING - own, "{shown}");
        assert!(dropped > 0);
        let all = dropped + shown;
        assert!((lines..=lines + own).contains(&all), "{dropped} dropped, {shown} shown");
        assert!(written.contains(&format!(" {}.", lines - 1)), "the newest is shown");
    });
}
