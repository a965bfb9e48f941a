//! Servers that lie, and strangers who write what a server would: the client claims nothing that did
//! not happen, and loses nothing for it.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::time::Instant;

use proptest::collection::vec;
use proptest::prelude::*;
use tcp_chat::client::{Config, Failure, Input, Screen, Status};
use tcp_chat::conversation;
use tcp_chat::wire::{self, Framing};

use crate::support::PATIENCE;
use crate::support::fake::{Fake, failure};
use crate::support::process::{self, Process, Signal, client};
use crate::support::script::{numbers, said};
use crate::support::server::{ANY_PORT, Server};

const FAREWELL: &str = "Ann Disconnected!";

fn refusal(most: usize) -> String {
    format!("* Line refused: a line may have at most {most} bytes, yours had more")
}

#[test]
fn a_stranger_cannot_refuse_a_line() {
    let fake = Fake::listen();
    let mut ann = client(fake.address(), &["--name", "Ann"]);
    ann.pipe(numbers(3));
    let lines = said("Ann", 3);
    let mut call = fake.answer();
    call.expect(&lines);
    call.say(&lines[0]);
    call.say(&refusal(0));
    call.say(&refusal(5));
    call.say(&lines[1]);
    call.say(&refusal(0));
    // All that is left seems to be refused, so the client looks whether its farewell comes back.
    call.expect(&[FAREWELL.to_owned()]);
    // The server is gone, and has proved nothing.
    drop(call);
    let mut call = fake.answer();
    // What had come back may be said again.
    while call.hear().expect("what is left is said again") != lines[2] {}
    call.say(&lines[0]);
    call.say(&lines[1]);
    call.say(&lines[2]);
    call.say(FAREWELL);
    drop(call);
    ann.exits(0);
    let shown: Vec<_> = ann.out.lines().into_iter().filter(|line| lines.contains(line)).collect();
    assert_eq!(shown, lines);
    assert_eq!(ann.err.count(|line| line.contains("efused")), 0, "{:?}", ann.err.lines());
}

#[test]
fn the_last_line_is_known_to_be_refused_when_the_farewell_comes_back() {
    let server = Server::start(&["--max-line", "20"]);
    let mut bob = server.join();
    let mut ann = client(server.address, &["--name", "Ann"]);
    ann.pipe(format!("one\n{}\n", "x".repeat(30)));
    let begin = Instant::now();
    assert_eq!(failure(&mut ann), "tcp-chat: 1 line was too long and not delivered");
    assert!(begin.elapsed() < PATIENCE / 2, "it waited for what cannot come");
    bob.expect("Ann: one");
    bob.expect(FAREWELL);
}

#[test]
fn more_lines_can_be_refused_than_a_window_holds() {
    let server = Server::start(&["--max-line", "20"]);
    let mut bob = server.join();
    let mut ann = client(server.address, &["--name", "Ann"]);
    ann.pipe(format!("{}\n", "x".repeat(30)).repeat(200));
    assert_eq!(failure(&mut ann), "tcp-chat: 200 lines were too long and not delivered");
    bob.expect(FAREWELL);
}

#[test]
fn a_farewell_that_is_not_the_last_line_is_none() {
    let fake = Fake::listen();
    let mut ann = client(fake.address(), &["--name", "Ann", "--stay"]);
    ann.pipe(numbers(1));
    let lines = said("Ann", 1);
    let mut call = fake.answer();
    call.say("Server @PORT #1 Offline...");
    call.echo(&lines);
    ann.out.expect(&lines[0]);
    call.reset();
    let mut call = fake.answer();
    call.expect(&lines);
    call.say(&lines[0]);
    call.say("Server @PORT #1 Offline...");
    drop(call);
    ann.exits(0);
}

