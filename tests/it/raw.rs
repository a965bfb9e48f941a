//! Students' programs as clients. There is no framing: the result of one `recv(1024)` is one
//! message.

use std::net::SocketAddr;
use std::thread;

use crate::support::peer::Peer;
use crate::support::process::client;
use crate::support::python::{END, RawClient, entry};
use crate::support::server::{Server, connected};
use crate::support::{assert_same, has, wait_until};

/// A server with the framing of the assignment.
fn raw_server(flags: &[&str]) -> Server {
    Server::start(&[&["--framing", "raw"], flags].concat())
}

/// Students' clients in one room.
fn join<const N: usize>(server: &Server, names: [&str; N]) -> [RawClient; N] {
    names.map(|name| RawClient::join(server, server.address, name))
}

#[test]
fn one_message_is_one_entry() {
    if !has("python3") {
        return;
    }
    let server = raw_server(&[]);
    let mut clients = join(&server, ["Ann", "Bob"]);
    let mut said = Vec::new();
    for n in 0..10 {
        let speaker = n % 2;
        clients[speaker].say(&format!("nº {n}"));
        said.push(format!("{}: nº {n}", ["Ann", "Bob"][speaker]));
        let said: Vec<_> = said.iter().map(String::as_str).collect();
        for client in &clients {
            client.shows(&said);
        }
    }
}

#[test]
fn echo_others_spares_the_sender() {
    if !has("python3") {
        return;
    }
    let server = raw_server(&["--echo", "others"]);
    let [mut ann, mut bob, eve] = join(&server, ["Ann", "Bob", "Eve"]);
    ann.say("one");
    bob.shows(&["Ann: one"]);
    bob.say("two");
    ann.shows(&["Bob: two"]);
    // The client may read both messages as one.
    eve.shows_in_a_row("both", |text| text == "Ann: oneBob: two");
}

/// Waits until a plain socket has received all of this text.
fn is_sent(peer: &mut Peer, text: &str) {
    let mut sent = Vec::new();
    wait_until("it is sent all of it", || {
        sent.append(&mut peer.pending());
        sent.len() >= text.len()
    });
    assert_eq!(String::from_utf8_lossy(&sent), text);
}

#[test]
fn characters_are_whole_however_they_were_cut() {
    let server = raw_server(&["--prefix", "> "]);
    let (mut ann, mut bob) = (server.join(), server.join());
    // The test sends one byte at a time. Half a character is no message, so the test waits for each
    // whole character.
    for character in "né🙂!".chars() {
        let mut utf8 = [0; 4];
        for byte in character.encode_utf8(&mut utf8).bytes() {
            ann.send([byte]);
        }
        is_sent(&mut bob, &format!("> {character}"));
    }
    ann.send(b"\xff\x1b[2J");
    is_sent(&mut bob, "> \u{fffd}␛[2J");
}

#[test]
fn a_message_may_have_several_lines() {
    if !has("python3") {
        return;
    }
    let server = raw_server(&[]);
    let [bob] = join(&server, ["Bob"]);
    server.join().send("Ann: two\nlines\n");
    bob.shows(&["Ann: two\nlines\n"]);
}

#[test]
fn clients_are_greeted_and_named_if_asked_for() {
    if !has("python3") {
        return;
    }
    let flags = ["--greet", "Welcome, you are Client{number}", "--prefix", "Client{number}: "];
    let server = raw_server(&flags);
    let ann = RawClient::connect(server.address, &["--name-sent", "never"]);
    ann.shows(&["Welcome, you are Client1"]);
    let mut bob = RawClient::connect(server.address, &["--name-sent", "never"]);
    bob.shows(&["Welcome, you are Client2"]);
    bob.say("hello");
    ann.shows(&["Welcome, you are Client1", "Client2: hello"]);

    let server = raw_server(&["--greet", "You call from {address}, port {port}"]);
    let ann = RawClient::connect(server.address, &[]);
    ann.shows(&[&format!("You call from 127.0.0.1, port {}", ann.port)]);
}

#[test]
fn a_name_sent_first_and_a_farewell_are_messages_as_any() {
    if !has("python3") {
        return;
    }
    // A client that closes with unread data resets the connection.
    let server = raw_server(&["--echo", "others"]);
    let [bob] = join(&server, ["Bob"]);
    let flags = ["--name", "Ann", "--name-sent", "first", "--farewell"];
    let mut ann = RawClient::connect(server.address, &flags);
    bob.shows(&["Ann"]);
    ann.say("hello");
    bob.shows(&["Ann", "hello"]);
    ann.process.end_input();
    bob.shows(&["Ann", "hello", "Ann Disconnected!"]);
    assert_eq!(server.reason_of(ann.port), "left");
}

/// The address for raw clients, on a server that has a separate address for them.
fn raw_door(server: &Server) -> SocketAddr {
    let line = server.process.err.line("a second address", |line| line.contains("--framing raw"));
    line.rsplit(' ').next().and_then(|address| address.parse().ok()).expect("an address")
}

#[test]
fn raw_clients_and_lines_clients_share_a_conversation() {
    if !has("python3") {
        return;
    }
    let mut server =
        Server::start(&["--raw", "127.0.0.1:0", "--greet", "Hi", "--prefix", "{number}: "]);
    let mut plain = server.join();
    let mut lines = client(server.address, &["--name", "Lou"]);
    server.event_log().at_least(2, "a client", |line| line.contains(" Has Connected!"));
    let mut raw = RawClient::join(&server, raw_door(&server), "Ann");
    raw.shows(&["Hi"]);

    raw.say("from a window");
    plain.expect("3: Ann: from a window");
    lines.out.expect("3: Ann: from a window");
    lines.type_line("from a shell");
    plain.expect("Lou: from a shell");
    plain.say("from a socket");
    lines.out.expect("from a socket");
    // The client may read two of them as one.
    let talk = "Hi3: Ann: from a windowLou: from a shellfrom a socket";
    raw.shows_in_a_row("all that was said", |text| text == talk);

    server.stop();
    let farewell = server.farewell();
    raw.shows_in_a_row("the farewell", |text| text.starts_with(&(talk.to_owned() + &farewell)));
}

