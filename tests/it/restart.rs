//! Clients that reconnect when the server is killed or stops: they lose no line and keep the order.

use std::sync::PoisonError;

use crate::support::process::{Process, Signal, client};
use crate::support::script::{heard_of, numbers, said};
use crate::support::server::Server;
use crate::support::{QUIET, assert_same, wait_until};

/// How many duplicates one kill may cause: the lines in flight, and the lines that came back just
/// before.
const DUPLICATES: usize = 2 * 64;

/// Clients that only listen. All of them are in the room.
fn listeners(server: &Server, names: &[&str]) -> Vec<Process> {
    let start = |name: &&str| {
        let mut listener = client(server.address, &["--name", name, "--stay"]);
        listener.type_line("here");
        listener.out.expect(&format!("{name}: here"));
        listener
    };
    names.iter().map(start).collect()
}

/// Kills the server with SIGKILL and starts it again. It waits each time until `listener` has
/// received 300 more lines. It stops early when every speaker has ended. Returns the number of
/// kills.
fn kill_again_and_again(
    server: &mut Server,
    listener: &Process,
    speaking: &mut [Process],
    times: usize,
) -> usize {
    for kills in 0..times {
        let enough = listener.out.count(|_| true) + 300;
        wait_until("more lines arrive", || {
            listener.out.count(|_| true) >= enough || speaking.iter_mut().all(Process::has_ended)
        });
        if speaking.iter_mut().all(Process::has_ended) {
            return kills;
        }
        server.process.kill();
        *server = Server::at(server.address, &["--quiet"]);
    }
    times
}

/// Lets these clients say this many lines each, while the server is killed again and again. Then it
/// checks the lines that every client received.
fn talk_through_kills(speakers: &[&str], lines: usize) {
    let _quiet = QUIET.write().unwrap_or_else(PoisonError::into_inner);
    let mut server = Server::start(&["--quiet"]);
    let mut listening = listeners(&server, &["Lou", "Mia"]);
    let mut speaking: Vec<_> =
        speakers.iter().map(|name| client(server.address, &["--name", name])).collect();
    for speaker in &mut speaking {
        speaker.pipe(numbers(lines));
    }
    let kills = kill_again_and_again(&mut server, &listening[0], &mut speaking, 5);
    assert!(kills > 1, "all lines were said before the second kill");
    for speaker in &mut speaking {
        speaker.exits(0);
    }
    for listener in &mut listening {
        for name in speakers {
            listener.out.expect(&format!("{name} Disconnected!"));
        }
        listener.end_input();
    }
    assert!(server.stop().success());
    for listener in &mut listening {
        listener.exits(0);
    }

    for listener in &listening {
        let heard = listener.out.lines();
        for name in speakers {
            let (first, again) = heard_of(name, &heard);
            assert_same(&format!("a listener of {name}"), &first, &said(name, lines));
            assert!(again <= kills * DUPLICATES, "{again} duplicates of {name}");
            println!("{kills} kills, {lines} lines of {name}: {again} duplicates, none lost");
        }
    }
    for (name, speaker) in speakers.iter().zip(&speaking) {
        let (first, again) = heard_of(name, &speaker.out.lines());
        assert_same(&format!("{name} itself"), &first, &said(name, lines));
        assert!(again <= kills * DUPLICATES, "{again} duplicates at {name}");
    }
}

#[test]
fn nothing_is_lost_when_the_server_is_killed_again_and_again() {
    talk_through_kills(&["Ann"], 15_000);
}

#[test]
fn nothing_is_lost_when_many_speak_at_that_moment() {
    talk_through_kills(&["Ann", "Bob", "Cleo"], 5_000);
}

#[test]
fn a_client_that_is_first_waits_for_its_server() {
    let mut server = Server::start(&[]);
    assert!(server.stop().success());
    let mut early = client(server.address, &["--name", "Ann"]);
    early.pipe(numbers(10));
    early.err.line("a failed attempt", |line| line.contains("Failed"));
    let server = Server::at(server.address, &[]);
    early.exits(0);
    assert_eq!(early.out.lines()[..10], said("Ann", 10));
    server.event_log().expect("Ann: 10");
}

#[test]
fn a_server_that_stops_and_one_that_follows_share_one_conversation() {
    let mut server = Server::start(&[]);
    let mut ann = client(server.address, &["--name", "Ann"]);
    ann.type_line("1");
    ann.out.expect("Ann: 1");
    assert!(server.stop().success());
    ann.err.line("the loss", |line| line.contains("Lost"));
    ann.type_line("2");
    ann.type_line("3");
    let mut server = Server::at(server.address, &[]);
    ann.out.expect("Ann: 3");
    ann.end_input();
    ann.exits(0);
    assert!(server.stop().success());
    // Ann's client saw that the first server stopped gracefully. So no line was in flight, and no
    // line comes twice.
    let heard = server.event_log().lines();
    let heard: Vec<_> = heard.iter().filter(|line| line.starts_with("Ann: ")).collect();
    assert_eq!(heard, ["Ann: 2", "Ann: 3"]);
}

#[test]
fn a_client_that_stays_listens_until_the_server_or_a_signal_ends_it() {
    let mut server = Server::start(&[]);
    let mut listening = listeners(&server, &["Lou", "Mia", "Ned"]);
    let [lou, mia, ned] = &mut listening[..] else { unreachable!() };
    lou.end_input();
    mia.end_input();

    // A killed server did not stop gracefully, so the clients connect to the next server.
    server.process.kill();
    let mut server = Server::at(server.address, &[]);
    server.event_log().at_least(3, "a client", |line| line.ends_with("Has Connected!"));
    let mut speaker = client(server.address, &["--name", "Ann"]);
    speaker.pipe("hello\n".to_owned());
    speaker.exits(0);
    for listener in [&mut *lou, &mut *mia, &mut *ned] {
        listener.out.expect("Ann: hello");
    }

    mia.signal(Signal::TERM);
    mia.exits(0);
    lou.out.expect("Mia Disconnected!");

    assert!(server.stop().success());
    lou.exits(0);
    assert_eq!(lou.out.lines().last(), Some(&server.farewell()));
    // A client with open input continues: the user may want to talk on the next server.
    ned.err.line("an attempt", |line| line.contains("Failed"));
    assert!(!ned.has_ended());
    ned.end_input();
    ned.exits(0);
}
