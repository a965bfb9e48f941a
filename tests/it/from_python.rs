//! Each command in the tables of docs/from-python.md, with the kind of program for which it is there.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use crate::support::fake::failure;
use crate::support::has;
use crate::support::process::{self, Process};
use crate::support::python::{RawClient, RawServer, entry};
use crate::support::server::Server;

/// The commands in the tables of the page, without what all of them begin with.
fn on_the_page(begin: &str) -> BTreeSet<String> {
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/from-python.md");
    let page = fs::read_to_string(page).expect("the page");
    let rows = page.lines().filter(|line| line.starts_with('|'));
    let commands = rows.flat_map(|row| row.split('`').filter_map(|code| code.strip_prefix(begin)));
    commands.map(str::to_owned).collect()
}

/// One of these commands, as a shell runs it.
fn pasted(begin: &str, rest: &str, port: u16) -> Command {
    let command = format!("{begin}{rest}").replacen("tcp-chat", "exec \"$0\"", 1);
    let mut shell = process::clean(Command::new("sh"));
    shell.arg("-c").arg(command).arg(env!("CARGO_BIN_EXE_tcp-chat"));
    shell.env("PORT", port.to_string());
    shell
}

const SERVER: &str = "tcp-chat server 127.0.0.1:$PORT";

/// The flags of the server, the flags of a student's client, and what the others see of it.
const SERVERS: [(&str, &[&str], &str); 9] = [
    (" --framing raw --echo others", &[], "Eva: hello"),
    (
        " --framing raw --echo others --prefix 'Client {number}: '",
        &["--name-sent", "never"],
        "Client 1: hello",
    ),
    (
        " --framing raw --echo others --greet 'Client {number}' --prefix 'Client {number}: '",
        &["--told", "--name-sent", "never"],
        "Client 1: hello",
    ),
    (" --framing raw --echo others --greet 'Client {number}'", &["--told"], "Client 1: hello"),
    (
        " --framing raw --echo others --name-first --prefix '{name}: '",
        &["--name-sent", "first"],
        "Eva: hello",
    ),
    (" --framing raw --echo others --name-first", &["--name-sent", "both"], "Eva: hello"),
    (
        " --framing raw --echo others --name-first --ask NICK --prefix '{name}: '",
        &["--asked", "NICK", "--name-sent", "never"],
        "Eva: hello",
    ),
    (" --framing raw --echo others --name-first --ask NICK", &["--asked", "NICK"], "Eva: hello"),
    (" --echo others", &["--newline"], "Eva: hello"),
];

#[test]
fn each_server_of_the_page_serves_its_kind_of_client() {
    if !has("python3") {
        return;
    }
    let tried: BTreeSet<_> = SERVERS.iter().map(|(flags, ..)| (*flags).to_owned()).collect();
    assert_eq!(on_the_page(SERVER), tried);
    for (flags, client, seen) in SERVERS {
        let server = Server::start_with(pasted(SERVER, flags, 0));
        let mut eva = RawClient::connect(server.address, &[&["--name", "Eva"], client].concat());
        server.event_log().line("the client", |line| line.contains(" Has Connected!"));
        if flags.contains("--name-first") {
            server.event_log().expect(&format!("Client @PORT #{} is Eva", eva.port));
        }
        eva.say("hello");
        server.event_log().expect(seen);
        // A second client of the same kind is sent it, and nothing else but the question.
        let mut bob = RawClient::connect(server.address, &[&["--name", "Bob"], client].concat());
        server.event_log().at_least(2, "a client", |line| line.contains(" Has Connected!"));
        if flags.contains("--name-first") {
            server.event_log().expect(&format!("Client @PORT #{} is Bob", bob.port));
        }
        eva.say("again");
        let seen = seen.replace("hello", "again");
        let newline = if client.contains(&"--newline") { "\n" } else { "" };
        bob.process.out.expect(&entry(&format!("{seen}{newline}")));
        bob.process.end_input();
    }
}

const CLIENT: &str = "tcp-chat client 127.0.0.1:$PORT";

/// The flags of the client, the flags of a student's server, and what this server receives.
const CLIENTS: [(&str, &[&str], &[&str]); 8] = [
    (" --framing raw --name Eva", &[], &["Eva: one", "Eva: two"]),
    (
        " --framing raw --local-echo --name Eva",
        &["--echo", "others", "--busy", "0.08"],
        &["Eva: one", "Eva: two"],
    ),
    (
        " --framing raw --introduce --name Eva",
        &["--name-first", "--speaker", "nobody"],
        &["Eva", "one", "two"],
    ),
    (
        " --framing raw --introduce --local-echo --name Eva",
        &["--name-first", "--echo", "others"],
        &["Eva", "one", "two"],
    ),
    (
        " --framing raw --introduce=also --name Eva",
        &["--ask", "NICK"],
        &["Eva", "Eva: one", "Eva: two"],
    ),
    (
        " --framing raw --introduce=also --local-echo --name Eva",
        &["--ask", "NICK", "--echo", "others"],
        &["Eva", "Eva: one", "Eva: two"],
    ),
    (" --framing raw --max-line 32 --name Eva", &["--read", "32"], &["Eva: one", "Eva: two"]),
    (" --name Eva", &["--lines"], &["Eva: one\n", "Eva: two\n"]),
];

/// A client on a pipe says two messages at once, to a server that may be busy with the first.
fn say_two(flags: &str, server: &RawServer) -> Process {
    let mut eva = Process::start(pasted(CLIENT, flags, server.address.port()));
    eva.pipe("one\ntwo\n".to_owned());
    eva.exits(0);
    eva
}

#[test]
fn each_client_of_the_page_talks_to_its_kind_of_server() {
    if !has("python3") {
        return;
    }
    let tried: BTreeSet<_> = CLIENTS.iter().map(|(flags, ..)| (*flags).to_owned()).collect();
    assert_eq!(on_the_page(CLIENT), tried);
    for (flags, server, received) in CLIENTS {
        // On a busy machine, a server that is busy may read both messages as one, once.
        let said = (0..5).any(|_| {
            let server = RawServer::start(server);
            let eva = say_two(flags, &server);
            for text in ["one", "two"] {
                let shown = |line: &str| line.rsplit(": ").next() == Some(text);
                assert_eq!(eva.out.count(shown), 1, "{flags}: {:?}", eva.out.lines());
            }
            let entries = server.process.out.wait_for("the messages", |lines, _| {
                (lines.concat().contains("two")).then(|| lines.to_vec())
            });
            let expected: Vec<_> = received.iter().map(|text| entry(text)).collect();
            entries.starts_with(&expected)
        });
        assert!(said, "{flags}");
    }
}

#[test]
fn a_server_that_reads_few_bytes_gets_no_message_in_pieces() {
    if !has("python3") {
        return;
    }
    let server = RawServer::start(&["--read", "32"]);
    let mut eva = Process::start(pasted(
        CLIENT,
        " --framing raw --max-line 32 --name Eva",
        server.address.port(),
    ));
    // With the name, the first message has 32 bytes, and the second one has 33.
    let fits = format!("{}é", "x".repeat(25));
    eva.pipe(format!("{fits}\n{fits}y\nend\n"));
    assert_eq!(failure(&mut eva), "tcp-chat: 1 line was too long and not delivered");
    eva.err.expect("Not sent: a line with your name may have at most 32 bytes, yours has 33");
    server.receives(&[&format!("Eva: {fits}"), "Eva: end", "Eva Disconnected!"]);
}
