//! A server that sends random data. The client runs in the process of the test, over a real
//! connection.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};

use proptest::collection::vec;
use proptest::prelude::*;
use tcp_chat::client::{self, Config, Failure, Input, Introduction, Screen, Show};
use tcp_chat::protocol::{self, Framing};

use super::liars::{FAREWELL, refusal};
use crate::support::PATIENCE;
use crate::support::server::ANY_PORT;

/// One piece of data that a lying server sends.
#[derive(Clone, Debug)]
enum Lie {
    /// The client's line with this number, as it would come back.
    Own(usize),
    /// The first bytes of this line, without its end.
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

/// The lines of the client. Some lines begin like others. No two are the same, so the test knows
/// which line was confirmed.
const SAID: [&str; LINES] = ["a", "aa", "aXa", "aX", "a long line", "é🙂"];

/// The claims of a client.
#[derive(Default)]
struct Claims {
    own: Vec<String>,
    refused: Vec<String>,
}

impl Screen for Claims {
    fn show(&mut self, what: Show) {
        match what {
            Show::Own(line) => self.own.push(line),
            Show::Complaint(why) => {
                let line = why.strip_prefix("Refused by the server, too long: ");
                self.refused.push(line.expect("a refusal").to_owned());
            }
            _ => {}
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Sends all lies in pieces of this many bytes, after the client has begun to speak.
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

/// How many of the lines `said` are found in `text`, in this order.
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

    /// There is no panic. Each line has one of three results. It came back and is confirmed; or it
    /// did not come back, a later line did, and it counts as refused; or it is reported as
    /// unconfirmed.
    #[test]
    fn whatever_a_server_sends_each_line_is_accounted_for(
        lies in vec(lie(), 0..25),
        raw in any::<bool>(),
        // With this flag, the client needs 200 ms more.
        introduce in prop::bool::weighted(0.1),
        piece in 1..40_usize,
    ) {
        let listener = TcpListener::bind(ANY_PORT).unwrap();
        let config = Config {
            greets: false,
            address: listener.local_addr().unwrap().to_string(),
            name: "Ann".parse().unwrap(),
            framing: if raw { Framing::Raw } else { Framing::Lines },
            introduce: if introduce { Introduction::Yes } else { Introduction::No },
            local_echo: false,
            max_line: protocol::MAX_LINE,
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
            // If the client ends first, the server cannot send all its data.
            scope.spawn(move || {
                listener.accept().and_then(|(stream, _)| tell(stream, begin, lies, piece))
            });
            client::run(&config, &lines, &crossbeam_channel::never(), &mut claims)
        });

        let text = String::from_utf8_lossy(&bytes);
        claims.own.retain(|line| line != "Ann Disconnected!" && line != "Disconnected!");
        let (own, refused) = (claims.own.len(), claims.refused.len());
        let unconfirmed = match &outcome {
            Ok(()) | Err(Failure::TooLong(_)) => 0,
            Err(Failure::NotConnected { unconfirmed, .. }) => *unconfirmed,
            Err(other) => return Err(TestCaseError::fail(format!("{other}"))),
        };
        prop_assert_eq!(own + refused + unconfirmed, LINES);
        prop_assert_eq!(matches!(outcome, Err(Failure::TooLong(_))), refused > 0 && unconfirmed == 0);
        prop_assert!(refused == 0 || text.contains("* Line refused: "));
        let mut refused = claims.refused.iter().peekable();
        let mut confirmed = said.to_vec();
        confirmed.retain(|line| refused.next_if_eq(&line).is_none());
        confirmed.truncate(own);
        prop_assert!(refused.next().is_none(), "refused and never said: {:?}", claims.refused);
        prop_assert_eq!(found_in(&text, &confirmed), own, "{:?} in {:?}", claims.own, text);
    }
}
