//! Messages that end the connection each time. After three times the client gives such a message up, and
//! no other message ever.

use std::thread;
use std::time::Duration;

use crate::support::fake::{Call, Fake, failure};
use crate::support::process::{Process, client};

/// Within this time a line that ends the connection does so.
const ROUND: Duration = Duration::from_secs(1);

/// The kinds of clients. Without an echo, the input stays open: at its end such a client would leave.
const KINDS: [&[&str]; 4] =
    [&[], &["--framing", "raw"], &["--local-echo"], &["--framing", "raw", "--local-echo"]];

fn is_complaint(line: &str) -> bool {
    line.contains("Given up")
}

/// A server that ends the first connections in these ways: `q` reads the message and hangs up, `s` does so
/// after more than a second, `f` is full, `r` is not there. Then it reads the message and lives on.
/// Returns the client and the server, and the connection on which the message came last.
fn after(endings: &str, flags: &[&str]) -> (Process, Fake, Option<Call>) {
    let mut fake = Fake::listen();
    let address = fake.address();
    let mut ann = client(address, &[&["--name", "Ann"], flags].concat());
    let is_raw = flags.contains(&"raw");
    ann.type_line("(quit)");
    for (lost, ending) in endings.chars().enumerate() {
        if ending == 'r' {
            let before = ann.err.count(|line| line.contains(" Failed ("));
            drop(fake);
            ann.err.at_least(before + 1, "an attempt", |line| line.contains(" Failed ("));
            fake = Fake::at(address);
            continue;
        }
        let mut call = fake.answer();
        if ending == 'f' {
            call.say("* Server full: 1 clients are connected, try again later");
        } else {
            assert_eq!(call.hear_bytes(11), "Ann: (quit)", "connection {lost} of {endings}");
        }
        if ending == 's' {
            thread::sleep(ROUND * 5 / 4);
        }
        drop(call);
    }
    if endings.ends_with("qqq") {
        return (ann, fake, None);
    }
    let mut call = fake.answer();
    assert_eq!(call.hear_bytes(11), "Ann: (quit)", "after {endings}");
    call.send(if is_raw { "Ann: (quit)" } else { "\nAnn: (quit)\n" });
    ann.out.line("it is shown", |line| line == "Ann: (quit)");
    (ann, fake, Some(call))
}

/// Plays these endings for each kind of client at the same time.
fn for_each(endings: &[&str], kinds: &[&[&str]], check: impl Fn(&str, &mut Process) + Sync) {
    thread::scope(|scope| {
        for flags in kinds {
            for endings in endings {
                let check = &check;
                scope.spawn(move || {
                    let (mut ann, _fake, _call) = after(endings, flags);
                    check(endings, &mut ann);
                });
            }
        }
    });
}

#[test]
fn a_message_that_ends_three_connections_is_given_up() {
    for_each(&["qqq", "qqfqqq", "qqrqqq"], &KINDS, |endings, ann| {
        let complaint = ann.err.line("a complaint", is_complaint);
        assert!(complaint.ends_with(": Ann: (quit)"), "{endings}: {complaint}");
        ann.end_input();
        assert_eq!(
            failure(ann),
            "tcp-chat: 1 line may not have arrived: given up, the connection ended each time"
        );
    });
}

#[test]
fn a_full_server_and_a_failed_connection_begin_a_new_count() {
    for_each(&["qq", "qqfqq", "qqrqq", "qqfqqrqq"], &KINDS, |endings, ann| {
        ann.end_input();
        ann.exits(0);
        assert_eq!(ann.err.count(is_complaint), 0, "{endings}");
    });
}

#[test]
fn a_message_that_the_connection_outlives_by_a_second_is_not_given_up() {
    for_each(&["ssss", "qssqs"], &KINDS[..2], |endings, ann| {
        ann.end_input();
        ann.exits(0);
        assert_eq!(ann.err.count(is_complaint), 0, "{endings}");
    });
}

/// A connection that ends before the message could be sent says nothing about the message.
#[test]
fn a_message_that_was_not_sent_is_not_given_up() {
    for flags in KINDS {
        let fake = Fake::listen();
        let mut ann = client(fake.address(), &[&["--name", "Ann"], flags].concat());
        drop(fake.answer());
        ann.err.line("the loss", |line| line.contains(" Lost ("));
        ann.type_line("hello");
        for lost in 2..6 {
            let call = fake.answer();
            ann.err.at_least(lost, "a connection", |line| line.contains("Successful!"));
            drop(call);
        }
        let mut call = fake.answer();
        assert_eq!(call.hear_bytes(10), "Ann: hello");
        assert_eq!(ann.err.count(is_complaint), 0);
    }
}

