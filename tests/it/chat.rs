//! The chat itself: which clients receive which lines, in which order and form.

use std::thread;
use std::time::{Duration, Instant};

use crate::support::peer::{Ending, Peer};
use crate::support::process::client;
use crate::support::server::Server;
use crate::support::{assert_same, skip};

#[test]
fn everyone_hears_everyone_and_himself() {
    let server = Server::start(&[]);
    let mut peers = [server.join(), server.join(), server.join()];
    for speaker in 0..peers.len() {
        let line = format!("P{speaker}: hello");
        peers[speaker].say(&line);
        for peer in &mut peers {
            peer.expect(&line);
        }
        server.event_log().expect(&line);
    }
}

#[test]
fn echo_others_spares_the_sender() {
    let server = Server::start(&["--echo", "others"]);
    let (mut ann, mut bob) = (server.join(), server.join());
    ann.say("Ann: one");
    bob.expect("Ann: one");
    bob.say("Bob: two");
    ann.expect("Bob: two");
    ann.say("Ann: three");
    bob.expect("Ann: three");
}

const SPEAKERS: usize = 8;
const LINES: usize = 400;

/// Lets many clients speak at once, in bursts of different lengths, while others only listen.
/// Returns the lines that each speaker and each listener received; each reads this many lines.
fn speak_all_at_once(
    server: &Server,
    lines_to_speakers: usize,
) -> (Vec<Vec<String>>, Vec<Vec<String>>) {
    let listeners: Vec<Peer> = (0..4).map(|_| server.join()).collect();
    let speakers: Vec<Peer> = (0..SPEAKERS).map(|_| server.join()).collect();
    thread::scope(|scope| {
        for (speaker, peer) in speakers.iter().enumerate() {
            let mut writer = peer.writer();
            scope.spawn(move || {
                let lines: Vec<_> = (0..LINES).map(|n| format!("S{speaker}: {n}\n")).collect();
                for burst in lines.chunks(1 + speaker * 5) {
                    std::io::Write::write_all(&mut writer, burst.concat().as_bytes()).unwrap();
                }
            });
        }
        let hear = |mut peer: Peer, count: usize| {
            scope.spawn(move || (0..count).map(|_| peer.line()).collect::<Vec<_>>())
        };
        let listening: Vec<_> =
            listeners.into_iter().map(|peer| hear(peer, SPEAKERS * LINES)).collect();
        let speaking: Vec<_> =
            speakers.into_iter().map(|peer| hear(peer, lines_to_speakers)).collect();
        let join = |threads: Vec<thread::ScopedJoinHandle<Vec<String>>>| {
            threads.into_iter().map(|thread| thread.join().unwrap()).collect::<Vec<_>>()
        };
        (join(speaking), join(listening))
    })
}

fn said_by(speaker: usize, heard: &[String]) -> Vec<String> {
    let name = format!("S{speaker}: ");
    heard.iter().filter(|line| line.starts_with(&name)).cloned().collect()
}

#[test]
fn everyone_hears_one_order() {
    let server = Server::start(&[]);
    let (speakers, listeners) = speak_all_at_once(&server, SPEAKERS * LINES);
    for heard in speakers.iter().chain(&listeners) {
        assert_same("another order", heard, &listeners[0]);
    }
    for speaker in 0..SPEAKERS {
        let said: Vec<_> = (0..LINES).map(|n| format!("S{speaker}: {n}")).collect();
        assert_same("own lines", &said_by(speaker, &listeners[0]), &said);
    }
    server.event_log().at_least(SPEAKERS * LINES, "a line", |line| line.starts_with('S'));
}

#[test]
fn without_echo_a_speaker_hears_the_same_order_less_its_own_lines() {
    let server = Server::start(&["--echo", "others"]);
    let (speakers, listeners) = speak_all_at_once(&server, (SPEAKERS - 1) * LINES);
    for heard in &listeners {
        assert_same("another order", heard, &listeners[0]);
    }
    for (speaker, heard) in speakers.iter().enumerate() {
        let name = format!("S{speaker}: ");
        let others: Vec<_> =
            listeners[0].iter().filter(|line| !line.starts_with(&name)).cloned().collect();
        assert_same("a speaker", heard, &others);
    }
}

#[test]
fn lines_may_be_split_and_joined_on_the_way() {
    let server = Server::start(&[]);
    let (mut ann, mut bob) = (server.join(), server.join());
    for byte in "Ann: à la carte\n".bytes() {
        ann.send([byte]);
    }
    ann.send("two\nthree\nfo");
    ann.send("ur\n");
    for line in ["Ann: à la carte", "two", "three", "four"] {
        bob.expect(line);
    }
}

#[test]
fn carriage_returns_and_empty_lines_are_no_part_of_a_message() {
    let server = Server::start(&[]);
    let (mut ann, mut bob) = (server.join(), server.join());
    ann.send("windows\r\n\r\n\n\n");
    ann.send("end\r");
    ann.send("\n");
    for line in ["windows", "end"] {
        bob.expect(line);
        ann.expect(line);
    }
}

