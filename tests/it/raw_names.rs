//! Names of students' programs: asked for, sent first, put in front by the server, or by nobody. And the
//! command that a server prints for clients of ours.

use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread;

use crate::support::fake::Fake;
use crate::support::has;
use crate::support::peer::Peer;
use crate::support::process::{self, Process, Signal, client};
use crate::support::python::{RawClient, RawServer};
use crate::support::server::Server;

const ASK: [&str; 5] = ["--framing", "raw", "--name-first", "--ask", "NICK"];

#[test]
fn a_client_that_must_be_asked_first_is_asked() {
    if !has("python3") {
        return;
    }
    let server = Server::start(&ASK);
    // It sends `Eva`, and then `Eva: hello`.
    let mut eva = RawClient::connect(server.address, &["--name", "Eva", "--asked", "NICK"]);
    server.event_log().expect(&format!("Client @PORT #{} is Eva", eva.port));
    let mut bob = RawClient::connect(server.address, &["--name", "Bob", "--asked", "NICK"]);
    server.event_log().expect(&format!("Client @PORT #{} is Bob", bob.port));
    eva.say("hello");
    bob.shows(&["Eva: hello"]);
    // The next message may otherwise reach her together with her own.
    eva.shows(&["Eva: hello"]);
    bob.say("hi");
    eva.shows(&["Eva: hello", "Bob: hi"]);
    let names =
        server.event_log().lines().into_iter().filter(|line| line == "Eva" || line == "Bob");
    assert_eq!(names.count(), 0, "the room says no name");
}

#[test]
fn one_that_sends_bare_text_gets_its_name_in_front() {
    if !has("python3") {
        return;
    }
    let server = Server::start(&[&ASK[..], &["--prefix", "{name}: "]].concat());
    let flags = ["--name", "Eva", "--asked", "NICK", "--name-sent", "never"];
    let mut eva = RawClient::connect(server.address, &flags);
    server.event_log().expect(&format!("Client @PORT #{} is Eva", eva.port));
    eva.say("hello");
    eva.shows(&["Eva: hello"]);
}

/// The peers of a busy room speak all the time, and may speak when somebody joins.
#[test]
fn the_question_comes_before_any_message() {
    let server = Server::start(&[&ASK[..], &["--echo", "others"]].concat());
    let mut talker = Peer::connect(server.address);
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            while !over.load(Relaxed) {
                talker.send("x");
            }
        });
        let questions = (0..200).map(|_| Peer::connect(server.address).bytes(4));
        let questions: Vec<_> = questions.collect();
        over.store(true, Relaxed);
        assert!(questions.iter().all(|question| question == b"NICK"), "{questions:?}");
    });
}

#[test]
fn a_question_without_a_name_to_wait_for_is_wrong_usage() {
    for (flags, wrong) in [
        (&["--framing", "raw", "--ask", "NICK"][..], "--name-first"),
        (&["--framing", "raw", "--name-first", "--ask", ""], "--ask"),
    ] {
        let mut command = process::program();
        command.arg("server").args(flags);
        let mut server = Process::start(command);
        server.exits(2);
        let said = server.err.lines();
        assert!(said.len() == 1 && said[0].contains(wrong), "{said:?}");
    }
}

/// A name that is empty after sanitizing is none.
#[test]
fn the_event_log_shows_a_name_as_text_that_is_safe() {
    let server = Server::start(&ASK);
    let (long, cut) = ("é".repeat(40), "é".repeat(32));
    for (name, shown) in [(" Zoë\n", "Zoë"), ("\x1b[2JEva", "␛[2JEva"), (&*long, &*cut)] {
        let mut peer = server.join();
        assert_eq!(peer.bytes(4), b"NICK");
        peer.send(name);
        server.event_log().expect(&format!("Client @PORT #{} is {shown}", peer.port()));
    }
    let mut peer = server.join();
    peer.send(" \n");
    peer.finish();
    assert_eq!(server.reason_of(peer.port()), "left");
    let unnamed = format!("Client @PORT #{} is", peer.port());
    assert_eq!(server.event_log().count(|line| line.starts_with(&unnamed)), 0);
}

/// A client of ours for a student's server.
fn lou(server: &RawServer, flags: &[&str]) -> Process {
    client(server.address, &[&["--framing", "raw", "--name", "Lou"], flags].concat())
}

/// Stops a student's server, and starts it again on the same port.
fn restarted(mut server: RawServer, client: &Process, flags: &[&str]) -> RawServer {
    server.process.signal(Signal::INT);
    server.process.exits(0);
    client.err.line("the loss", |line| line.contains(" Lost ("));
    RawServer::at(server.address.port(), flags)
}

#[test]
fn a_server_that_asks_for_the_name_is_told_it_on_each_connection() {
    if !has("python3") {
        return;
    }
    let flags = ["--ask", "NICK", "--reuse-address"];
    let server = RawServer::start(&flags);
    let mut lou = lou(&server, &["--introduce=also"]);
    lou.type_line("one");
    lou.out.expect("Lou: one");
    server.receives(&["Lou", "Lou: one"]);
    // Others can join: the server has the name.
    let mut bob = RawClient::connect(server.address, &["--name", "Bob", "--asked", "NICK"]);
    // The server may otherwise read his name together with his message.
    server.has_welcomed(2);
    bob.say("hello");
    lou.out.expect("Bob: hello");

    let server = restarted(server, &lou, &flags);
    // The name comes at once, and not with the next message.
    server.receives(&["Lou"]);
    lou.type_line("two");
    lou.end_input();
    lou.exits(0);
    server.receives(&["Lou", "Lou: two", "Lou Disconnected!"]);
    let own = lou.out.lines().into_iter().filter(|line| line.starts_with("Lou: "));
    assert_eq!(own.collect::<Vec<_>>(), ["Lou: one", "Lou: two"]);
}

