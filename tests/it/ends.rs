//! Every end alike: a peer that can take what it is owed gets all of it, whether it is up to date or
//! behind, whatever it does meanwhile, and whether it leaves or the server stops.
use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use crate::support::network::Network;
use crate::support::peer::{Ending, Peer};
use crate::support::process::Signal;
use crate::support::server::{Server, gone};
use crate::support::{assert_same, usage, wait_until};

/// The server must stop within this time. docs/reliability.md promises it.
const STOP: Duration = Duration::from_secs(2);

/// A peer gets everything that it can take within this time after the server begins to stop. The
/// promise is a second. A test takes less, because its clock starts earlier.
const GRACE: Duration = Duration::from_millis(900);

/// For how long a peer over loopback reads what it is owed. It is more than the 200 ms for which a
/// server waits for a silent peer.
const READING: Duration = Duration::from_millis(400);

/// What a peer does from the stop on, while it reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Meanwhile {
    Speaks,
    Floods,
    Trickles,
    HalfCloses,
}

impl Meanwhile {
    /// Does it, until the connection ends.
    fn act(self, mut stream: &TcpStream) {
        let (words, pause) = match self {
            Self::Speaks => ("I speak\n".to_owned(), 20),
            Self::Floods => ("I flood\n".repeat(1000), 0),
            Self::Trickles => ("x".to_owned(), 5),
            // The other side may be first.
            Self::HalfCloses => return drop(stream.shutdown(Shutdown::Write)),
        };
        while stream.write_all(words.as_bytes()).is_ok() {
            thread::sleep(Duration::from_millis(pause));
        }
    }
}

/// Says lines, and notes everything that it hears.
struct Witness {
    peer: Peer,
    heard: Vec<String>,
}

impl Witness {
    fn new(peer: Peer) -> Self {
        Self { peer, heard: Vec::new() }
    }

    /// Says this many bytes in lines of a thousand bytes, and hears them.
    fn say(&mut self, bytes: usize) {
        for _ in 0..bytes / 50_000 {
            let line = |number: usize| format!("{:<999}\n", self.heard.len() + number);
            let lines: Vec<String> = (0..50).map(line).collect();
            self.peer.send(lines.concat());
            let last = lines[49].trim_end_matches('\n');
            while self.heard.last().is_none_or(|line| line != last) {
                self.heard.push(self.peer.line());
            }
        }
    }

    /// Speaks until all these peers are behind, and then a little more.
    fn outrun(&mut self, server: &Server, ports: &[u16]) {
        let is_behind = |port| format!("Client @PORT #{port} Is Behind!");
        let behind: Vec<String> = ports.iter().map(is_behind).collect();
        wait_until("the peers are behind", || {
            self.say(50_000);
            behind.iter().all(|it| server.event_log().count(|line| line == it) > 0)
        });
        self.say(200_000);
    }

    /// Hears the rest, and returns everything.
    fn all(mut self) -> Vec<String> {
        let (rest, ending) = self.peer.rest();
        assert_eq!(ending, Ending::Closed);
        self.heard.extend(rest);
        self.heard
    }
}

/// Reads to the end, at most so many bytes per second. The last line may be cut off.
fn read_at(per_second: f64, mut stream: &TcpStream) -> (Vec<String>, Ending) {
    let (begin, mut heard, mut buffer) = (Instant::now(), Vec::new(), [0; 16 * 1024]);
    let ending = loop {
        match stream.read(&mut buffer) {
            Ok(0) => break Ending::Closed,
            Ok(length) => heard.extend_from_slice(&buffer[..length]),
            Err(_) => break Ending::Reset,
        }
        let due = u32::try_from(heard.len()).map_or(0.0, f64::from) / per_second;
        thread::sleep(Duration::from_secs_f64(due).saturating_sub(begin.elapsed()));
    };
    (String::from_utf8_lossy(&heard).lines().map(str::to_owned).collect(), ending)
}