/// Whether the server heard a line and whether the client claims it must not differ.
#[test]
fn without_echo_a_line_counts_as_said_only_if_it_was_sent() {
    let fake = Fake::listen();
    let mut ann = client(fake.address(), &["--name", "Ann", "--local-echo"]);
    let call = fake.answer();
    ann.err.line("a connection", |line| line.contains("Successful!"));
    drop(call);
    ann.err.line("the loss", |line| line.contains("Lost"));
    ann.type_line("1");
    let mut call = fake.answer();
    ann.err.at_least(2, "a connection", |line| line.contains("Successful!"));
    // The client waits for others to come back as well before it speaks.
    ann.signal(Signal::INT);
    let heard: Vec<_> = std::iter::from_fn(|| call.hear()).collect();
    drop(call);
    let shown = ann.out.lines().contains(&"Ann: 1".to_owned());
    assert_eq!(heard.contains(&"Ann: 1".to_owned()), shown, "shown: {shown}, heard: {heard:?}");
    if shown {
        ann.exits(0);
    } else {
        assert!(failure(&mut ann).contains("1 line was not sent"));
    }
}

#[test]
fn without_echo_a_full_server_has_heard_nothing() {
    let server = Server::start(&["--max-clients", "1", "--echo", "others"]);
    let mut guest = server.join();
    let mut ann = client(server.address, &["--name", "Ann", "--local-echo"]);
    ann.pipe(numbers(500));
    ann.out.line("a refusal", |line| line.starts_with("* Server full: "));
    ann.err.line("the reason", |line| line.ends_with("Lost (the server is full)"));
    assert_eq!(ann.out.count(|line| line.starts_with("Ann: ")), 0, "claims to have said something");
    guest.finish();
    guest.expect_end();
    ann.exits(0);
    server.history().expect("Ann: 500");
    let shown: Vec<_> = ann.out.lines().into_iter().filter(|l| l.starts_with("Ann: ")).collect();
    assert_eq!(shown, said("Ann", 500));
}

#[test]
fn what_is_no_chat_server_is_not_stormed() {
    let fake = Fake::listen();
    let mut ann = client(fake.address(), &["--name", "Ann", "--give-up-after", "4"]);
    ann.pipe(numbers(2));
    let mut calls = 0;
    while !ann.has_ended() {
        if let Some(mut call) = fake.try_answer() {
            call.say("HTTP/1.1 400 Bad Request");
            calls += 1;
        }
    }
    assert!(failure(&mut ann).contains("2 lines are unconfirmed"));
    assert!((3..=8).contains(&calls), "called {calls} times in 4 s");
    assert_eq!(ann.err.count(|line| line.contains("does not look like a chat server")), 1);
}

#[test]
fn a_client_that_never_hears_itself_is_told_once_what_may_help() {
    let fake = Fake::listen();
    let mut ann = client(fake.address(), &["--name", "Ann", "--give-up-after", "7.5"]);
    ann.pipe(numbers(2));
    let _call = fake.answer();
    assert!(failure(&mut ann).contains("2 lines are unconfirmed"));
    assert_eq!(ann.err.count(|line| line.contains("--framing raw")), 1, "{:?}", ann.err.lines());
}

#[test]
fn the_last_words_say_what_was_not_sent_and_to_whom() {
    let address = Fake::listen().address();
    let host = format!("localhost:{}", address.port());
    let mut command = process::program();
    command.args(["client", &host, "--name", "Ann"]);
    let mut ann = Process::start(command);
    ann.type_line("1");
    ann.err.line("an attempt", |line| line.contains("Failed"));
    // A pipe is read by a thread of its own: this shows how far it has come.
    ann.type_line(&"x".repeat(1020));
    ann.err.line("a complaint", |line| line.ends_with("at most 1024 bytes, yours has 1025"));
    ann.signal(Signal::TERM);
    let server = format!("localhost @PORT #{}", address.port());
    let words = format!("tcp-chat: 1 line was not sent: no connection to {server}");
    assert_eq!(failure(&mut ann), words);
    let failed = format!("Connection to {server} Failed (");
    assert!(ann.err.lines()[0].starts_with(&failed), "{:?}", ann.err.lines());
}

