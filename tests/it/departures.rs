//! Clients leave in different ways: by themselves, with a reset, or all at once. Each client leaves
//! exactly once.

use std::collections::HashMap;
use std::thread;

use crate::support::peer::{Ending, Peer};
use crate::support::process::client;
use crate::support::server::{Server, gone};
use crate::support::talk::Conversation;
use crate::support::witness::Witness;
use crate::support::{usage, wait_until};

#[test]
fn a_client_that_leaves_disturbs_nobody() {
    let server = Server::start(&[]);
    let (ann, mut bob, mut cleo) = (server.join(), server.join(), server.join());
    let port = ann.port();
    drop(ann);
    assert_eq!(server.reason_of(port), "left");
    bob.say("Bob: still here");
    bob.expect("Bob: still here");
    cleo.expect("Bob: still here");
    assert_eq!(server.event_log().count(|line| line.starts_with(&gone(port))), 1);
}

#[test]
fn a_peer_that_closes_its_side_leaves_at_once_if_it_is_up_to_date() {
    let server = Server::start(&[]);
    let mut bob = server.join();
    let mut ann = server.join();
    ann.send("Ann: one\nAnn: two");
    ann.finish();
    // Nobody else speaks, and the last line counts.
    assert_eq!(ann.rest(), (["Ann: one", "Ann: two"].map(String::from).to_vec(), Ending::Closed));
    assert_eq!(server.reason_of(ann.port()), "left");
    bob.say("Bob: still here");
    for line in ["Ann: one", "Ann: two", "Bob: still here"] {
        bob.expect(line);
    }
    assert_eq!(server.event_log().count(|line| line.starts_with(&gone(ann.port()))), 1);
}

#[test]
fn a_peer_that_closes_its_side_while_it_is_behind_gets_everything_up_to_its_leaving() {
    let server = Server::start(&["--stall-timeout", "600"]);
    let mut witness = Witness::new(server.join());
    let mut behind = server.join();
    witness.outrun(&server, &[behind.port()]);
    behind.send("my last line");
    behind.finish();
    witness.hear("my last line");
    wait_until("the server has read the end", || usage::unread(server.port(), behind.port()) == 0);
    let owed = witness.heard.len();
    let is_gone = gone(behind.port());
    let left = || server.event_log().count(|line| line.starts_with(&is_gone));
    // The test knows nothing about the moment in which the server takes the end for its leaving.
    witness.say(500_000);
    assert_eq!(left(), 0, "it is owed something");
    let (heard, ending) = behind.rest();
    assert_eq!(ending, Ending::Closed);
    assert!(heard.len() >= owed, "{} lines of {owed}", heard.len());
    assert!(heard.len() < witness.heard.len(), "it never left");
    assert!(witness.heard.starts_with(&heard), "it heard something else");
    assert_eq!(server.reason_of(behind.port()), "left");
    witness.say(50_000);
    assert_eq!(left(), 1);
}

#[test]
fn a_peer_torn_away_in_the_middle_of_a_line_leaves_no_half_of_it() {
    let server = Server::start(&[]);
    let mut bob = server.join();
    let mut ann = server.join();
    let port = ann.port();
    ann.send("Ann: whole\nAnn: ha");
    bob.expect("Ann: whole");
    ann.expect("Ann: whole");
    ann.reset();
    assert_eq!(server.reason_of(port), "connection reset");
    bob.say("Bob: still here");
    bob.expect("Bob: still here");
}

#[test]
fn a_client_says_goodbye_and_a_killed_one_cannot() {
    let server = Server::start(&[]);
    let mut bob = server.join();
    let mut ann = client(server.address, &["--name", "Ann"]);
    ann.type_line("hello");
    bob.expect("Ann: hello");
    ann.end_input();
    ann.exits(0);
    bob.expect("Ann Disconnected!");
    server.event_log().line("Ann's end", |line| line.contains("Has Disconnected! (left after"));

    let mut eve = client(server.address, &["--name", "Eve"]);
    eve.type_line("hello");
    bob.expect("Eve: hello");
    eve.kill();
    server.event_log().at_least(2, "an end", |line| line.contains("Has Disconnected!"));
    bob.say("Bob: next");
    bob.expect("Bob: next");
}

