//! The client's promises about its lines, tested with faulty servers.

use std::fs;
use std::time::{Duration, Instant};

use crate::support::fake::{Fake, failure};
use crate::support::process::client;
use crate::support::script::{numbers, said};
use crate::support::server::Server;
use crate::support::wait_until;

/// How many lines may be in flight. With this limit, a script cannot flood a room.
const WINDOW: usize = 64;

#[test]
fn no_more_is_on_its_way_than_a_window_holds() {
    let fake = Fake::listen();
    let mut ann = client(fake.address(), &["--name", "Ann", "--give-up-after", "1"]);
    ann.pipe(numbers(500));
    let mut call = fake.answer();
    call.expect(&said("Ann", WINDOW));
    // Each line that comes back makes room for one more line.
    let lines = said("Ann", 500);
    call.say(&lines[0]);
    call.say(&lines[1]);
    call.expect(&lines[WINDOW..WINDOW + 2]);
    assert!(failure(&mut ann).contains("64 lines may not have arrived"));
    let rest: Vec<_> = std::iter::from_fn(|| call.hear()).collect();
    assert_eq!(rest, Vec::<String>::new(), "said without waiting");
    assert_eq!(ann.out.lines(), said("Ann", 2));
}

#[test]
fn unconfirmed_lines_are_said_again() {
    let fake = Fake::listen();
    let mut ann = client(fake.address(), &["--name", "Ann"]);
    ann.pipe(numbers(100));
    let lines = said("Ann", 100);
    let mut call = fake.answer();
    call.echo(&lines[..10]);
    call.expect(&lines[10..10 + WINDOW]);
    // A server that says goodbye has delivered every line that it received.
    call.say("Server @PORT #1 Offline...");
    drop(call);
    let mut call = fake.answer();
    call.echo(&lines[10..]);
    call.expect(&["Ann Disconnected!".to_owned()]);
    drop(call);
    ann.exits(0);
    let said = [&lines[..10], &["Server @PORT #1 Offline...".to_owned()], &lines[10..]].concat();
    assert_eq!(ann.out.lines(), said);
}

#[test]
fn a_killed_server_may_have_confirmed_a_line_that_others_missed() {
    let fake = Fake::listen();
    let mut ann = client(fake.address(), &["--name", "Ann"]);
    for line in 1..=3 {
        ann.type_line(&line.to_string());
    }
    let lines = said("Ann", 4);
    let mut call = fake.answer();
    call.echo(&lines[..3]);
    ann.out.expect("Ann: 3");
    call.reset();
    let mut call = fake.answer();
    ann.type_line("4");
    call.echo(&lines);
    ann.end_input();
    call.expect(&["Ann Disconnected!".to_owned()]);
    drop(call);
    ann.exits(0);
    assert_eq!(ann.out.lines(), lines, "its own lines are shown once");
}

#[test]
fn patience_has_an_end() {
    let nobody = Fake::listen().address();
    let begin = Instant::now();
    let mut ann = client(nobody, &["--name", "Ann", "--give-up-after", "1"]);
    ann.pipe(numbers(3));
    let why = failure(&mut ann);
    assert!(why.contains("3 lines may not have arrived"), "{why}");
    let took = begin.elapsed();
    assert!(took >= Duration::from_secs(1), "{took:?}");
}

#[test]
fn a_full_server_tells_why_and_is_not_stormed() {
    let server = Server::start(&["--max-clients", "1"]);
    let mut guest = server.join();
    let mut late = client(server.address, &["--name", "Ann", "--give-up-after", "1"]);
    late.pipe(numbers(3));
    let why = failure(&mut late);
    assert!(why.contains("3 lines may not have arrived"), "{why}");
    let full = |line: &str| line.contains("(the server is full); retrying until there is a place");
    assert_eq!(late.err.count(full), 1, "{:?}", late.err.lines());
    assert_eq!(late.err.lines().len(), 2, "one line, and the reason: {:?}", late.err.lines());
    assert_eq!(late.out.lines(), Vec::<String>::new());

    let mut patient = client(server.address, &["--name", "Bob"]);
    patient.pipe(numbers(3));
    patient.err.line("the reason", full);
    guest.finish();
    guest.expect_end();
    patient.exits(0);
    server.event_log().expect("Bob: 3");
}

