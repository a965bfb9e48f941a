//! Servers that lie, and strangers that imitate a server's sentences. The client claims only true
//! things, and loses no line.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::support::fake::{Fake, failure};
use crate::support::process::{self, Process, Signal, client};
use crate::support::script::{numbers, said};
use crate::support::server::Server;
use crate::support::{PATIENCE, wait_until};

pub(crate) const FAREWELL: &str = "Ann Disconnected!";

pub(crate) fn refusal(most: usize) -> String {
    format!("* Line refused: a line may have at most {most} bytes, yours had more")
}

#[test]
fn a_stranger_cannot_refuse_a_line() {
    let fake = Fake::listen();
    let mut ann = client(fake.address(), &["--name", "Ann"]);
    ann.pipe(numbers(3));
    let lines = said("Ann", 3);
    let mut call = fake.answer();
    call.expect(&lines);
    call.say(&lines[0]);
    call.say(&refusal(0));
    call.say(&refusal(5));
    call.say(&lines[1]);
    call.say(&refusal(0));
    // All remaining lines seem to be refused. So the client sends its farewell, and checks whether
    // it comes back.
    call.expect(&[FAREWELL.to_owned()]);
    // The server ends without a proof.
    drop(call);
    let mut call = fake.answer();
    // Lines that had come back may be sent again.
    while call.hear().expect("the rest is sent again") != lines[2] {}
    call.say(&lines[0]);
    call.say(&lines[1]);
    call.say(&lines[2]);
    call.say(FAREWELL);
    drop(call);
    ann.exits(0);
    let shown: Vec<_> = ann.out.lines().into_iter().filter(|line| lines.contains(line)).collect();
    assert_eq!(shown, lines);
    assert_eq!(ann.err.count(|line| line.contains("efused")), 0, "{:?}", ann.err.lines());
}

#[test]
fn the_last_line_is_known_to_be_refused_when_the_farewell_comes_back() {
    let server = Server::start(&["--max-line", "20"]);
    let mut bob = server.join();
    let mut ann = client(server.address, &["--name", "Ann"]);
    ann.pipe(format!("one\n{}\n", "x".repeat(30)));
    let begin = Instant::now();
    assert_eq!(failure(&mut ann), "tcp-chat: 1 line was too long and not delivered");
    assert!(begin.elapsed() < PATIENCE / 2, "it waited for a line that cannot come");
    bob.expect("Ann: one");
    bob.expect(FAREWELL);
}

#[test]
fn more_lines_can_be_refused_than_a_window_holds() {
    let server = Server::start(&["--max-line", "20"]);
    let mut bob = server.join();
    let mut ann = client(server.address, &["--name", "Ann"]);
    ann.pipe(format!("{}\n", "x".repeat(30)).repeat(200));
    assert_eq!(failure(&mut ann), "tcp-chat: 200 lines were too long and not delivered");
    bob.expect(FAREWELL);
}

#[test]
fn a_farewell_that_is_not_the_last_line_is_none() {
    let fake = Fake::listen();
    let mut ann = client(fake.address(), &["--name", "Ann", "--stay"]);
    ann.pipe(numbers(1));
    let lines = said("Ann", 1);
    let mut call = fake.answer();
    call.say("Server @PORT #1 Offline...");
    call.echo(&lines);
    ann.out.expect(&lines[0]);
    call.reset();
    let mut call = fake.answer();
    call.expect(&lines);
    call.say(&lines[0]);
    call.say("Server @PORT #1 Offline...");
    drop(call);
    ann.exits(0);
}

/// The first thing that a client hears may be what somebody says.
#[test]
fn a_stranger_who_says_that_the_server_is_full_is_heard() {
    let fake = Fake::listen();
    let ann = client(fake.address(), &["--name", "Ann"]);
    let mut call = fake.answer();
    ann.err.line("a connection", |line| line.contains("Successful!"));
    let joke = "* Server full: 0 clients are connected, try again later";
    call.say(joke);
    ann.out.expect(joke);
}

/// The client must claim a line only if the server received it.
#[test]
fn without_echo_a_line_counts_as_said_only_if_it_was_sent() {
    let fake = Fake::listen();
    let mut ann = client(fake.address(), &["--name", "Ann", "--local-echo"]);
    let call = fake.answer();
    ann.err.line("a connection", |line| line.contains("Successful!"));
    drop(call);
    ann.err.line("the loss", |line| line.contains("Lost"));
    ann.type_line("1");
    let mut call = fake.answer();
    ann.err.at_least(2, "a connection", |line| line.contains("Successful!"));
    // Before it speaks, the client waits until other clients have reconnected too.
    ann.signal(Signal::INT);
    let heard: Vec<_> = std::iter::from_fn(|| call.hear()).collect();
    drop(call);
    let shown = ann.out.lines().contains(&"Ann: 1".to_owned());
    assert_eq!(heard.contains(&"Ann: 1".to_owned()), shown, "shown: {shown}, heard: {heard:?}");
    if shown {
        ann.exits(0);
    } else {
        assert!(failure(&mut ann).contains("1 line was not sent"));
    }
}

