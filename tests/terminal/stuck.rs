//! A terminal that takes nothing, for a while or for ever.

use std::time::{Duration, Instant};

use crate::support::pty::client;
use crate::support::server::Server;

/// Lines that wait at the most; the oldest of more are dropped.
const WAITING: usize = 10_000;

/// Within half a second a client ends whose terminal takes nothing; a busy machine needs more.
const AT_ONCE: Duration = Duration::from_secs(3);

#[test]
fn a_terminal_that_takes_nothing_delays_neither_the_connection_nor_the_end() {
    let server = Server::start(&[]);
    let mut ann = client(&server, "Ann", 80);
    let mut bob = server.join();
    ann.stop();
    // More than all the buffers on the way hold.
    bob.send(format!("Bob: {}\n", "x".repeat(500)).repeat(4000));
    ann.type_line("still here");
    bob.await_line("Ann: still here");
    let from = Instant::now();
    ann.type_line("/quit");
    bob.await_line("Ann Disconnected!");
    ann.process.exits(0);
    assert!(from.elapsed() < AT_ONCE, "{:?}", from.elapsed());
    assert!(ann.is_as_before());
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
    ann.type_line("the last");
    bob.await_line("Ann: the last");
    ann.go_on();
    ann.wait("the last", |view| view.is_on_the_right("Ann: the last"));
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
        assert!(shown >= WAITING - 1, "{shown}");
        assert!(dropped > 0);
        assert_eq!(dropped + shown, lines, "{dropped} dropped, {shown} shown");
        assert!(written.contains(&format!(" {}.", lines - 1)), "the newest is shown");
    });
}
