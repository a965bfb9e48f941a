//! Students' programs as servers: the client can talk to each kind, and handles all their faults.

use std::io::{Read, Write};
use std::net::TcpListener;

use crate::support::process::{Process, Signal, client};
use crate::support::python::{RawClient, RawServer, entry};
use crate::support::server::ANY_PORT;
use crate::support::{PATIENCE, has};

/// A client of ours for a student's server.
fn lou(server: &RawServer, flags: &[&str]) -> Process {
    client(server.address, &[&["--framing", "raw", "--name", "Lou"], flags].concat())
}

const OWN: [&str; 3] = ["Lou: one", "Lou: two", "Lou: three"];

/// Says three messages, each after the server has received the message before. Then it leaves.
/// Returns the client's output.
fn say_three(server: &RawServer, flags: &[&str]) -> Vec<String> {
    let mut lou = lou(server, flags);
    if flags.contains(&"--introduce") {
        server.process.out.expect(&entry("Lou"));
    }
    for text in ["one", "two", "three"] {
        let received = server.process.out.lines().len();
        lou.type_line(text);
        server.process.out.wait_for(text, |lines, _| (lines.len() > received).then_some(()));
    }
    lou.end_input();
    lou.exits(0);
    lou.out.lines()
}

#[test]
fn a_server_receives_one_message_at_a_time() {
    if !has("python3") {
        return;
    }
    for (server_flags, flags) in [
        (&["--echo", "all"][..], &[][..]),
        (&["--echo", "others"], &["--local-echo"]),
        (&["--echo", "others", "--speaker", "nobody"], &["--local-echo"]),
        (&["--echo", "others", "--speaker", "server"], &["--local-echo"]),
    ] {
        let server = RawServer::start(server_flags);
        let shown = say_three(&server, flags);
        assert_eq!(shown[..3], OWN, "client {flags:?}, server {server_flags:?}");
        server.receives(&["Lou: one", "Lou: two", "Lou: three", "Lou Disconnected!"]);
    }
}

#[test]
fn a_server_that_adds_names_confirms_as_well() {
    if !has("python3") {
        return;
    }
    let server = RawServer::start(&["--speaker", "server"]);
    let shown = say_three(&server, &[]);
    assert_eq!(shown[..3], OWN.map(|text| format!("Client1: {text}")));
    server.receives(&OWN);
}

#[test]
fn a_server_that_sends_bare_text_is_told_everything_and_the_user_that_nothing_came_back() {
    if !has("python3") {
        return;
    }
    let server = RawServer::start(&["--speaker", "nobody"]);
    let mut lou = lou(&server, &["--give-up-after", "3.5"]);
    lou.pipe("one\ntwo\nthree\n".to_owned());
    lou.exits(1);
    assert_eq!(lou.out.lines(), ["one", "two", "three"]);
    server.receives(&OWN);
    lou.err.line("what to do", |line| line.contains("--local-echo"));
}

#[test]
fn a_server_may_speak_first() {
    if !has("python3") {
        return;
    }
    let server = RawServer::start(&["--greet"]);
    let shown = say_three(&server, &[]);
    assert_eq!(shown[..4], [&["Welcome, you are Client1"][..], &OWN].concat());
}

#[test]
fn a_server_that_waits_for_the_name_is_told_it_first_and_alone() {
    if !has("python3") {
        return;
    }
    // The server puts the name in front of each message, even of the farewell.
    let talk = "Lou: oneLou: twoLou: threeLou: Disconnected!";
    for (echo, flags) in
        [("all", &["--introduce"][..]), ("others", &["--introduce", "--local-echo"])]
    {
        let server = RawServer::start(&["--greet", "--name-first", "--echo", echo]);
        let bob = RawClient::connect(server.address, &["--name", "Bob", "--name-sent", "first"]);
        bob.shows(&["Welcome, you are Client1"]);
        let shown = say_three(&server, flags);
        let own = if echo == "all" { OWN } else { ["one", "two", "three"] };
        let seen: Vec<_> = shown.iter().filter(|line| own.contains(&line.as_str())).collect();
        assert_eq!(seen, own.iter().collect::<Vec<_>>(), "each is shown once: {shown:?}");
        server.receives(&["Bob", "Lou", "one", "two", "three", "Disconnected!"]);
        // With such a server, TCP decides whether two messages arrive as one.
        bob.shows_in_a_row("all of it", |text| text.ends_with(talk));
    }
}

