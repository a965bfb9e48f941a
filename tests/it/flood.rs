//! More is said than anybody can hear at leisure: who reads misses nothing and is never dropped, who
//! does not read costs the others nothing, and the server's memory stays where it is.

use std::io::{Read, Write};
use std::thread;
use std::time::Duration;

use crate::support::peer::Peer;
use crate::support::process::Signal;
use crate::support::server::Server;
use crate::support::usage;

const FLOODERS: usize = 3;
/// How much each of them says, in lines of about a thousand bytes, as fast as the server takes it.
const LINES: usize = 5_000;
const FAST: usize = 2;
const DEAF: usize = 5;
/// How the slow reader reads: less than the flooders could say, and without a pause of note.
const SIP: usize = 64 * 1024;
const REST: Duration = Duration::from_millis(20);
/// What the server may need for all that, in KiB.
const MEMORY: u64 = 100_000;
const LAST_LINE: &str = "That was all";

#[test]
fn a_flood_reaches_all_who_read_whole_and_drowns_nobody() {
    let mut server = Server::start(&[]);
    let mut witness = server.join();
    let fast: [Peer; FAST] = std::array::from_fn(|_| server.join());
    let slow = server.join();
    let deaf: [Peer; DEAF] = std::array::from_fn(|_| {
        let mut peer = server.join();
        peer.shrink_window();
        peer
    });
    let flooders: [Peer; FLOODERS] = std::array::from_fn(|_| server.join());

    thread::scope(|scope| {
        for (flooder, peer) in flooders.iter().enumerate() {
            scope.spawn(move || flood(peer, flooder));
        }
        let readers = flooders.iter().chain(&fast).map(|peer| (peer, Duration::ZERO));
        let readers: Vec<_> = readers
            .chain([(&slow, REST)])
            .map(|(peer, rest)| scope.spawn(move || Digest::of_all_from(peer, rest)))
            .collect();
        let mut late = None;
        let mut heard = Vec::new();
        let mut next = [0; FLOODERS];
        while next != [LINES; FLOODERS] {
            let line = witness.line();
            let (flooder, number) = numbered(&line);
            assert_eq!(number, next[flooder], "of flooder {flooder}");
            next[flooder] += 1;
            heard.extend_from_slice(line.as_bytes());
            heard.push(b'\n');
            if late.is_none() && number > LINES / 4 {
                let mut peer = Peer::connect(server.address);
                late = Some(scope.spawn(move || {
                    let mut heard = String::new();
                    while !heard.ends_with(&format!("{LAST_LINE}\n")) {
                        heard.push_str(&peer.line());
                        heard.push('\n');
                    }
                    (heard, peer)
                }));
            }
        }
        witness.say(LAST_LINE);
        witness.expect(LAST_LINE);
        heard.extend_from_slice(format!("{LAST_LINE}\n").as_bytes());

        let whole = Digest::default().with(&heard);
        for (index, reader) in readers.into_iter().enumerate() {
            let digest = reader.join().expect("nobody is dropped who reads");
            assert_eq!(digest, whole, "reader {index} of {FLOODERS} + {FAST} + 1");
        }
        let late = late.expect("one came in the middle");
        let (late, _still_here) = late.join().expect("it is not dropped");
        assert!(heard.ends_with(late.as_bytes()), "the late one heard something else");
        assert!(late.len() > heard.len() / 4, "the late one heard only {} bytes", late.len());

        for peer in &deaf {
            assert_eq!(server.reason_of(peer.port()), "too slow");
        }
        let went = server.event_log().count(|line| line.contains("Has Disconnected!"));
        assert_eq!(went, DEAF, "somebody else went");
    });

    let peak = usage::peak_memory(server.id());
    assert!(peak < MEMORY, "the server needed {peak} KiB");
    server.process.signal(Signal::INT);
    server.process.exits(0);
}

/// Says everything at once.
fn flood(peer: &Peer, flooder: usize) {
    let padding = "x".repeat(980);
    let mut lines = Vec::new();
    for number in 0..LINES {
        writeln!(lines, "{flooder} {number} {padding}").unwrap();
        if lines.len() > SIP || number + 1 == LINES {
            peer.stream().write_all(&lines).expect("a flooder is slowed, not dropped");
            lines.clear();
        }
    }
}

/// Whose line this is, and which.
fn numbered(line: &str) -> (usize, usize) {
    let mut numbers = line.split(' ').map(|word| word.parse().expect("a number"));
    (numbers.next().expect("a flooder"), numbers.next().expect("its line"))
}

/// Enough to tell two streams apart.
#[derive(Debug, PartialEq, Eq)]
struct Digest {
    length: usize,
    hash: u64,
}

impl Default for Digest {
    fn default() -> Self {
        Self { length: 0, hash: 0xcbf2_9ce4_8422_2325 }
    }
}

impl Digest {
    /// FNV-1a: no matter in which pieces the bytes come.
    fn with(self, bytes: &[u8]) -> Self {
        let step = |hash: u64, &byte: &u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        Self { length: self.length + bytes.len(), hash: bytes.iter().fold(self.hash, step) }
    }

    /// Reads up to the last line, with a rest after each read.
    fn of_all_from(peer: &Peer, rest: Duration) -> Self {
        let last = format!("{LAST_LINE}\n");
        let (mut buffer, mut tail) = (vec![0; SIP], Vec::new());
        let mut digest = Self::default();
        while !tail.ends_with(last.as_bytes()) {
            let length = peer.stream().read(&mut buffer).expect("the connection is open");
            assert!(length > 0, "dropped after {} bytes", digest.length);
            let bytes = &buffer[..length];
            digest = digest.with(bytes);
            tail.extend_from_slice(bytes);
            tail.drain(..tail.len().saturating_sub(last.len()));
            thread::sleep(rest);
        }
        digest
    }
}