/// A raw server that took the client's words apart made it panic.
#[test]
fn a_raw_server_may_say_anything() {
    let fake = Fake::listen();
    let mut ann = client(fake.address(), &["--framing", "raw", "--name", "N", "--no-reconnect"]);
    ann.pipe("BX\nB\n".to_owned());
    let mut call = fake.answer();
    for (text, shown) in [("N: B", 1), (&refusal(0), 2), ("hello", 3)] {
        call.send(text);
        ann.out.at_least(shown, "what came", |_| true);
    }
    drop(call);
    assert!(failure(&mut ann).contains("2 lines are unconfirmed"), "{:?}", ann.err.lines());
}

#[test]
fn long_raw_messages_are_confirmed() {
    let fake = Fake::listen();
    let flags = ["--framing", "raw", "--name", "Ann", "--max-line", "100000"];
    let mut ann = client(fake.address(), &flags);
    let long = "é🙂 ".repeat(3000);
    ann.pipe(format!("{long}\n2\n"));
    let mut call = fake.answer();
    // It sends the second when the first has come back, and says goodbye after that.
    for text in [format!("Ann: {long}"), "Ann: 2".to_owned()] {
        assert_eq!(call.hear_bytes(text.len()), text);
        call.send(&text);
    }
    assert_eq!(call.hear_bytes(FAREWELL.len()), FAREWELL);
    drop(call);
    ann.exits(0);
}

/// What a lying server sends.
#[derive(Clone, Debug)]
enum Lie {
    /// The client's line of this number, as it would come back.
    Own(usize),
    /// The first bytes of it, without an end.
    Begin(usize, usize),
    Tagged(&'static str, usize),
    Refusal(usize),
    Sentence(&'static str),
    Bytes(Vec<u8>),
}

fn lie() -> impl Strategy<Value = Lie> {
    let sentences = prop::sample::select(vec![
        "Server @PORT #1 Offline...",
        "* Server full: 1 clients are connected, try again later",
        FAREWELL,
        "Bob: hello",
        "",
    ]);
    let tags = prop::sample::select(vec!["Ann: ", "<Ann> ", "Bob: ", "Ann"]);
    prop_oneof![
        8 => (0..LINES).prop_map(Lie::Own),
        2 => (0..LINES, 1..9_usize).prop_map(|(line, bytes)| Lie::Begin(line, bytes)),
        4 => (tags, 0..LINES).prop_map(|(tag, line)| Lie::Tagged(tag, line)),
        3 => (0..10_usize).prop_map(Lie::Refusal),
        1 => sentences.prop_map(Lie::Sentence),
        1 => vec(any::<u8>(), 0..9).prop_map(Lie::Bytes),
    ]
}

const LINES: usize = 6;

/// What the client says, of which some lines begin like others.
const SAID: [&str; LINES] = ["a", "aa", "aXa", "a", "a long line", "é🙂"];

/// What a client claims.
#[derive(Default)]
struct Claims {
    own: Vec<String>,
    refused: Vec<String>,
}

impl Screen for Claims {
    fn own(&mut self, line: &str) {
        self.own.push(line.to_owned());
    }

    fn other(&mut self, _line: &str) {}

    fn notice(&mut self, _notice: &str) {}

    fn complaint(&mut self, why: &str) {
        let line = why.strip_prefix("Refused by the server, not sent: ").expect("that only");
        self.refused.push(line.to_owned());
    }

    fn waiting(&mut self, _line: &str) {}

    fn status(&mut self, _status: Status) {}

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Sends all lies, in pieces of so many bytes, when the client has begun to speak.
fn tell(mut stream: TcpStream, begin: &str, lies: &[u8], piece: usize) -> io::Result<()> {
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.read_exact(&mut vec![0; begin.len()])?;
    for piece in lies.chunks(piece) {
        stream.write_all(piece)?;
    }
    stream.shutdown(Shutdown::Write)?;
    io::copy(&mut stream, &mut io::sink()).map(drop)
}

/// How many of `said` are found in `text`, in this order.
fn found_in(text: &str, said: &[String]) -> usize {
    let mut rest = text;
    let found = said.iter().take_while(|line| {
        let at = rest.find(line.as_str());
        rest = at.map_or(rest, |at| &rest[at + line.len()..]);
        at.is_some()
    });
    found.count()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..Default::default() })]

