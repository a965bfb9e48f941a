//! Peers say more than all clients can easily read. A client that reads misses no line and is never
//! dropped. A client that does not read costs the others nothing. The server's memory stays
//! bounded.

use std::io::{Read, Write};
use std::thread;
use std::time::Duration;

use crate::support::peer::Peer;
use crate::support::process::Signal;
use crate::support::server::Server;
use crate::support::usage;

const FLOODERS: usize = 3;
/// How many lines each flooder says, about a thousand bytes each, as fast as the server takes them.
const LINES: usize = 5_000;
const FAST: usize = 2;
const DEAF: usize = 5;
/// How the slow reader reads: more slowly than the flooders could send, and without long pauses.
const SIP: usize = 64 * 1024;
const REST: Duration = Duration::from_millis(20);
/// How much memory the server may need for this test, in KiB.
const MEMORY: u64 = 100_000;
const LAST_LINE: &str = "That was all";

#[test]
fn a_flood_reaches_every_reader_whole() {
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
            let digest = reader.join().expect("no reader is dropped");
            assert_eq!(digest, whole, "reader {index} of {FLOODERS} + {FAST} + 1");
        }
        let late = late.expect("a reader joined in the middle");
        let (late, _still_here) = late.join().expect("it is not dropped");
        assert!(heard.ends_with(late.as_bytes()), "the late reader heard something else");
        assert!(late.len() > heard.len() / 4, "the late reader heard only {} bytes", late.len());

        for peer in &deaf {
            assert_eq!(server.reason_of(peer.port()), "too slow");
        }
        let went = server.event_log().count(|line| line.contains("Has Disconnected!"));
        assert_eq!(went, DEAF, "another client left");
    });

    let peak = usage::peak_memory(server.id());
    assert!(peak < MEMORY, "the server needed {peak} KiB");
    server.process.signal(Signal::INT);
    server.process.exits(0);
}

/// Sends all lines at once.
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

/// The flooder and the number of this line.
fn numbered(line: &str) -> (usize, usize) {
    let mut numbers = line.split(' ').map(|word| word.parse().expect("a number"));
    (numbers.next().expect("a flooder"), numbers.next().expect("its line"))
}

/// A checksum, to compare two streams.
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
    /// FNV-1a. The result does not depend on how the bytes are cut into pieces.
    fn with(self, bytes: &[u8]) -> Self {
        let step = |hash: u64, &byte: &u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        Self { length: self.length + bytes.len(), hash: bytes.iter().fold(self.hash, step) }
    }

    /// Reads up to the last line, with a pause after each read.
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
