//! What a stopping server does with its peers, over real sockets.

use std::io::Read;
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, unbounded};

use crate::protocol::{Batch, Framing, PeerId};
use crate::room::{Event, Limits, Observer, Reason, Room};
use crate::server::catch_up::start;
use crate::server::flow::{Budget, Flow};
use crate::server::socket::TcpSocket;
use crate::server::{GRACE, Shared, Timeouts, Watch};
use crate::sync::{AtomicBool, AtomicU64, Relaxed};

const DEADLINE: Duration = Duration::from_secs(60);

struct Nobody;

impl Observer for Nobody {
    fn see(&self, _: Event) {}
}

/// A room with one peer, and the other end of its connection.
fn with_a_peer() -> (Shared, Receiver<PeerId>, PeerId, TcpStream) {
    let (behind, fallen_behind) = unbounded();
    let flow = Arc::new(Flow::new(Budget::of_room()));
    let watch = Watch { next: Box::new(Nobody), flow: Arc::clone(&flow), behind };
    let room = Room::new(Limits::of(1 << 30, 10), Box::new(watch));
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let peer = TcpStream::connect(listener.local_addr().expect("bound")).expect("it listens");
    let (stream, address) = listener.accept().expect("the peer calls");
    let timeouts = Timeouts { idle: DEADLINE, sending: DEADLINE };
    let socket = TcpSocket::new(stream, timeouts, Arc::default()).expect("it is connected");
    let id = room.join(Arc::new(socket), address, Framing::Lines, true).expect("it is open");
    (Shared { room, flow, reads: AtomicU64::new(0) }, fallen_behind, id, peer)
}

/// The number of a peer that fell behind with the last lines still waits in the channel when the room
/// is closed. Its thread is started all the same.
#[test]
fn one_that_falls_behind_at_the_last_moment_gets_its_lines_and_the_farewell() {
    let (shared, fallen_behind, id, mut peer) = with_a_peer();
    let mut said = 0;
    while fallen_behind.is_empty() {
        let mut lines = Batch::default();
        lines.say(0, |text| text.resize(9_999, b'x'));
        shared.room.say(lines);
        said += 1;
    }
    shared.room.close("bye");
    thread::scope(|scope| {
        let reading = scope.spawn(move || {
            let mut heard = Vec::new();
            peer.set_read_timeout(Some(DEADLINE)).expect("a socket can have a timeout");
            peer.read_to_end(&mut heard).expect("the end is no reset");
            heard
        });
        let mut started = Vec::new();
        let catch_up = |next| {
            start(scope, &shared.room, next, DEADLINE);
            next
        };
        shared.wait_for_peers(&fallen_behind, |next| started.push(catch_up(next)));
        assert_eq!(started, [id]);
        // It was sent everything, so it hears the end, and not only when it is cut off.
        let heard = reading.join().expect("the reader ends well");
        assert_eq!(heard.len(), said * 10_000 + 4);
        assert!(heard.ends_with(b"x\nbye\n"));
        shared.room.cut_off();
    });
}

/// A peer that speaks is read from, since unread bytes would reset its connection.
#[test]
fn while_a_peer_speaks_it_is_waited_for() {
    let (shared, fallen_behind, id, _peer) = with_a_peer();
    shared.room.close("bye");
    let over = AtomicBool::new(false);
    let longest = thread::scope(|scope| {
        // Its thread reads again and again.
        scope.spawn(|| {
            while !over.load(Relaxed) {
                shared.reads.fetch_add(1, Relaxed);
                thread::sleep(Duration::from_millis(5));
            }
        });
        let wait = || {
            let begin = Instant::now();
            shared.wait_for_peers(&fallen_behind, |_| unreachable!("it is not behind"));
            begin.elapsed()
        };
        // On a busy machine, that thread may not run for too long.
        let longest = (0..20).map(|_| wait()).find(|took| *took >= GRACE);
        over.store(true, Relaxed);
        longest
    });
    assert!(longest.is_some(), "it never waited for {GRACE:?}");
    shared.room.leave(id, Reason::Left);
    assert_eq!(shared.room.report().peers, 0);
}
