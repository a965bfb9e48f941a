//! Grades exercise 6: a server stops while peers are connected, come, and leave.

use super::{Help, Test, Verdict};
use crate::given::e6::{FAREWELL, Server, accept};
use crate::sync::{Arc, JoinHandle, thread};
use crate::wire::Socket;

type Stop = fn(&Server, JoinHandle<()>);

const HELP: Help = Help {
    deadlock: "a thread never ends. Does it still wait in `accept` or `read`? Close the door and \
               shut each socket before you join. Does it wait for the roster or for `sessions`, \
               which `stop` holds? Unlock them before you join. Has a peer come after you have \
               shut the others? Close the door and join the acceptor first",
    panic: "a peer may come or leave while the server stops",
    endless: "to look again and again ends no thread; close the door and the sockets, and join",
};

/// One point for the end of a server without peers, one for peers that are there, and one for a peer
/// that comes meanwhile.
pub const TESTS: [Test<Stop>; 3] = [
    Test { promise: "closes the door, and waits for the acceptor", check: no_peers },
    Test { promise: "says farewell to all peers, and ends their threads", check: peers },
    Test { promise: "forgets no peer that comes meanwhile", check: late_peers },
];

fn no_peers(stop: Stop) -> Verdict {
    HELP.explore(move || drop(play(stop, 0, settle, |_, _| {})))
}

fn peers(stop: Stop) -> Verdict {
    HELP.explore(move || play(stop, 2, settle, |_, _| {}).iter().for_each(|socket| check(socket)))?;
    // The first one leaves.
    HELP.explore(move || {
        let sockets = play(stop, 2, settle, |_, sockets| sockets[0].hang_up());
        check(&sockets[1]);
    })
}

fn late_peers(stop: Stop) -> Verdict {
    // Two have called, and perhaps they are accepted.
    let at_once: Moment = |_, _| {};
    HELP.explore(move || {
        play(stop, 2, at_once, |_, _| {}).iter().for_each(|socket| check(socket));
    })?;
    // The last one has not called yet.
    HELP.explore(move || {
        let sockets = play(stop, 1, at_once, |server, sockets| {
            server.door.call(Arc::clone(&sockets[1]));
        });
        sockets.iter().for_each(|socket| check(socket));
    })
}

/// Waits until so many peers are in the roster.
fn settle(server: &Server, peers: usize) {
    while server.roster.lock().unwrap().len() < peers {
        thread::yield_now();
    }
}

/// Before the server stops.
type Moment = fn(&Server, usize);

/// Stops a server with so many peers, while another thread does something. Returns the sockets of
/// the peers, and of one peer more that has not called.
fn play(
    stop: Stop,
    peers: usize,
    before: Moment,
    meanwhile: fn(&Server, &[Arc<Socket>]),
) -> Arc<[Arc<Socket>]> {
    let server = Arc::new(Server::default());
    let acceptor = {
        let server = Arc::clone(&server);
        thread::spawn(move || accept(&server))
    };
    let sockets: Arc<[Arc<Socket>]> = (0..=peers).map(|_| Arc::default()).collect();
    for socket in &sockets[..peers] {
        assert!(server.door.call(Arc::clone(socket)), "the door is open at first");
    }
    before(&server, peers);
    let other = {
        let (server, sockets) = (Arc::clone(&server), Arc::clone(&sockets));
        thread::spawn(move || meanwhile(&server, &sockets))
    };
    stop(&server, acceptor);
    // Each thread has a clone of the server, and drops it when it ends. The other thread may run.
    let running = Arc::strong_count(&server) - 1;
    assert!(
        running <= 1,
        "`stop` has returned, and a thread of the server still runs: join the acceptor and all \
         sessions"
    );
    other.join().unwrap();
    assert!(
        Arc::strong_count(&server) == 1,
        "`stop` has returned, and a thread of the server still runs: join the acceptor and all \
         sessions"
    );
    let late = server.door.call(Arc::default());
    assert!(!late, "`stop` has returned, and the door is still open: a peer can come");
    sockets
}

/// Checks the end of a peer that has not left by itself.
fn check(socket: &Socket) {
    if !socket.is_accepted() {
        return;
    }
    assert!(!socket.has_hung_up(), "only a peer can hang up; the server shuts its socket");
    let farewells = socket.heard().iter().filter(|line| *line == FAREWELL).count();
    assert!(
        farewells != 0,
        "a peer was connected, and did not get the farewell: send it to each peer before you shut \
         its socket, and after no other peer can come"
    );
    assert!(farewells == 1, "a peer got the farewell {farewells} times");
    let heard = socket.heard();
    let last = heard.last().is_some_and(|line| line == FAREWELL);
    assert!(last, "a peer got another line after the farewell: the farewell is the last line");
    assert!(socket.is_shut(), "a peer got the farewell, but its socket is not shut");
}