/// Stops the server. A peer that is owed everything that the witness has heard reads it in `reading`
/// or as fast as it comes. It must get all of it, and the farewell as its last line. Returns whether
/// this machine was fast enough to tell.
fn is_told_everything(
    mut server: Server,
    mut witness: Witness,
    peer: &Peer,
    reading: Duration,
    meanwhile: Meanwhile,
) -> bool {
    if meanwhile == Meanwhile::Speaks {
        peer.stream().write_all(b"I spoke before\n").expect("the server takes it");
        while witness.heard.last().is_none_or(|line| line != "I spoke before") {
            witness.heard.push(witness.peer.line());
        }
    }
    let owed: usize = witness.heard.iter().map(|line| line.len() + 1).sum();
    let per_second = f64::from(u32::try_from(owed).unwrap()) / reading.as_secs_f64();
    let (heard, ending, took) = thread::scope(|scope| {
        let begin = Instant::now();
        server.process.signal(Signal::INT);
        scope.spawn(|| meanwhile.act(peer.stream()));
        let (heard, ending) = read_at(per_second, peer.stream());
        // This ends the thread that speaks, if the server has not done so.
        let _ = peer.stream().shutdown(Shutdown::Both);
        assert!(server.process.ended().success());
        let took = begin.elapsed();
        assert!(took < STOP, "stopping took {took:?}");
        (heard, ending, took)
    });
    let expected = witness.all();
    assert_eq!(expected.last(), Some(&server.farewell()));
    if heard != expected && took > GRACE {
        return false;
    }
    eprintln!("{} of {} lines, {ending:?}, after {took:?}", heard.len(), expected.len());
    assert_same("the peer", &heard, &expected);
    assert_eq!(ending, Ending::Closed);
    let left = server.event_log().count(|line| line.starts_with(&gone(peer.port())));
    assert_eq!(left, 0, "the farewell stands for its end");
    true
}

/// A machine that is busy may take a second for what a peer reads here. Then the server may cut it
/// off, and the test tries again.
fn in_one_of_five(attempt: impl Fn() -> bool) {
    assert!((0..5).any(|_| attempt()), "this machine is too slow for the test");
}

/// How far a peer is when the server stops.
#[derive(Clone, Copy)]
enum Standing {
    /// The system holds some bytes for it, the room does not.
    UpToDate,
    Behind,
}

fn over_loopback(standing: Standing, meanwhile: Meanwhile) {
    in_one_of_five(|| {
        let server = Server::start(&[]);
        let mut witness = Witness::new(server.join());
        let peer = server.join();
        match standing {
            Standing::UpToDate => witness.say(200_000),
            Standing::Behind => witness.outrun(&server, &[peer.port()]),
        }
        is_told_everything(server, witness, &peer, READING, meanwhile)
    });
}

#[test]
fn a_peer_that_speaks_at_the_stop_is_told_everything() {
    over_loopback(Standing::UpToDate, Meanwhile::Speaks);
}

#[test]
fn a_laggard_that_speaks_at_the_stop_is_told_everything() {
    over_loopback(Standing::Behind, Meanwhile::Speaks);
}

#[test]
fn a_peer_that_floods_at_the_stop_is_told_everything() {
    over_loopback(Standing::UpToDate, Meanwhile::Floods);
}

#[test]
fn a_laggard_that_floods_at_the_stop_is_told_everything() {
    over_loopback(Standing::Behind, Meanwhile::Floods);
}

#[test]
fn a_peer_that_trickles_at_the_stop_is_told_everything() {
    over_loopback(Standing::UpToDate, Meanwhile::Trickles);
}

#[test]
fn a_laggard_that_trickles_at_the_stop_is_told_everything() {
    over_loopback(Standing::Behind, Meanwhile::Trickles);
}

#[test]
fn a_laggard_that_half_closes_at_the_stop_is_told_everything() {
    over_loopback(Standing::Behind, Meanwhile::HalfCloses);
}

/// The link needs more than half a second for what the server has sent before it stops.
#[test]
fn a_peer_that_speaks_over_a_slow_link_is_told_everything() {
    over_a_link(2, |_, witness, _| witness.say(150_000));
}

/// The link carries 2 MB per second, and a peer that reads them is about 1 MB behind.
#[test]
fn a_laggard_that_speaks_over_a_slow_link_is_told_everything() {
    over_a_link(16, |server, witness, port| witness.outrun(server, &[port]));
}

fn over_a_link(megabits: u32, bring_about: fn(&Server, &mut Witness, u16)) {
    in_one_of_five(|| {
        let Some(network) = Network::lay_slow(megabits) else { return true };
        let server = network.server(&[]);
        let mut witness = Witness::new(Network::peer(&network.server, &server));
        let peer = Network::peer(&network.client, &server);
        server.event_log().at_least(2, "a client", |line| line.contains("Has Connected!"));
        bring_about(&server, &mut witness, peer.port());
        // It reads as fast as it can.
        is_told_everything(server, witness, &peer, Duration::from_nanos(1), Meanwhile::Speaks)
    });
}