    /// No panic; and each line was confirmed, and has come back; or was refused, and did not, though
    /// a later one did; or is said to be unconfirmed.
    #[test]
    fn whatever_a_server_sends_each_line_is_accounted_for(
        lies in vec(lie(), 0..25),
        raw in any::<bool>(),
        // It takes the client 200 ms.
        introduce in prop::bool::weighted(0.1),
        piece in 1..40_usize,
    ) {
        let listener = TcpListener::bind(ANY_PORT).unwrap();
        let config = Config {
            address: listener.local_addr().unwrap().to_string(),
            name: "Ann".parse().unwrap(),
            framing: if raw { Framing::Raw } else { Framing::Lines },
            introduce,
            local_echo: false,
            max_line: wire::MAX_LINE,
            window: usize::MAX,
            stay: false,
            reconnect: false,
            give_up_after: Some(PATIENCE),
        };
        let said = SAID.map(|text| if introduce { text.to_owned() } else { format!("Ann: {text}") });
        let end = if raw { "" } else { "\n" };
        let mut bytes = Vec::new();
        for lie in lies {
            match lie {
                Lie::Own(line) => bytes.extend(format!("{}{end}", said[line]).bytes()),
                Lie::Begin(line, length) => bytes.extend(said[line].bytes().take(length)),
                Lie::Tagged(tag, line) => bytes.extend(format!("{tag}{}{end}", said[line]).bytes()),
                Lie::Refusal(most) => bytes.extend(format!("{}{end}", refusal(most)).bytes()),
                Lie::Sentence(text) => bytes.extend(format!("{text}{end}").bytes()),
                Lie::Bytes(noise) => bytes.extend(noise),
            }
        }
        let (input, lines) = crossbeam_channel::unbounded();
        for text in SAID {
            input.send(Input::Say(text.to_owned())).unwrap();
        }
        drop(input);
        let mut claims = Claims::default();
        let begin = if introduce { format!("Ann{end}{}", said[0]) } else { said[0].clone() };
        let begin = begin.as_str();
        let outcome = std::thread::scope(|scope| {
            let lies = &bytes;
            // If the client is done before the server, the server cannot tell it all.
            scope.spawn(move || {
                listener.accept().and_then(|(stream, _)| tell(stream, begin, lies, piece))
            });
            conversation::run(&config, &lines, &crossbeam_channel::never(), &mut claims)
        });

        let text = String::from_utf8_lossy(&bytes);
        claims.own.retain(|line| line != "Ann Disconnected!" && line != "Disconnected!");
        let (own, refused) = (claims.own.len(), claims.refused.len());
        let unconfirmed = match &outcome {
            Ok(()) | Err(Failure::Refused(_)) => 0,
            Err(Failure::Lost(_, lines)) => *lines,
            Err(other) => return Err(TestCaseError::fail(format!("{other}"))),
        };
        prop_assert_eq!(own + refused + unconfirmed, LINES);
        prop_assert_eq!(matches!(outcome, Err(Failure::Refused(_))), refused > 0 && unconfirmed == 0);
        prop_assert!(refused == 0 || text.contains("* Line refused: "));
        let mut refused = claims.refused.iter().peekable();
        let rest = said.iter().filter(|line| refused.next_if_eq(line).is_none());
        let confirmed: Vec<_> = rest.take(own).cloned().collect();
        prop_assert!(refused.next().is_none(), "refused and never said: {:?}", claims.refused);
        prop_assert_eq!(found_in(&text, &confirmed), own, "{:?} in {:?}", claims.own, text);
    }
}
