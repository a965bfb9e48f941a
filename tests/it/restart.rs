//! Clients that reconnect when the server is killed or stops: they lose no line and keep the order.

use std::ops::RangeInclusive;
use std::thread;
use std::time::{Duration, Instant};

use crate::support::fake::Fake;
use crate::support::process::{Process, Signal, client};
use crate::support::script::{heard_of, numbers, said};
use crate::support::server::Server;
use crate::support::{assert_same, wait_until};

const KILLS: usize = 5;

/// How many duplicates one kill may cause: the lines in flight, and the lines that came back just
/// before.
const DUPLICATES: usize = 2 * 64;

/// How long a client waits before it speaks, so that the others can connect.
const GATHER: Duration = Duration::from_millis(600);

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

fn is_success(notice: &str) -> bool {
    notice.contains("Successful!")
}

fn is_loss(notice: &str) -> bool {
    notice.contains(" Lost (")
}

fn say(speakers: &mut [Process], numbers: RangeInclusive<usize>) {
    for number in numbers {
        for speaker in &mut *speakers {
            speaker.type_line(&number.to_string());
        }
    }
}

/// Lets these clients say this many lines each before every kill of the server, and after the last
/// kill. Then it checks the lines that every client received.
///
/// A listener hears only what is said while it is in the room, and a busy machine may keep it away
/// for longer than the speakers wait. So the speakers are stopped until the listeners are back.
fn talk_through_kills(speakers: &[&str], lines: usize) {
    let mut server = Server::start(&[]);
    let mut listening = listeners(&server, &["Lou", "Mia"]);
    let mut speaking: Vec<_> =
        speakers.iter().map(|name| client(server.address, &["--name", name])).collect();
    for kills in 1..=KILLS {
        for speaker in &speaking {
            speaker.err.at_least(kills, "a connection", is_success);
        }
        let enough = listening[0].out.count(|_| true) + 300;
        say(&mut speaking, (kills - 1) * lines + 1..=kills * lines);
        wait_until("more lines arrive", || listening[0].out.count(|_| true) >= enough);
        server.process.kill();
        for speaker in &speaking {
            speaker.err.at_least(kills, "a loss", is_loss);
            speaker.signal(Signal::STOP);
        }
        server = Server::at(server.address, &[]);
        let back = |line: &str| line.contains("Has Connected!");
        server.event_log().at_least(listening.len(), "a listener", back);
        for speaker in &speaking {
            speaker.signal(Signal::CONT);
        }
    }
    let all = (KILLS + 1) * lines;
    say(&mut speaking, KILLS * lines + 1..=all);
    for speaker in &mut speaking {
        speaker.end_input();
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
            assert_same(&format!("a listener of {name}"), &first, &said(name, all));
            assert!(again <= KILLS * DUPLICATES, "{again} duplicates of {name}");
            println!("{KILLS} kills, {all} lines of {name}: {again} duplicates, none lost");
        }
    }
    for (name, speaker) in speakers.iter().zip(&speaking) {
        let (first, again) = heard_of(name, &speaker.out.lines());
        assert_same(&format!("{name} itself"), &first, &said(name, all));
        assert!(again <= KILLS * DUPLICATES, "{again} duplicates at {name}");
    }
}

#[test]
fn nothing_is_lost_when_the_server_is_killed_again_and_again() {
    talk_through_kills(&["Ann"], 2500);
}

#[test]
fn nothing_is_lost_when_many_speak_at_that_moment() {
    talk_through_kills(&["Ann", "Bob", "Cleo"], 800);
}

/// The first server starts after the client, and the second one after the first has ended.
#[test]
fn a_client_that_had_to_wait_for_a_server_waits_for_the_others_before_it_speaks() {
    let address = Fake::listen().address();
    let mut ann = client(address, &["--name", "Ann"]);
    ann.err.line("a failed attempt", |line| line.contains("Failed"));
    ann.type_line("1");
    for server in 1..=2 {
        let begin = Instant::now();
        Fake::at(address).answer().expect(&said("Ann", 1));
        let waited = begin.elapsed();
        assert!(waited >= GATHER, "it spoke to server {server} after {waited:?}");
    }
}

/// Clients that speak right after a reconnect, and a server that is killed at that moment: a
/// listener that came back a little later than they did has had less time on that server.
#[test]
fn a_listener_takes_a_server_that_is_killed_soon_for_a_chat_server() {
    let fake = Fake::listen();
    let lou = client(fake.address(), &["--name", "Lou", "--stay"]);
    for kills in 1..=KILLS {
        let call = fake.answer();
        lou.err.at_least(kills, "a connection", is_success);
        thread::sleep(GATHER * 3 / 4);
        call.reset();
        lou.err.at_least(kills, "a loss", is_loss);
    }
    fake.answer();
    assert_eq!(lou.err.count(|line| line.contains("does not look like a chat server")), 0);
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
    server.event_log().at_least(3, "a client", |line| line.contains("Has Connected!"));
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