#[test]
fn lines_that_a_server_did_not_relay_are_said_to_the_next_one() {
    if !has("python3") {
        return;
    }
    let server = RawServer::start(&["--reuse-address", "--quit-after", "2"]);
    let mut lou = lou(&server, &[]);
    lou.pipe("one\ntwo\nthree\n".to_owned());
    lou.err.line("the loss", |line| line.contains(" Lost ("));
    let again = RawServer::at(server.address.port(), &["--reuse-address"]);
    lou.exits(0);
    assert_eq!(lou.out.lines()[..3], OWN);
    // Messages that have just come back may be sent again, because the others may not have received
    // them.
    for line in ["Lou: two", "Lou: three"] {
        again.process.out.expect(&entry(line));
    }
}

#[test]
fn the_end_of_a_server_is_shown() {
    if !has("python3") {
        return;
    }
    let server = RawServer::start(&[]);
    let mut lou = lou(&server, &["--stay"]);
    lou.end_input();
    server.has_welcomed(1);
    server.process.signal(Signal::INT);
    lou.exits(0);
    assert_eq!(lou.out.lines(), [format!("Server @PORT #{} Offline...", server.address.port())]);
}

#[test]
fn a_server_that_never_notices_the_end_does_not_keep_anyone() {
    if !has("python3") {
        return;
    }
    for spin in ["0", "20"] {
        let server = RawServer::start(&["--spin", spin]);
        let mut bob = RawClient::connect(server.address, &["--name", "Bob"]);
        for guest in 0..2 {
            say_three(&server, &[]);
            bob.say(&format!("after {guest}"));
            bob.process.out.expect(&entry(&format!("Bob: after {guest}")));
        }
    }
}

#[test]
fn own_messages_are_found_among_those_of_a_crowd() {
    if !has("python3") {
        return;
    }
    let server = RawServer::start(&[]);
    let mut crowd =
        ["Ann", "Bob"].map(|name| RawClient::connect(server.address, &["--name", name]));
    server.has_welcomed(crowd.len());
    for client in &mut crowd {
        let text = (0..4000).map(|n| format!("{n} is what everybody says at once 🙂\n"));
        client.process.pipe(text.collect());
    }
    let mut lou = lou(&server, &[]);
    lou.pipe((0..100).fold(String::new(), |text, n| format!("{text}{n}\n")));
    lou.exits(0);
    let heard = lou.out.lines().concat();
    let own = (0..100).map(|n| format!("Lou: {n}"));
    let mut at = 0;
    for text in own {
        at += heard[at..].find(&text).unwrap_or_else(|| panic!("{text} is missing"));
    }
}

#[test]
fn own_messages_are_found_whatever_tcp_has_done_to_them() {
    let listener = TcpListener::bind(ANY_PORT).expect("a free port");
    let address = listener.local_addr().expect("an address");
    let mut lou = client(address, &["--framing", "raw", "--name", "Lou"]);
    lou.pipe("one\ntwo\nthree\nfour\n".to_owned());
    let (mut server, _) = listener.accept().expect("the client calls");
    server.set_nodelay(true).expect("a socket can do that");
    server.set_read_timeout(Some(PATIENCE)).expect("a socket can wait");
    let mut buffer = [0; 1024];
    for (message, pieces) in [
        ("Lou: one", &[("Ann: hiLou: oneBob: ho", &["Ann: hi", "Lou: one", "Bob: ho"][..])][..]),
        (
            "Lou: two",
            &[("Ann: Lou", &["Ann: Lou"]), (": no!Lou: t", &[": no!Lou: t"]), ("wo", &["wo"])],
        ),
        ("Lou: three", &[("<Ann> \n<3> Lou: three\n\n", &["<Ann> ", "<3> Lou: three"])]),
        ("Lou: four", &[("\n", &[]), ("Ann: why? Lou: four", &["Ann: why? ", "Lou: four"])]),
        ("Lou Disconnected!", &[]),
    ] {
        let length = server.read(&mut buffer).expect("the client speaks");
        assert_eq!(String::from_utf8_lossy(&buffer[..length]), message);
        for (piece, shown) in pieces {
            let before = lou.out.lines().len();
            server.write_all(piece.as_bytes()).expect("the client listens");
            let lines = lou.out.wait_for("the text", |lines, _| {
                (lines.len() >= before + shown.len()).then(|| lines[before..].to_vec())
            });
            assert_eq!(lines, *shown);
        }
    }
    drop(server);
    lou.exits(0);
}
