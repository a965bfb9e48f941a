//! The graceful shutdown: every client is informed, no client delays the server for long, and the
//! next server can start.

use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant};

use crate::support::peer::{Ending, Peer};
use crate::support::process::{self, Process, Signal, client};
use crate::support::server::{ANY_PORT, Server};
use crate::support::usage;

/// How long a server with a thousand clients may take to stop. docs/reliability.md promises it.
pub(crate) const SOON: Duration = Duration::from_secs(2);

/// Signals this soon after the first count as one with it.
pub(crate) const TOGETHER: Duration = Duration::from_millis(500);

/// Signals the server, and waits until it has ended well and in time.
pub(crate) fn stop_in_time(server: &mut Server, signal: Signal) {
    let begin = Instant::now();
    server.process.signal(signal);
    let status = server.process.ended();
    let took = begin.elapsed();
    assert_eq!(status.code(), Some(0), "{signal:?}: {:?}", server.process.err.last_words());
    assert!(took < SOON, "{signal:?}: ended after {took:?}");
}

#[test]
fn every_signal_that_asks_for_the_end_is_obeyed_and_everyone_is_told() {
    for signal in [Signal::INT, Signal::TERM, Signal::HUP] {
        let mut server = Server::start(&[]);
        let mut peers = [server.join(), server.join()];
        let mut listener = client(server.address, &["--name", "Lou", "--stay"]);
        listener.end_input();
        server.event_log().at_least(3, "a client", |line| line.contains("Has Connected!"));
        peers[0].send("Ann: one\nAnn: two\nAnn: half a li");
        peers[1].expect("Ann: one");
        peers[1].expect("Ann: two");
        peers[0].expect("Ann: one");
        peers[0].expect("Ann: two");

        stop_in_time(&mut server, signal);
        for peer in &mut peers {
            assert_eq!(peer.rest(), (vec![server.farewell()], Ending::Closed));
        }
        listener.exits(0);
        assert_eq!(listener.out.lines().last(), Some(&server.farewell()));
        let halves = server.event_log().count(|line| line.contains("half"));
        assert_eq!(halves, 0, "half a line became one because the server ended");
    }
}

#[test]
fn a_thousand_are_told_in_time() {
    const CLIENTS: usize = 1000;
    if !usage::may_open(CLIENTS as u64 + 100) {
        return;
    }
    let mut server = Server::start(&[]);
    let mut peers: Vec<_> = (0..CLIENTS).map(|_| Peer::connect(server.address)).collect();
    let connected = |line: &str| line.contains(" Has Connected! (");
    server.event_log().at_least(CLIENTS, "a client", connected);
    stop_in_time(&mut server, Signal::INT);
    for peer in &mut peers {
        assert_eq!(peer.rest(), (vec![server.farewell()], Ending::Closed));
    }
}

#[test]
fn a_client_that_speaks_at_that_moment_gets_the_farewell() {
    const SPEAKERS: usize = 6;
    let mut server = Server::start(&[]);
    let farewell = &server.farewell();
    thread::scope(|scope| {
        for speaker in 0..SPEAKERS {
            let mut peer = server.join();
            scope.spawn(move || {
                // Each speaker sends a line only after the line before it has come back, until the
                // end.
                for number in 0_u64.. {
                    let line = format!("S{speaker}: {number}");
                    // The server may be gone: then there is something to read.
                    let _ = peer.try_send(format!("{line}\n"));
                    match first_of(&mut peer, [&line, farewell]) {
                        heard if heard == line => {}
                        _ => return assert_eq!(peer.rest().0, Vec::<String>::new()),
                    }
                }
            });
        }
        for speaker in 0..SPEAKERS {
            let name = format!("S{speaker}: ");
            server.event_log().at_least(300, "a line", |line| line.starts_with(&name));
        }
        stop_in_time(&mut server, Signal::INT);
    });
}

/// Reads until one of these lines comes.
fn first_of(peer: &mut Peer, wanted: [&str; 2]) -> String {
    loop {
        let line = peer.line();
        if wanted.contains(&line.as_str()) {
            return line;
        }
    }
}

/// Lets `deaf` fall behind. The speaker says megabytes that `deaf` does not read: more than the
/// system's own buffers hold, and too little for the server to drop it.
fn fall_behind(server: &Server) -> (Peer, Peer) {
    let mut deaf = Peer::connect(server.address);
    deaf.shrink_window();
    deaf.say("deaf");
    server.event_log().expect("deaf");
    let mut speaker = server.join();
    let line = format!("Ann: {}", "x".repeat(1000));
    for _ in 0..7_000 {
        speaker.say(&line);
        speaker.expect(&line);
    }
    (deaf, speaker)
}

#[test]
fn a_client_that_does_not_read_delays_nothing() {
    let mut server = Server::start(&[]);
    let (_deaf, mut speaker) = fall_behind(&server);
    stop_in_time(&mut server, Signal::INT);
    assert_eq!(speaker.rest(), (vec![server.farewell()], Ending::Closed));
}

#[test]
fn the_second_signal_ends_it_at_once() {
    let mut server = Server::start(&[]);
    // The server waits a second for this peer to take the farewell. Otherwise the first signal
    // would end the server at once.
    let (_deaf, mut speaker) = fall_behind(&server);
    let first = Instant::now();
    let status = server.process.end_by(Signal::INT);
    assert!(first.elapsed() >= TOGETHER, "ended after {:?}", first.elapsed());
    assert_eq!(status.code(), Some(1));
    speaker.expect(&server.farewell());
}

#[test]
fn an_unread_event_log_delays_nothing() {
    let mut command = process::program();
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let (unread, stdout) = std::io::pipe().unwrap();
    command.stdout(stdout);
    let mut server = Server::run_with(command, ANY_PORT, &[]);
    let mut speaker = Peer::connect(server.address);
    let line = format!("Ann: {}", "x".repeat(1000));
    for _ in 0..1000 {
        speaker.say(&line);
        speaker.expect(&line);
    }
    stop_in_time(&mut server, Signal::INT);
    speaker.expect(&server.farewell());
    drop(unread);
}

#[test]
fn the_next_server_can_have_the_port_at_once() {
    let mut server = Server::start(&[]);
    let address = server.address;
    for round in 0..6 {
        let mut peer = server.join();
        peer.say("here");
        peer.expect("here");
        // Connections of the last server are still in TIME_WAIT, on either side.
        if round % 2 == 0 {
            stop_in_time(&mut server, Signal::INT);
            peer.expect(&server.farewell());
        } else {
            server.process.kill();
            assert_eq!(peer.rest().0, Vec::<String>::new());
        }
        server = Server::at(address, &[]);
    }
}

#[test]
fn an_address_in_use_is_explained_in_one_line() {
    let server = Server::start(&[]);
    let mut command = process::program();
    command.args(["server", &server.address.to_string()]);
    let mut second = Process::start(command);
    second.exits(1);
    assert_eq!(second.out.lines(), Vec::<String>::new());
    let said = second.err.lines();
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(said[0].contains(&server.address.to_string()), "{said:?}");
    assert!(said[0].to_lowercase().contains("in use"), "{said:?}");
}
