//! Every end alike: a peer that can take what it is owed gets all of it, whether it is up to date or
//! behind, whatever it does meanwhile, and whether it leaves or the server stops.
use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use socket2::SockRef;

use crate::support::network::Network;
use crate::support::peer::{Ending, Peer};
use crate::support::process::Signal;
use crate::support::server::{Server, gone};
use crate::support::witness::Witness;
use crate::support::{PATIENCE, assert_same, usage, wait_until};

/// The server must stop within this time. docs/reliability.md promises it.
const STOP: Duration = Duration::from_secs(2);

/// A peer gets everything that it can take within this time after the server begins to stop. The
/// promise is a second. A test takes less, because its clock starts earlier.
const GRACE: Duration = Duration::from_millis(900);

/// For how long a peer over loopback reads what it is owed. It is more than the 200 ms for which a
/// server waits for a silent peer.
const READING: Duration = Duration::from_millis(400);

/// What a peer does while it reads.
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
            Self::Floods => ("I flood\n".repeat(1000), 1),
            Self::Trickles => ("x".to_owned(), 5),
            // The other side may be first.
            Self::HalfCloses => return drop(stream.shutdown(Shutdown::Write)),
        };
        let begin = Instant::now();
        while begin.elapsed() < PATIENCE && stream.write_all(words.as_bytes()).is_ok() {
            thread::sleep(Duration::from_millis(pause));
        }
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
    witness: Witness,
    peer: &Peer,
    reading: Duration,
    meanwhile: Meanwhile,
) -> bool {
    let owed: usize = witness.heard.iter().map(|line| line.len() + 1).sum();
    let per_second = f64::from(u32::try_from(owed).unwrap()) / reading.as_secs_f64();
    let begins_before = matches!(meanwhile, Meanwhile::Speaks | Meanwhile::Trickles);
    let (expected, heard, ending, took, stopped) = thread::scope(|scope| {
        let act = || meanwhile.act(peer.stream());
        let before = begins_before.then(|| scope.spawn(act));
        let begin = Instant::now();
        server.process.signal(Signal::INT);
        // The others begin when the farewell has been said.
        let expected = witness.all();
        before.is_none().then(|| scope.spawn(act));
        let (heard, ending) = read_at(per_second, peer.stream());
        let took = begin.elapsed();
        // This ends the thread that speaks, if the server has not done so.
        let _ = peer.stream().shutdown(Shutdown::Both);
        assert!(server.process.ended().success());
        (expected, heard, ending, took, begin.elapsed())
    });
    assert_eq!(expected.last(), Some(&server.farewell()));
    if stopped >= STOP || heard != expected && took > GRACE {
        eprintln!("stopping took {stopped:?}");
        return false;
    }
    eprintln!("{} of {} lines, {ending:?}, after {took:?}", heard.len(), expected.len());
    assert_same("the peer", &heard, &expected);
    assert_eq!(ending, Ending::Closed);
    true
}

/// A machine that is busy may take a second for what a peer reads here. Then the server may cut it
/// off, or stop late, and the test tries again.
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
            Standing::UpToDate => {
                // Otherwise the peer's system takes everything at once.
                let window = SockRef::from(peer.stream()).set_recv_buffer_size(32 * 1024);
                window.expect("a window can be small");
                witness.say(200_000);
            }
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
fn a_peer_that_half_closes_at_the_stop_is_told_everything() {
    over_loopback(Standing::UpToDate, Meanwhile::HalfCloses);
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

/// The link carries 3 MB per second, and a peer that reads them is owed more than 1 MB.
#[test]
fn a_laggard_that_speaks_over_a_slow_link_is_told_everything() {
    over_a_link(24, |server, witness, port| witness.outrun(server, &[port]));
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

/// Peers in every state, all at once.
#[test]
fn the_server_stops_in_time_whatever_its_peers_do() {
    let mut server = Server::start(&["--stall-timeout", "600", "--max-backlog", "1000000000"]);
    let log = server.event_log().clone();
    let left = |port| log.count(|line| line.starts_with(&gone(port)));
    let mut witness = Witness::new(server.join());
    // These leave before the stop.
    let [hung_up, mut finished, torn] = std::array::from_fn(|_| server.join());
    let left_before = [hung_up.port(), finished.port(), torn.port()];
    finished.finish();
    drop(hung_up);
    torn.reset();
    assert_eq!(
        left_before.map(|port| server.reason_of(port)),
        ["left", "left", "connection reset"]
    );
    // These are behind.
    let behind: [Peer; 4] = std::array::from_fn(|_| server.join());
    witness.outrun(&server, &behind.each_ref().map(Peer::port));
    let [deaf, sipping, reading, mut half_closed] = behind;
    half_closed.finish();
    let half_closed_port = half_closed.port();
    let unread = || usage::unread(server.port(), half_closed_port);
    wait_until("the server has read the end", || unread() == 0);
    let owed = witness.heard.len();
    // These are up to date.
    let [idle, trickling, flooding, resetting] = std::array::from_fn(|_| server.join());
    witness.say(50_000);

    let told = [&reading, &idle, &trickling, &flooding];
    let (half_heard, everything) = thread::scope(|scope| {
        scope.spawn(|| Meanwhile::Trickles.act(trickling.stream()));
        scope.spawn(|| read_at(300_000.0, sipping.stream()));
        let begin = Instant::now();
        server.process.signal(Signal::TERM);
        scope.spawn(|| Meanwhile::Floods.act(flooding.stream()));
        let telling = told.map(|peer| scope.spawn(|| read_at(f64::INFINITY, peer.stream()).0));
        let half_heard = scope.spawn(|| read_at(f64::INFINITY, half_closed.stream()).0);
        resetting.reset();
        let everything = witness.all();
        assert!(server.process.ended().success());
        let took = begin.elapsed();
        // This ends the threads that speak, and the one that reads slowly.
        for peer in [&trickling, &flooding, &sipping] {
            let _ = peer.stream().shutdown(Shutdown::Both);
        }
        assert!(took < STOP, "stopping took {took:?}");
        for (index, heard) in telling.into_iter().enumerate() {
            let heard = heard.join().expect("it reads to the end");
            assert_eq!(heard.last(), Some(&server.farewell()), "peer {index}");
            assert!(everything.ends_with(&heard), "peer {index} misses a line");
        }
        (half_heard.join().expect("it reads to the end"), everything)
    });
    assert!(half_heard.len() >= owed, "{} lines of {owed}", half_heard.len());
    assert!(everything.starts_with(&half_heard), "it heard something else");
    for port in left_before.into_iter().chain([half_closed_port]) {
        assert_eq!(left(port), 1, "#{port} has left");
    }
    let here = [&idle, &trickling, &flooding, &deaf, &sipping].map(|peer| left(peer.port()));
    assert_eq!(here, [0; 5], "the farewell stands for their ends: {:?}", log.last_words());
}

#[test]
fn the_farewell_stands_for_the_end_of_a_laggard_as_well() {
    let mut server = Server::start(&[]);
    let mut witness = Witness::new(server.join());
    let mut behind = server.join();
    witness.outrun(&server, &[behind.port()]);
    server.process.signal(Signal::INT);
    // It reads only when the farewell has been said.
    let everything = witness.all();
    assert_eq!(behind.rest(), (everything, Ending::Closed));
    assert!(server.process.ended().success());
    let left = server.event_log().count(|line| line.contains("Has Disconnected!"));
    assert_eq!(left, 0, "nobody left before the stop");
}