#[test]
fn control_characters_become_visible() {
    let server = Server::start(&[]);
    let (mut ann, mut bob) = (server.join(), server.join());
    let cases: [(&[u8], &str); 7] = [
        (b"tab\tstays", "tab\tstays"),
        (b"\x1b[2Jcleared\x07", "␛[2Jcleared␇"),
        (b"nul\0del\x7fback\x08", "nul␀del␡back␈"),
        (b"over\rwritten", "over␍written"),
        (b"bad \xff\xfe utf \xe2\x82", "bad \u{fffd}\u{fffd} utf \u{fffd}"),
        ("c1 \u{9b}2J".as_bytes(), "c1 \u{fffd}2J"),
        ("bidi \u{202e}txt\u{2066}".as_bytes(), "bidi \u{fffd}txt\u{fffd}"),
    ];
    for (said, heard) in cases {
        ann.send([said, b"\n"].concat());
        bob.expect(heard);
        ann.expect(heard);
        server.event_log().expect(heard);
    }
}

#[test]
fn a_line_too_long_is_refused_to_its_sender_alone() {
    for (flags, limit) in [(&[][..], 1024), (&["--max-line", "10"][..], 10)] {
        let server = Server::start(flags);
        let (mut ann, mut bob) = (server.join(), server.join());
        let longest = "x".repeat(limit);
        ann.send(format!("before\n{longest}\n{longest}\r\n{longest}y\nafter\n"));
        for line in ["before", &longest, &longest, "after"] {
            bob.expect(line);
        }
        for line in ["before", &longest, &longest] {
            ann.expect(line);
        }
        let refusal = ann.line();
        assert!(refusal.starts_with("* Line refused: "), "{refusal}");
        assert!(refusal.contains(&format!(" {limit} bytes")), "names the limit: {refusal}");
        ann.expect("after");
        // The server sends the refusal at once, before the line ends. It sends only one refusal,
        // however long the line becomes.
        for _ in 0..5 {
            ann.send("z".repeat(limit));
        }
        ann.expect(&refusal);
        ann.send("\nstill here\n");
        ann.expect("still here");
        bob.expect("still here");
    }
}

#[test]
fn the_last_line_before_the_end_is_heard() {
    let server = Server::start(&[]);
    let mut bob = server.join();
    for last in ["with a newline\n", "without one"] {
        let mut ann = server.join();
        let lines: Vec<_> = (0..300).map(|n| format!("Ann: {n}")).collect();
        ann.send(format!("{}\n{last}", lines.join("\n")));
        ann.finish();
        let expected = [&lines[..], &[last.trim_end().to_owned()]].concat();
        let heard: Vec<_> = expected.iter().map(|_| bob.line()).collect();
        assert_same("the listener", &heard, &expected);
        let (own, ending) = ann.rest();
        assert_same("the speaker", &own, &expected);
        assert_eq!(ending, Ending::Closed);
        assert_eq!(server.reason_of(ann.port()), "left");
    }
}

#[test]
fn a_rate_slows_its_client_and_nobody_else() {
    let server = Server::start(&["--rate", "40"]);
    let (mut ann, mut bob) = (server.join(), server.join());
    let begin = Instant::now();
    // The lines of one second pass at once. The other 40 lines take one second.
    let lines: Vec<_> = (0..80).map(|n| format!("Ann: {n}")).collect();
    ann.send(lines.join("\n") + "\n");
    bob.await_line("Ann: 41");
    let said = Instant::now();
    bob.say("Bob: quick");
    bob.await_line("Bob: quick");
    let quick = said.elapsed();
    ann.await_line("Ann: 79");
    let (all, rest) = (begin.elapsed(), said.elapsed());
    assert!(all >= Duration::from_millis(900), "80 lines at 40 a second took {all:?}");
    assert!(quick < rest, "Bob, within his rate, waited {quick:?}, and Ann {rest:?}");
}

#[test]
fn clients_on_pipes_and_plain_sockets_share_one_room() {
    let server = Server::start(&[]);
    let mut socket = server.join();
    let mut listener = client(server.address, &["--name", "Lou", "--stay"]);
    listener.end_input();
    server.event_log().at_least(2, "a client", |line| line.contains("Has Connected!"));
    let mut speakers = ["Ann", "Bob"].map(|name| client(server.address, &["--name", name]));
    for speaker in &mut speakers {
        speaker.pipe((0..500).fold(String::new(), |text, n| format!("{text}{n}\n")));
    }
    for speaker in &mut speakers {
        speaker.exits(0);
    }
    socket.say("that is all");
    let mut heard = vec![socket.line()];
    while heard.last().is_some_and(|line| line != "that is all") {
        heard.push(socket.line());
    }
    listener.out.expect("that is all");
    assert_same("the client", &listener.out.lines(), &heard);
    for name in ["Ann", "Bob"] {
        let said = (0..500).map(|n| format!("{name}: {n}"));
        let expected: Vec<_> = said.chain([format!("{name} Disconnected!")]).collect();
        let own: Vec<_> = heard.iter().filter(|line| line.starts_with(name)).cloned().collect();
        assert_same(name, &own, &expected);
    }
}

#[test]
fn the_newer_internet_will_do_as_well() {
    if std::net::TcpListener::bind("[::1]:0").is_err() {
        return skip("this machine has no [::1]");
    }
    let server = Server::at("[::1]:0".parse().unwrap(), &[]);
    let (mut ann, mut bob) = (server.join(), server.join());
    ann.say("Ann: six");
    bob.expect("Ann: six");
    let mut client = client(server.address, &["--name", "Lou"]);
    client.pipe("hello\n".to_owned());
    client.exits(0);
    bob.expect("Lou: hello");
}