#[test]
fn bare_text_that_comes_back_to_one_who_gave_the_name_first_is_his_own() {
    if !has("python3") {
        return;
    }
    let flags = ["--name-first", "--speaker", "nobody", "--reuse-address"];
    let server = RawServer::start(&flags);
    let mut lou = lou(&server, &["--introduce"]);
    for text in ["one", "two"] {
        lou.type_line(text);
        lou.out.expect(text);
    }
    server.receives(&["Lou", "one", "two"]);
    let server = restarted(server, &lou, &flags);
    lou.type_line("three");
    lou.end_input();
    lou.exits(0);
    server.receives(&["Lou", "three", "Disconnected!"]);
    for text in ["one", "two", "three"] {
        assert_eq!(lou.out.count(|line| line == text), 1, "{:?}", lou.out.lines());
    }
}

/// Text of others that begins like the own message, and long messages that come in several reads.
#[test]
fn bare_text_is_found_at_the_beginning_of_a_read_and_nowhere_else() {
    let fake = Fake::listen();
    let flags = ["--framing", "raw", "--name", "Lou", "--introduce", "--max-line", "5000"];
    let mut lou = client(fake.address(), &flags);
    let mut call = fake.answer();
    assert_eq!(call.hear_bytes(3), "Lou");
    let long = "é🙂 ".repeat(500);
    for (text, pieces) in [
        ("one", &[("Bob says one", &["Bob says one"][..]), ("one", &["one"])][..]),
        ("two", &[("two: hi", &["two: hi"]), ("twoBob", &["two", "Bob"])]),
        ("six", &[("<Lou> six", &["<Lou> six"])]),
        (&long, &[("Bob", &["Bob"]), (&long, &[])]),
        ("end", &[("end", &["end"])]),
    ] {
        lou.type_line(text);
        assert_eq!(call.hear_bytes(text.len()), text);
        for (piece, shown) in pieces {
            let before = lou.out.lines().len();
            call.send(piece);
            if shown.is_empty() {
                lou.out.wait_for(piece, |lines, _| lines.concat().ends_with(piece).then_some(()));
                continue;
            }
            let lines = lou.out.wait_for(piece, |lines, _| {
                (lines.len() >= before + shown.len()).then(|| lines[before..].to_vec())
            });
            assert_eq!(lines, *shown);
        }
    }
    lou.end_input();
    assert_eq!(call.hear_bytes(13), "Disconnected!");
    drop(call);
    lou.exits(0);
}

#[test]
fn the_variable_for_the_name_first_takes_yes_no_and_also() {
    for (value, first, message) in [
        ("1", "Lou", "hello"),
        ("YES", "Lou", "hello"),
        ("also", "Lou", "Lou: hello"),
        ("0", "", "Lou: hello"),
        ("", "", "Lou: hello"),
    ] {
        let fake = Fake::listen();
        let mut command = process::program();
        command.args(["client", &fake.address().to_string(), "--framing", "raw", "--name", "Lou"]);
        let mut lou = Process::start({
            command.env("TCP_CHAT_INTRODUCE", value);
            command
        });
        lou.type_line("hello");
        let expected = format!("{first}{message}");
        assert_eq!(fake.answer().hear_bytes(expected.len()), expected, "{value}");
    }
    let mut command = process::program();
    command.args(["client", "--introduce=nonsense"]);
    let mut lou = Process::start(command);
    lou.exits(2);
    assert!(
        lou.err.lines().join("").contains("possible values: no, yes, also"),
        "{:?}",
        lou.err.lines()
    );
}

/// The command is pasted into a shell, with a name.
#[test]
fn the_command_that_a_server_prints_is_right_for_it() {
    let bare = ["--framing", "raw", "--name-first"];
    let named = ["--framing", "raw", "--name-first", "--prefix", "{name}: "];
    let asked = [&named[..], &["--ask", "NICK"]].concat();
    let second = ["--raw", "127.0.0.1:0", "--name-first", "--prefix", "{name}: "];
    for flags in [&[][..], &["--framing", "raw"], &bare, &named, &asked, &second] {
        for echo in ["all", "others"] {
            let flags = [flags, &["--echo", echo]].concat();
            let server = Server::start(&flags);
            let doors = if flags.contains(&"--raw") { 2 } else { 1 };
            let printed = |line: &str| line.starts_with("listening on ");
            server.process.err.at_least(doors, "an address", printed);
            for (door, line) in server.process.err.lines().iter().filter(|l| printed(l)).enumerate()
            {
                let command = line.split("connect with: ").nth(1).expect("a command");
                let mut shell = process::clean(Command::new("sh"));
                shell.arg("-c").arg(format!("{command} --name Lou --give-up-after 20"));
                let mut lou = Process::start(shell);
                lou.pipe("hello\n".to_owned());
                lou.exits(0);
                let left = |line: &str| line.contains("Disconnected! (left after ");
                server.event_log().at_least(door + 1, "the end", left);
                let heard = server.event_log().count(|line| line == "Lou: hello");
                assert_eq!(
                    heard,
                    door + 1,
                    "{flags:?}, {command}: {:?}",
                    server.event_log().lines()
                );
            }
        }
    }
}