/// Many lines go out together, so at first any of them may be the one.
#[test]
fn the_neighbours_of_such_a_message_are_delivered() {
    let fake = Fake::listen();
    let mut ann = client(fake.address(), &["--name", "Ann"]);
    ann.pipe("one\ntwo\n(quit)\nthree\nfour\n".to_owned());
    let mut heard = Vec::new();
    while !ann.has_ended() {
        let Some(mut call) = fake.try_answer() else { continue };
        while let Some(line) = call.hear() {
            let is_poison = line == "Ann: (quit)";
            heard.push(line.clone());
            if is_poison {
                break;
            }
            call.say(&line);
        }
    }
    assert_eq!(
        failure(&mut ann),
        "tcp-chat: 1 line may not have arrived: given up, the connection ended each time"
    );
    let shown = ann.out.lines();
    let shown = shown.iter().filter(|line| line.starts_with("Ann: "));
    assert_eq!(shown.collect::<Vec<_>>(), ["Ann: one", "Ann: two", "Ann: three", "Ann: four"]);
    let poison = heard.iter().filter(|line| *line == "Ann: (quit)");
    assert_eq!(poison.count(), 3, "{heard:?}");
}

/// A server that expects something else hangs up on each message. Each is sent three times, alone.
#[test]
fn a_server_that_hangs_up_on_every_message_is_told_each_three_times() {
    let fake = Fake::listen();
    let flags = ["--name", "Ann", "--framing", "raw"];
    let mut ann = client(fake.address(), &flags);
    ann.pipe("one\ntwo\n".to_owned());
    for text in ["one", "two"] {
        for _ in 0..3 {
            let text = format!("Ann: {text}");
            assert_eq!(fake.answer().hear_bytes(text.len()), text);
        }
    }
    assert_eq!(fake.answer().hear_bytes(17), "Ann Disconnected!");
    assert_eq!(
        failure(&mut ann),
        "tcp-chat: 2 lines may not have arrived: given up, the connection ended each time"
    );
    assert_eq!(ann.err.count(is_complaint), 2);
}

/// Without an echo, nobody can see which of several messages it was. The one that goes out alone is
/// known when the connection has outlived it.
#[test]
fn without_an_echo_the_messages_after_a_loss_wait_for_a_second() {
    let fake = Fake::listen();
    let mut ann = client(fake.address(), &["--name", "Ann", "--local-echo"]);
    let mut call = fake.answer();
    ann.type_line("one");
    ann.type_line("two");
    call.expect(&["Ann: one".to_owned(), "Ann: two".to_owned()]);
    drop(call);
    let mut call = fake.answer();
    call.expect(&["Ann: one".to_owned()]);
    let begin = std::time::Instant::now();
    call.expect(&["Ann: two".to_owned()]);
    let waited = begin.elapsed();
    assert!(waited > ROUND / 2, "it waited {waited:?}");
    ann.end_input();
    call.expect(&["Ann Disconnected!".to_owned()]);
    drop(call);
    ann.exits(0);
}

/// The connection has outlived the first message, so the next one begins a new count.
#[test]
fn a_message_does_not_inherit_the_count_of_another() {
    thread::scope(|scope| {
        for flags in &KINDS[2..] {
            scope.spawn(move || {
                let fake = Fake::listen();
                let mut ann = client(fake.address(), &[&["--name", "Ann"], *flags].concat());
                ann.type_line("(quit)");
                for lost in 0..3 {
                    let mut call = fake.answer();
                    assert_eq!(call.hear_bytes(11), "Ann: (quit)");
                    if lost == 2 {
                        thread::sleep(ROUND * 5 / 4);
                    }
                }
                ann.err.at_least(3, "the loss", |line| line.contains(" Lost ("));
                ann.type_line("next");
                for _ in 0..3 {
                    assert_eq!(fake.answer().hear_bytes(9), "Ann: next");
                }
                assert_eq!(ann.err.count(is_complaint), 0, "{:?}", ann.err.lines());
            });
        }
    });
}
