//! Who is here, who calls, and under which name one speaks.

use std::thread;
use std::time::Duration;

use crate::support::peer::Peer;
use crate::support::process::program;
use crate::support::pty::{Terminal, client, client_command, client_with};
use crate::support::server::Server;

fn say(bob: &mut Peer, ann: &Terminal, line: &str) {
    bob.say(line);
    ann.wait(line, |view| view.count(line) > 0);
}

#[test]
fn a_client_says_that_it_comes_and_not_that_it_comes_back() {
    let mut server = Server::start(&[]);
    let mut bob = server.join();
    let mut ann = client(&server, "Ann", 80);
    bob.expect("Ann Connected!");
    ann.wait_row("Ann Connected!");
    ann.type_line("/disconnect");
    bob.expect("Ann Disconnected!");
    ann.wait("no connection", |view| view.title() == "Ann (not connected)");
    ann.type_line("/connect");
    bob.expect("Ann Connected!");
    ann.joins(&server);
    let address = server.address;
    server.process.kill();
    ann.wait("the loss", |view| view.title() == "Ann (not connected)");
    server = Server::at(address, &[]);
    let mut bob = server.join();
    ann.joins(&server);
    ann.type_line("still me");
    // Within a second, what was said last is said again.
    let mut line = bob.line();
    while line == "Ann Connected!" {
        line = bob.line();
    }
    assert_eq!(line, "Ann: still me");
}

#[test]
fn only_a_client_of_lines_that_says_its_name_greets() {
    let server = Server::start(&["--raw", "127.0.0.1:0"]);
    let raw = server.process.err.line("the raw address", |line| line.contains("--framing raw"));
    let raw = raw["listening on ".len()..].split(';').next().expect("an address").to_owned();
    let mut bob = server.join();
    let mut command = program();
    command.args(["client", &raw, "--name", "Ann", "--framing", "raw"]);
    let mut ann = Terminal::in_session(&command, 80, 24);
    ann.wait("the connection", |view| view.count("Successful!") == 1);
    ann.type_line("raw");
    bob.expect("Ann: raw");
    let mut cleo = client_with(&server, &["--name", "Cleo", "--introduce"], 80);
    cleo.type_line("bare");
    bob.expect("Cleo");
    bob.expect("bare");
    let mut command = client_command(&server, &["--name", "Dora"]);
    command.env("TCP_CHAT_INTRODUCE", "0");
    let _dora = Terminal::in_session(&command, 80, 24);
    bob.expect("Dora Connected!");
}

#[test]
fn names_that_were_heard_are_listed_and_completed() {
    let server = Server::start(&[]);
    let mut ann = client(&server, "Ann", 100);
    let mut bob = server.join();
    for line in ["Ben: hello", "Bob: hello", "Zoë: hello", "Ben Disconnected!", "Zoë Is Now Bea"]
    {
        say(&mut bob, &ann, line);
    }
    ann.type_line("/names");
    ann.wait("the names", |view| view.count(": Bea (now), Bob (now). Left: Ben") == 1);
    ann.look(|view| {
        let row = view.rows().into_iter().find(|row| row.starts_with("-- Heard since "));
        let time = row.expect("the names")["-- Heard since ".len()..][..5].to_owned();
        assert!(time.chars().filter(char::is_ascii_digit).count() == 4, "{time}");
    });
    // Ben spoke last of all, and has left.
    ann.type_in("b");
    for shown in ["> Bea:", "> Bob:", "> Ben:", "> Bea:"] {
        ann.type_in("\t");
        ann.wait(shown, |view| view.cursor_row() == shown);
    }
    ann.type_in("\x03tell b\t!");
    ann.wait("the name inside a line", |view| view.cursor_row() == "> tell Bea!");
}

#[test]
fn a_person_can_take_another_name() {
    let server = Server::start(&[]);
    let mut ann = client(&server, "Ann", 80);
    let mut bob = server.join();
    ann.type_line("/nick Anna");
    bob.expect("Ann Is Now Anna");
    ann.wait("the title", |view| view.title().starts_with("Anna @PORT #"));
    ann.type_line("/nick Anna");
    ann.wait_row("-- You are Anna already");
    ann.type_line("hello");
    bob.expect("Anna: hello");
    ann.wait("my line", |view| view.is_own("Anna: hello"));
    ann.type_line("/nick a:b");
    ann.wait_row("-- Not accepted: a name may not contain ':' or control characters");
    ann.type_line("/nick");
    ann.wait_row("-- Type the new name behind it, for example /nick Anna");
    ann.type_line("/quit");
    bob.expect("Anna Disconnected!");

    let mut cleo = client_with(&server, &["--name", "Cleo", "--introduce"], 100);
    bob.expect("Cleo");
    cleo.type_line("/nick Cleopatra");
    cleo.wait("why not", |view| view.count("-- With --introduce, the server keeps") == 1);
}

/// `--give-up-after` counts from the new name on, and not from the last line.
#[test]
fn a_name_may_be_changed_after_a_long_silence() {
    let limit = 3_u64;
    let server = Server::start(&[]);
    let flags = ["--name", "Ann", "--give-up-after", &limit.to_string()];
    let mut ann = client_with(&server, &flags, 80);
    let mut bob = server.join();
    thread::sleep(Duration::from_millis(limit * 1000 + 100));
    ann.type_line("/nick Anna");
    bob.await_line("Ann Is Now Anna");
    ann.type_line("hello");
    bob.expect("Anna: hello");
}

#[test]
fn a_second_person_of_the_same_name_is_noticed_once() {
    let server = Server::start(&[]);
    let mut ann = client(&server, "Ann", 80);
    let mut other = server.join();
    ann.type_line("it is me");
    other.await_line("Ann: it is me");
    let namesake = "-- Somebody else writes as Ann; /nick NAME changes yours";
    ann.look(|view| assert_eq!(view.count(namesake), 0));
    for line in ["Ann: no, me", "Ann: and again"] {
        say(&mut other, &ann, line);
    }
    ann.wait_row(namesake);
    say(&mut other, &ann, "Bob: enough");
    ann.look(|view| assert_eq!(view.count(namesake), 1));
}

#[test]
fn ones_name_as_a_word_is_reversed_and_rings() {
    let server = Server::start(&[]);
    let mut ann = client(&server, "Ann", 80);
    let mut bob = server.join();
    let silent = client_with(&server, &["--name", "Ann", "--no-bell"], 80);
    for line in ["Bob: Anna and Joann", "Ann Disconnected!", "Bob: nobody"] {
        say(&mut bob, &ann, line);
    }
    ann.type_line("I am Ann");
    bob.await_line("Ann: I am Ann");
    say(&mut bob, &ann, "Bob: that is all");
    ann.look(|view| assert_eq!((view.bells(), view.reversed("Ann")), (0, 0)));
    say(&mut bob, &ann, "Bob: hello ann, Ann's friend");
    ann.look(|view| assert_eq!(view.bells(), 1, "once for a line"));
    ann.look(|view| assert_eq!((view.reversed("ann"), view.reversed("Ann")), (1, 1)));
    silent.wait("the call", |view| view.reversed("ann") == 1);
    silent.look(|view| assert_eq!(view.bells(), 0));
}