#[test]
fn the_end_of_the_server_is_shown_and_so_is_its_return() {
    if !has("python3") {
        return;
    }
    let mut server = raw_server(&[]);
    let address = server.address;
    let mut ann = RawClient::connect(address, &["--name", "Ann", "--reconnect"]);
    server.event_log().expect_start(&connected(ann.port));
    server.stop();
    ann.process.out.wait_for("the end", |lines, _| lines.iter().any(|l| l == END).then_some(()));
    assert_eq!(ann.process.out.lines()[..2], [entry(&server.farewell()), END.to_owned()]);

    let again = Server::at(address, &["--framing", "raw"]);
    let came = again.event_log().line("the client", |line| line.contains(" Has Connected!"));
    let noticed = |line: &str| {
        line.strip_prefix("connected, @PORT #")
            .is_some_and(|port| came.contains(&format!("#{port} ")))
    };
    ann.process.err.line("the same on its side", noticed);
    ann.say("here again");
    ann.process.out.expect(&entry("Ann: here again"));
}

/// Marks the end of a message, because a raw reader sees no other sign of it.
const MARK: char = '■';

const SPEAKERS: usize = 5;
const MESSAGES: usize = 200;

fn message(speaker: usize, n: usize) -> String {
    format!("S{speaker}: {n} zwölf Boxkämpfer 🥊 jagen Виктора 你好{MARK}")
}

#[test]
fn under_load_every_message_is_whole_and_all_see_one_order() {
    let server = raw_server(&[]);
    let mut peers: [Peer; SPEAKERS] = std::array::from_fn(|_| server.join());
    let length: usize =
        (0..SPEAKERS * MESSAGES).map(|n| message(n / MESSAGES, n % MESSAGES).len()).sum();
    let heard = thread::scope(|scope| {
        let talk = |(speaker, peer): (usize, &mut Peer)| {
            let mut heard = Vec::new();
            // Each speaker waits until its last message has come back, because nothing on the wire
            // separates messages.
            for n in 0..MESSAGES {
                let text = message(speaker, n);
                peer.send(&text);
                let last = text.as_bytes();
                wait_until("it comes back", || {
                    heard.append(&mut peer.pending());
                    heard.windows(last.len()).rev().any(|window| window == last)
                });
            }
            wait_until("everything is heard", || {
                heard.append(&mut peer.pending());
                heard.len() >= length
            });
            String::from_utf8(heard).expect("the server sends nothing but UTF-8")
        };
        let talks = peers.iter_mut().enumerate();
        let talks: Vec<_> = talks.map(|peer| scope.spawn(move || talk(peer))).collect();
        talks.into_iter().map(|talk| talk.join().expect("it hears everything")).collect::<Vec<_>>()
    });
    let messages: Vec<_> = heard[0].split_inclusive(MARK).map(str::to_owned).collect();
    for speaker in 0..SPEAKERS {
        let said: Vec<_> = (0..MESSAGES).map(|n| message(speaker, n)).collect();
        let start = format!("S{speaker}: ");
        let own: Vec<_> =
            messages.iter().filter(|text| text.starts_with(&start)).cloned().collect();
        assert_same("what one said", &own, &said);
    }
    assert!(heard.iter().all(|text| *text == heard[0]), "two saw two orders");
}

#[test]
fn the_first_message_may_be_the_name() {
    let flags = ["--name-first", "--greet", "Hello {name}. ", "--prefix", "{name}: "];
    let mut server = raw_server(&flags);
    let (mut ann, mut bob) = (server.join(), server.join());
    ann.send("Ann\n");
    is_sent(&mut ann, "Hello Ann. ");
    bob.send("Bob");
    is_sent(&mut bob, "Hello Bob. ");
    ann.send("hello");
    is_sent(&mut ann, "Ann: hello");
    // The message only, without a name.
    is_sent(&mut bob, "Ann: hello");
    server.stop();
    server.process.err.expect("stopped; 2 clients connected, 1 message delivered");
}

#[test]
fn a_raw_client_of_ours_is_no_different() {
    let server = raw_server(&[]);
    let mut peer = server.join();
    let mut lou = client(server.address, &["--framing", "raw", "--name", "Lou"]);
    lou.pipe("one\ntwo\nthree\n".to_owned());
    lou.exits(0);
    assert_eq!(lou.out.lines(), ["Lou: one", "Lou: two", "Lou: three", "Lou Disconnected!"]);
    server.event_log().expect("Lou Disconnected!");
    let said = b"Lou: oneLou: twoLou: threeLou Disconnected!";
    let mut heard = Vec::new();
    wait_until("the peer has heard it all", || {
        heard.append(&mut peer.pending());
        heard.len() >= said.len()
    });
    assert_eq!(heard, said);
}

#[test]
fn a_client_without_newlines_gets_the_operator_a_hint() {
    let server = Server::start(&[]);
    let mut ann = server.join();
    let hint = |line: &str| line.contains("sends no newline") && line.contains("--framing raw");
    wait_until("there is a hint", || {
        ann.send("Ann: hello");
        server.process.err.count(hint) > 0
    });
    let mut bob = server.join();
    bob.send("Bob: hello");
    bob.say("");
    bob.expect("Bob: hello");
    assert_eq!(server.process.err.count(hint), 1);
}