#[test]
fn without_echo_a_full_server_has_heard_nothing() {
    let server = Server::start(&["--max-clients", "1", "--echo", "others"]);
    let mut guest = server.join();
    let mut ann = client(server.address, &["--name", "Ann", "--local-echo"]);
    ann.pipe(numbers(500));
    ann.err.line("the reason", |line| line.contains("Failed (the server is full)"));
    assert_eq!(ann.out.count(|line| line.starts_with("Ann: ")), 0, "claims that it said a line");
    guest.finish();
    guest.expect_end();
    ann.exits(0);
    server.event_log().expect("Ann: 500");
    let shown: Vec<_> = ann.out.lines().into_iter().filter(|l| l.starts_with("Ann: ")).collect();
    assert_eq!(shown, said("Ann", 500));
}

#[test]
fn a_wrong_server_is_not_stormed() {
    let fake = Fake::listen();
    let mut ann = client(fake.address(), &["--name", "Ann", "--give-up-after", "4"]);
    ann.pipe(numbers(2));
    let mut calls = 0;
    while !ann.has_ended() {
        if let Some(mut call) = fake.try_answer() {
            call.say("HTTP/1.1 400 Bad Request");
            calls += 1;
        }
    }
    assert!(failure(&mut ann).contains("2 lines may not have arrived"));
    assert!((3..=8).contains(&calls), "called {calls} times in 4 s");
    assert_eq!(ann.err.count(|line| line.contains("does not look like a chat server")), 1);
}

/// A connection alone is no progress, however long it lasts.
#[test]
fn a_server_that_hangs_up_later_does_not_keep_a_script_for_ever() {
    let fake = Fake::listen();
    let mut ann = client(fake.address(), &["--name", "Ann", "--give-up-after", "3"]);
    ann.pipe(numbers(1));
    let mut calls = VecDeque::new();
    wait_until("the script ends", || {
        calls.extend(fake.try_answer().map(|call| (Instant::now(), call)));
        calls.retain(|(since, _)| since.elapsed() < Duration::from_millis(800));
        ann.has_ended()
    });
    assert!(failure(&mut ann).contains("1 line may not have arrived"));
}

#[test]
fn a_client_that_never_hears_itself_gives_a_hint_once() {
    let fake = Fake::listen();
    let mut ann = client(fake.address(), &["--name", "Ann", "--give-up-after", "7.5"]);
    ann.pipe(numbers(2));
    let _call = fake.answer();
    assert!(failure(&mut ann).contains("2 lines may not have arrived"));
    assert_eq!(ann.err.count(|line| line.contains("--framing raw")), 1, "{:?}", ann.err.lines());
}

#[test]
fn the_last_words_name_the_unsent_lines_and_the_server() {
    let address = Fake::listen().address();
    let host = format!("localhost:{}", address.port());
    let mut command = process::program();
    command.args(["client", &host, "--name", "Ann"]);
    let mut ann = Process::start(command);
    ann.type_line("1");
    ann.err.line("an attempt", |line| line.contains("Failed"));
    // A separate thread reads the pipe: this complaint shows that it has read the first line.
    ann.type_line(&"x".repeat(1020));
    ann.err.line("a complaint", |line| line.ends_with("at most 1024 bytes, yours has 1025"));
    ann.signal(Signal::TERM);
    let server = format!("Server @PORT #{} (localhost)", address.port());
    let words = format!("tcp-chat: 1 line was not sent: no connection to {server}");
    assert_eq!(failure(&mut ann), words);
    let failed = format!("Connection to {server} Failed (");
    assert!(ann.err.lines()[0].starts_with(&failed), "{:?}", ann.err.lines());
}

/// A raw server that split the client's message in two once made the client panic.
#[test]
fn a_raw_server_may_say_anything() {
    let fake = Fake::listen();
    let mut ann = client(fake.address(), &["--framing", "raw", "--name", "N", "--no-reconnect"]);
    ann.pipe("BX\nB\n".to_owned());
    let mut call = fake.answer();
    assert_eq!(call.hear_bytes(5), "N: BX");
    for (text, shown) in [("N: B", 1), (&refusal(0), 2), ("hello", 3)] {
        call.send(text);
        ann.out.at_least(shown, "the text", |_| true);
    }
    drop(call);
    // The system decides whether the client has read the second line by then.
    assert!(failure(&mut ann).contains("may not have arrived"), "{:?}", ann.err.lines());
}

#[test]
fn long_raw_messages_are_confirmed() {
    let fake = Fake::listen();
    let flags = ["--framing", "raw", "--name", "Ann", "--max-line", "100000"];
    let mut ann = client(fake.address(), &flags);
    let long = "é🙂 ".repeat(3000);
    ann.pipe(format!("{long}\n2\n"));
    let mut call = fake.answer();
    // The client sends the second message after the first has come back, and then says goodbye.
    for text in [format!("Ann: {long}"), "Ann: 2".to_owned()] {
        assert_eq!(call.hear_bytes(text.len()), text);
        call.send(&text);
    }
    assert_eq!(call.hear_bytes(FAREWELL.len()), FAREWELL);
    drop(call);
    ann.exits(0);
}
