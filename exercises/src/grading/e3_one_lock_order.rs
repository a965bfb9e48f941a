//! Grades exercise 3: peers move in opposite directions and around, and a thread counts them.

use super::{Help, Test, Verdict};
use crate::given::e3::Room;
use crate::sync::{Arc, Mutex, thread};

type Move = fn(&Room, &Room, u32) -> bool;

const HELP: Help = Help {
    deadlock: "each of two threads holds the lock of one room and waits for the other one; all \
               threads must lock the room with the lower number first",
    panic: "has another thread changed the list between the look and the move? \
            Both locks must be held from the look to the end",
    endless: "`move_peer` tries again and again; lock in one order instead, and wait",
};

/// One point for the move itself, and one for the locks.
pub const TESTS: [Test<Move>; 2] = [
    Test { promise: "moves the peer, and nobody else", check: one_thread },
    Test { promise: "never deadlocks, and a peer is always in one room", check: several_threads },
];

fn one_thread(move_peer: Move) -> Verdict {
    HELP.run(move || nothing_to_move(move_peer))?;
    HELP.run(move || alone(move_peer))
}

fn several_threads(move_peer: Move) -> Verdict {
    // In opposite directions.
    HELP.explore(move || together(move_peer, &[(1, 0, 1), (2, 1, 0)]))?;
    // Around: here any two threads have only one room in common.
    HELP.explore(move || together(move_peer, &[(1, 0, 1), (2, 1, 2), (3, 2, 0)]))?;
    // Two threads move the same peer: only one of them finds it.
    HELP.explore(move || together(move_peer, &[(1, 0, 1), (1, 0, 2)]))?;
    // Two peers leave one room: a place that was found before is wrong.
    HELP.explore(move || together(move_peer, &[(1, 0, 1), (4, 0, 2)]))?;
    HELP.explore(move || there_and_back(move_peer))
}

/// Peer 1 is in the first room, peer 2 in the second one, and so on. The numbers of the rooms are
/// not their places in memory.
fn rooms() -> Vec<Room> {
    let rooms = [(20, "room 20", vec![1, 4]), (10, "room 10", vec![2]), (30, "room 30", vec![3])];
    let room = |(number, name, peers)| Room { number, peers: Mutex::named(name, peers) };
    rooms.into_iter().map(room).collect()
}

/// The peer is nowhere, in a third room, or already in the room `to`, and each room may have the
/// lower number.
fn nothing_to_move(move_peer: Move) {
    for (from, to, peer) in
        [(0, 1, 9), (1, 0, 9), (0, 1, 3), (1, 0, 3), (0, 1, 2), (1, 0, 1), (2, 1, 2)]
    {
        let rooms = rooms();
        let all =
            || rooms.iter().map(|room| room.peers.lock().unwrap().clone()).collect::<Vec<_>>();
        let before = all();
        let place = match before.iter().position(|peers| peers.contains(&peer)) {
            None => "in no room",
            Some(place) if place == to => "in the room `to` already",
            Some(_) => "in a third room",
        };
        let moved = move_peer(&rooms[from], &rooms[to], peer);
        assert!(
            all() == before,
            "the peer was {place}, and not in the room `from`, but `move_peer` has changed a room: look \
             for the peer in `from` only"
        );
        assert!(!moved, "the peer was {place}, and not in `from`, but `move_peer` returned `true`");
    }
}

fn alone(move_peer: Move) {
    let rooms = rooms();
    let peers = |place: usize| rooms[place].peers.lock().unwrap().clone();
    for (from, to) in [(0, 1), (1, 2), (2, 0)] {
        assert!(
            move_peer(&rooms[from], &rooms[to], 1),
            "peer 1 was in the room `from`, and `move_peer` returned `false`: did it look in the other \
             room?"
        );
        assert!(!peers(from).contains(&1), "the peer has moved, but its old room has it still");
        assert!(peers(to).contains(&1), "the peer has moved, but it is not in its new room");
        let mut all: Vec<_> = (0..3).flat_map(peers).collect();
        all.sort_unstable();
        assert_eq!(all, [1, 2, 3, 4], "only peer 1 moves, and the other peers stay in their rooms");
    }
}

/// Each move is a peer, and the places of two rooms.
fn together(move_peer: Move, moves: &[(u32, usize, usize)]) {
    let rooms = Arc::new(rooms());
    let movers: Vec<_> = moves
        .iter()
        .map(|&(peer, from, to)| {
            let rooms = Arc::clone(&rooms);
            thread::spawn(move || move_peer(&rooms[from], &rooms[to], peer))
        })
        .collect();
    count(&rooms);
    let moved = movers.into_iter().map(|mover| mover.join().unwrap());
    let moved: Vec<_> = moves.iter().zip(moved).filter(|(_, moved)| *moved).collect();
    count(&rooms);
    for peer in 1..=4 {
        let wanted = moves.iter().any(|(id, ..)| *id == peer);
        let moves: Vec<_> = moved.iter().filter(|((id, ..), _)| *id == peer).collect();
        assert!(
            !(wanted && moves.is_empty()),
            "peer {peer} was there, and `move_peer` returned `false`: wait for both locks, and \
             then look"
        );
        assert!(
            moves.len() <= 1,
            "two threads have moved peer {peer}: from the look for the peer to its arrival, both \
             locks must be held"
        );
        for ((_, _, to), _) in moves {
            let arrived = rooms[*to].peers.lock().unwrap().contains(&peer);
            assert!(arrived, "`move_peer` returned `true`, but the peer is not in its new room");
        }
    }
}

/// One thread moves a peer to another room, and another thread moves it back if it is there already.
fn there_and_back(move_peer: Move) {
    let rooms = Arc::new(rooms());
    let back = {
        let rooms = Arc::clone(&rooms);
        thread::spawn(move || move_peer(&rooms[1], &rooms[0], 1))
    };
    let there = move_peer(&rooms[0], &rooms[1], 1);
    count(&rooms);
    let back = back.join().unwrap();
    count(&rooms);
    assert!(
        there,
        "peer 1 was there, and `move_peer` returned `false`: wait for both locks, and then look"
    );
    let place = usize::from(!back);
    let is_there = rooms[place].peers.lock().unwrap().contains(&1);
    assert!(
        is_there,
        "a thread moved peer 1 away, another thread moved it back or found nothing to move, and the \
         peer is not where their results say: look for it in `from` while you hold both locks"
    );
}

/// Locks all rooms in the order of their numbers. Each peer must be in one of them.
fn count(rooms: &[Room]) {
    let mut in_order: Vec<_> = rooms.iter().collect();
    in_order.sort_by_key(|room| room.number);
    let locked: Vec<_> = in_order.iter().map(|room| room.peers.lock().unwrap()).collect();
    for peer in 1..=4 {
        let places = locked.iter().flat_map(|peers| peers.iter()).filter(|id| **id == peer).count();
        assert!(
            places > 0,
            "a thread that counts the peers did not find peer {peer}: from the look for the peer \
             to its arrival, both locks must be held"
        );
        assert!(
            places == 1,
            "a thread that counts the peers found peer {peer} twice: from the look for the peer \
             to its arrival, both locks must be held"
        );
    }
}
