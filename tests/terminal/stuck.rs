//! A terminal that takes no output, for a while or for ever.

use std::time::{Duration, Instant};

use crate::support::pty::client;
use crate::support::server::Server;

/// The highest number of waiting lines. If there are more, the oldest are dropped.
const WAITING: usize = 10_000;

/// The highest number of own lines that a client has in flight.
const WINDOW: usize = 64;

/// How much longer `/quit` may take on a terminal that takes no output.
const LONGER: Duration = Duration::from_millis(500);

/// How long the terminal takes no output before the user gives up.
const STUCK: Duration = Duration::from_secs(5);

/// On a busy machine, other programs may delay a try.
const TRIES: usize = 3;

#[test]
fn a_terminal_that_takes_nothing_does_not_delay_the_connection() {
    let server = Server::start(&[]);
    let mut ann = client(&server, "Ann", 80);
    let mut bob = server.join();
    ann.stop();
    // More than all the buffers between the two can hold.
    let filler = format!("Bob: {}", "x".repeat(500));
    bob.send(format!("{filler}\n").repeat(4000));
    let from = Instant::now();
    let mut number = 0;
    while from.elapsed() < STUCK {
        number += 1;
        ann.type_line(&format!("still here {number}"));
        bob.await_line(&format!("Ann: still here {number}"));
    }
    // The client would end with an error if an own line had not come back.
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
    panic!("times here and elsewhere: {differences:?}");
}

/// The time from `/quit` to the end of a client.
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
    // The client sends the last of these lines only after the first has come back. So all lines
    // before the first have arrived, too.
    for number in 0..=WINDOW {
        ann.type_line(&format!("own {number}."));
    }
    let last = format!("Ann: own {WINDOW}.");
    bob.await_line(&last);
    ann.go_on();
    ann.wait("the last", |view| view.is_own(&last));
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
        // Each own line takes one place, or two if it is late: then it is also shown as waiting.
        let own = 2 * (WINDOW + 1);
        assert!(shown >= WAITING - own, "{shown}");
        assert!(dropped > 0);
        let all = dropped + shown;
        assert!((lines..=lines + own).contains(&all), "{dropped} dropped, {shown} shown");
        assert!(written.contains(&format!(" {}.", lines - 1)), "the newest is shown");
    });
}