/// Reads an event log, and checks the order: a client joins only if it was not in the room, and
/// leaves only if it was. Returns how many clients joined, and how many are still in the room.
fn came_and_stayed(log: &[String]) -> (usize, usize) {
    let mut here = HashMap::<&str, bool>::new();
    let mut came = 0;
    for line in log {
        let Some(rest) = line.strip_prefix("Client @PORT #") else { continue };
        let (port, what) = rest.split_once(' ').expect("something happens to the client");
        let (what, number) = what.split_once('(').expect("a number");
        let is_here = here.entry(port).or_default();
        let number = if what == "Has Connected! " {
            assert!(!*is_here, "joined twice: {line}");
            came += 1;
            number
        } else {
            let (reason, rest) = number.split_once(" after ").expect("a departure");
            assert!(["left", "connection reset"].contains(&reason), "another reason: {line}");
            assert!(*is_here, "left twice: {line}");
            rest.split_once(" s, ").expect("a short stay").1
        };
        *is_here = !*is_here;
        let stayed = here.values().filter(|&&here| here).count();
        assert_eq!(number, format!("{stayed} here)"), "{line}");
    }
    (came, here.values().filter(|&&here| here).count())
}

#[test]
fn pruning_and_leaving_at_once_removes_a_record_once() {
    const ROUNDS: usize = 300;
    let server = Server::start(&[]);
    let mut speaker = server.join();
    let mut listener = server.join();
    for round in 0..ROUNDS {
        let mut leaver = Peer::connect(server.address);
        leaver.say("here");
        leaver.await_line("here");
        // These lines are sent while the peer leaves. So the speaker's thread finds the dead socket
        // at the same moment as the peer's own thread.
        let line = format!("round {round}");
        thread::scope(|scope| {
            scope.spawn(|| if round % 3 == 0 { drop(leaver) } else { leaver.reset() });
            speaker.send(format!("{line} a\n{line} b\n"));
            speaker.say(&line);
        });
        for peer in [&mut speaker, &mut listener] {
            let heard: Vec<_> = (0..4).map(|_| peer.line()).collect();
            let (here, spoken): (Vec<_>, Vec<_>) =
                heard.into_iter().partition(|line| line == "here");
            assert_eq!(here.len(), 1);
            assert_eq!(spoken, [format!("{line} a"), format!("{line} b"), line.clone()]);
        }
    }
    wait_until("all have left", || came_and_stayed(&server.event_log().lines()) == (ROUNDS + 2, 2));
}

#[test]
fn a_storm_of_comers_and_goers_leaves_nobody_behind() {
    const THREADS: usize = 8;
    const ROUNDS: usize = 60;
    let mut server = Server::start(&[]);
    let conversation = Conversation::start(server.address);
    thread::scope(|scope| {
        for thread in 0..THREADS {
            let server = &server;
            scope.spawn(move || {
                for round in 0..ROUNDS {
                    let mut peer = Peer::connect(server.address);
                    match (thread + round) % 5 {
                        0 => drop(peer),
                        1 => peer.reset(),
                        2 => {
                            peer.send("noise\nand half a li");
                            peer.reset();
                        }
                        3 => {
                            peer.say("noise");
                            peer.finish();
                            let (heard, ending) = peer.rest();
                            assert!(heard.contains(&"noise".to_owned()), "heard {heard:?}");
                            assert_eq!(ending, Ending::Closed);
                        }
                        _ => {
                            peer.send("noise\n");
                            peer.await_line("noise");
                        }
                    }
                }
            });
        }
    });
    // A client that hung up before the server accepted it may never have joined.
    let all_but_the_talkers_gone = || came_and_stayed(&server.event_log().lines()).1 == 3;
    wait_until("the storm is over", all_but_the_talkers_gone);
    assert!(conversation.end().lines >= 10);
    wait_until("all have left", || came_and_stayed(&server.event_log().lines()).1 == 0);
    assert!(server.stop().success());
    let (came, _) = came_and_stayed(&server.event_log().lines());
    assert!(came >= THREADS * ROUNDS / 2, "only {came} joined");
    let halves = server.event_log().count(|line| line.contains("half"));
    assert_eq!(halves, 0, "half a line was relayed");
}