#[test]
fn without_reconnecting_a_client_counts_unconfirmed_lines() {
    let fake = Fake::listen();
    let mut ann = client(fake.address(), &["--name", "Ann", "--no-reconnect"]);
    ann.pipe(numbers(10));
    let lines = said("Ann", 10);
    let mut call = fake.answer();
    call.echo(&lines[..4]);
    call.expect(&lines[4..]);
    drop(call);
    let why = failure(&mut ann);
    assert!(why.contains("6 lines may not have arrived"), "{why}");

    // The user may have had more to say.
    let mut ann = client(fake.address(), &["--name", "Ann", "--no-reconnect"]);
    ann.type_line("one");
    let mut call = fake.answer();
    call.echo(&["Ann: one".to_owned()]);
    ann.out.line("the only line", |line| line == "Ann: one");
    drop(call);
    let why = failure(&mut ann);
    assert!(why.ends_with(" Lost (the server closed it)"), "{why}");

    // The client has no more lines, so the end of the connection is no failure.
    let mut ann = client(fake.address(), &["--name", "Ann", "--stay", "--no-reconnect"]);
    ann.type_line("one");
    let mut call = fake.answer();
    call.echo(&["Ann: one".to_owned()]);
    ann.end_input();
    // Only Linux shows when the client has read the end. Elsewhere it must be fast.
    wait_until("the client has read its input", || !has_thread(ann.id(), "input"));
    call.say("Bob: hello");
    drop(call);
    ann.exits(0);
    assert_eq!(ann.out.lines(), ["Ann: one", "Bob: hello"]);
}

fn has_thread(process: u32, name: &str) -> bool {
    let threads = fs::read_dir(format!("/proc/{process}/task")).into_iter().flatten().flatten();
    let mut names =
        threads.filter_map(|thread| fs::read_to_string(thread.path().join("comm")).ok());
    names.any(|it| it.trim_end() == name)
}

#[test]
fn without_echo_a_client_shows_its_own_lines_itself() {
    const LINES: usize = 5000;
    let server = Server::start(&["--echo", "others"]);
    let mut bob = server.join();
    let mut ann = client(server.address, &["--name", "Ann", "--local-echo"]);
    ann.pipe(numbers(LINES));
    for line in said("Ann", LINES) {
        bob.expect(&line);
    }
    bob.expect("Ann Disconnected!");
    ann.exits(0);
    crate::support::assert_same("Ann", &ann.out.lines(), &said("Ann", LINES));
}

#[test]
fn a_client_that_leaves_at_once_has_said_that_it_was_connected() {
    let server = Server::start(&["--echo", "others"]);
    let mut ann = client(server.address, &["--name", "Ann", "--local-echo"]);
    ann.end_input();
    ann.exits(0);
    let notices = ann.err.lines();
    let successes = notices.iter().filter(|line| line.contains(" Successful! You are Ann "));
    assert_eq!(successes.count(), 1, "{notices:?}");
}

#[test]
fn a_line_that_is_too_long_is_refused_and_the_rest_arrives() {
    let server = Server::start(&["--max-line", "20"]);
    let mut bob = server.join();
    let mut ann = client(server.address, &["--name", "Ann"]);
    // The client itself refuses the first line. Only this server refuses the second.
    let (longest, long) = ("x".repeat(2000), "y".repeat(100));
    ann.pipe(format!("one\n{longest}\ntwo\n{long}\nthree\n"));
    let why = failure(&mut ann);
    assert!(why.contains("2 lines were too long"), "{why}");
    for line in ["Ann: one", "Ann: two", "Ann: three", "Ann Disconnected!"] {
        bob.expect(line);
    }
    let notices = ann.err.lines().join("\n");
    assert!(notices.contains("1024 bytes"), "names its own limit: {notices}");
    assert!(notices.contains(&long), "names the line: {notices}");
    let heard = ann.out.lines().join("\n");
    assert!(heard.contains("20 bytes"), "names the server's limit: {heard}");
}

#[test]
fn a_line_is_sent_as_it_will_come_back() {
    let server = Server::start(&[]);
    let mut ann = client(server.address, &["--name", "Ann"]);
    ann.pipe("\u{1b}[2Jclear\r\n\n\u{202e}back\nno newline".to_owned());
    ann.exits(0);
    let heard = ann.out.lines();
    assert_eq!(heard[..3], ["Ann: ␛[2Jclear", "Ann: \u{fffd}back", "Ann: no newline"]);
}
