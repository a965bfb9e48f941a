//! Wrong answers to exercise 7.

use exercises::given::e7::{Peer, Room, Socket};
use exercises::sync::{Arc, Mutex};

/// The first half of the solution.
fn next(room: &mut Room, id: u32) -> Option<(usize, String, Arc<dyn Socket>)> {
    let peer = room.peers.get(&id)?;
    let (number, socket) = (peer.behind?, Arc::clone(&peer.socket));
    if number == room.end() {
        room.peers.get_mut(&id)?.behind = None;
        return None;
    }
    Some((number, room.line(number)?, socket))
}

fn advance(room: &mut Room, id: u32, number: usize) {
    if let Some(peer) = room.peers.get_mut(&id) {
        peer.behind = Some(number);
    }
}

/// The guard in the head of a `while let` lives as long as its body.
pub(crate) fn sends_under_the_lock(room: &Mutex<Room>, id: u32) {
    let mut room = room.lock().unwrap();
    while let Some((number, line, socket)) = next(&mut room, id) {
        if !socket.send(&line) {
            room.peers.remove(&id);
            return;
        }
        advance(&mut room, id, number + 1);
    }
}

pub(crate) fn polls(room: &Mutex<Room>, id: u32) {
    loop {
        let mut room = room.lock().unwrap();
        let Some((number, line, socket)) = next(&mut room, id) else { return };
        if socket.send_now(&line) {
            advance(&mut room, id, number + 1);
        }
    }
}

/// It sends the first lines, and does not look again.
pub(crate) fn sends_a_copy(room: &Mutex<Room>, id: u32) {
    let (lines, socket) = {
        let room = room.lock().unwrap();
        let Some(peer) = room.peers.get(&id) else { return };
        let Some(number) = peer.behind else { return };
        let lines: Vec<_> = (number..room.end()).filter_map(|number| room.line(number)).collect();
        (lines, Arc::clone(&peer.socket))
    };
    for line in lines {
        if !socket.send(&line) {
            room.lock().unwrap().peers.remove(&id);
            return;
        }
    }
    if let Some(peer) = room.lock().unwrap().peers.get_mut(&id) {
        peer.behind = None;
    }
}

/// The look and the change are two critical sections.
pub(crate) fn marks_it_later(room: &Mutex<Room>, id: u32) {
    loop {
        let next = {
            let room = room.lock().unwrap();
            let Some(peer) = room.peers.get(&id) else { return };
            let Some(number) = peer.behind else { return };
            room.line(number).map(|line| (number, line, Arc::clone(&peer.socket)))
        };
        let Some((number, line, socket)) = next else { break };
        let sent = socket.send(&line);
        let mut room = room.lock().unwrap();
        if !sent {
            room.peers.remove(&id);
            return;
        }
        advance(&mut room, id, number + 1);
    }
    if let Some(peer) = room.lock().unwrap().peers.get_mut(&id) {
        peer.behind = None;
    }
}

/// The room thinks that the peer has everything, while the last line is still being sent.
pub(crate) fn marks_it_first(room: &Mutex<Room>, id: u32) {
    loop {
        let (line, socket) = {
            let mut room = room.lock().unwrap();
            let Some((number, line, socket)) = next(&mut room, id) else { return };
            let last = number + 1 == room.end();
            room.peers.get_mut(&id).unwrap().behind = if last { None } else { Some(number + 1) };
            (line, socket)
        };
        if !socket.send(&line) {
            room.lock().unwrap().peers.remove(&id);
        }
    }
}

pub(crate) fn never_marks_it(room: &Mutex<Room>, id: u32) {
    loop {
        let next = {
            let room = room.lock().unwrap();
            let Some(peer) = room.peers.get(&id) else { return };
            let Some(number) = peer.behind else { return };
            room.line(number).map(|line| (number, line, Arc::clone(&peer.socket)))
        };
        let Some((number, line, socket)) = next else { return };
        socket.send(&line);
        advance(&mut room.lock().unwrap(), id, number + 1);
    }
}

pub(crate) fn keeps_a_broken_peer(room: &Mutex<Room>, id: u32) {
    loop {
        let next = next(&mut room.lock().unwrap(), id);
        let Some((number, line, socket)) = next else { return };
        if !socket.send(&line) {
            return;
        }
        advance(&mut room.lock().unwrap(), id, number + 1);
    }
}

pub(crate) fn removes_the_peer(room: &Mutex<Room>, id: u32) {
    room.lock().unwrap().peers.remove(&id);
}

/// It does not think of a record that goes.
pub(crate) fn expects_the_record(room: &Mutex<Room>, id: u32) {
    loop {
        let next = next(&mut room.lock().unwrap(), id);
        let Some((number, line, socket)) = next else { return };
        let sent = socket.send(&line);
        let mut room = room.lock().unwrap();
        if !sent {
            room.peers.remove(&id);
            return;
        }
        room.peers.get_mut(&id).unwrap().behind = Some(number + 1);
    }
}

pub(crate) fn forgets_to_advance(room: &Mutex<Room>, id: u32) {
    loop {
        let next = next(&mut room.lock().unwrap(), id);
        let Some((_, line, socket)) = next else { return };
        socket.send(&line);
    }
}

/// It gives up the lines that the peer lacks.
pub(crate) fn skips_to_the_end(room: &Mutex<Room>, id: u32) {
    if let Some(peer) = room.lock().unwrap().peers.get_mut(&id) {
        peer.behind = None;
    }
}

/// It counts for itself, and the room does not know how far the peer is.
pub(crate) fn keeps_the_position_to_itself(room: &Mutex<Room>, id: u32) {
    let Some(mut number) = room.lock().unwrap().peers.get(&id).and_then(|peer| peer.behind) else {
        return;
    };
    loop {
        let (line, socket) = {
            let mut room = room.lock().unwrap();
            let line = room.line(number);
            let Some(peer) = room.peers.get_mut(&id) else { return };
            let Some(line) = line else {
                peer.behind = None;
                return;
            };
            (line, Arc::clone(&peer.socket))
        };
        if !socket.send(&line) {
            room.lock().unwrap().peers.remove(&id);
            return;
        }
        number += 1;
    }
}

/// While the record is away, the room thinks that nobody needs the lines.
pub(crate) fn takes_the_record_away(room: &Mutex<Room>, id: u32) {
    loop {
        let (line, mut peer) = {
            let mut room = room.lock().unwrap();
            let Some((number, line, _)) = next(&mut room, id) else { return };
            advance(&mut room, id, number + 1);
            let Some(peer) = room.peers.remove(&id) else { return };
            (line, peer)
        };
        if !peer.socket.send(&line) {
            return;
        }
        let mut room = room.lock().unwrap();
        if peer.behind.is_some_and(|number| room.line(number).is_none()) {
            peer.behind = None;
        }
        room.peers.insert(id, peer);
    }
}

/// It removes the other slow peers as well.
pub(crate) fn removes_all_that_are_behind(room: &Mutex<Room>, id: u32) {
    loop {
        let next = next(&mut room.lock().unwrap(), id);
        let Some((number, line, socket)) = next else { return };
        let sent = socket.send(&line);
        let mut room = room.lock().unwrap();
        if !sent {
            room.peers.retain(|_, peer| peer.behind.is_none());
        }
        advance(&mut room, id, number + 1);
    }
}

/// If the send fails, the room may have removed the peer already.
pub(crate) fn expects_the_record_of_a_broken_peer(room: &Mutex<Room>, id: u32) {
    loop {
        let next = next(&mut room.lock().unwrap(), id);
        let Some((number, line, socket)) = next else { return };
        let sent = socket.send(&line);
        let mut room = room.lock().unwrap();
        if !sent {
            room.peers.remove(&id).expect("the record is there");
            return;
        }
        advance(&mut room, id, number + 1);
    }
}

pub(crate) fn checks_only_the_first_send(room: &Mutex<Room>, id: u32) {
    let mut first = true;
    loop {
        let next = next(&mut room.lock().unwrap(), id);
        let Some((number, line, socket)) = next else { return };
        let sent = socket.send(&line);
        let mut room = room.lock().unwrap();
        if first && !sent {
            room.peers.remove(&id);
            return;
        }
        first = false;
        advance(&mut room, id, number + 1);
    }
}

/// The room believes that the peer has all lines, and cannot see how far it is behind.
pub(crate) fn counts_all_as_sent(room: &Mutex<Room>, id: u32) {
    loop {
        let mut guard = room.lock().unwrap();
        let Some((number, _, socket)) = next(&mut guard, id) else { return };
        let end = guard.end();
        let lines: Vec<_> = (number..end).filter_map(|number| guard.line(number)).collect();
        advance(&mut guard, id, end);
        drop(guard);
        for line in lines {
            if !socket.send(&line) {
                room.lock().unwrap().peers.remove(&id);
                return;
            }
        }
    }
}

/// One line too early: the room cannot see that this line is still on its way.
pub(crate) fn advances_before_it_sends(room: &Mutex<Room>, id: u32) {
    loop {
        let mut guard = room.lock().unwrap();
        let Some((number, line, socket)) = next(&mut guard, id) else { return };
        advance(&mut guard, id, number + 1);
        drop(guard);
        if !socket.send(&line) {
            room.lock().unwrap().peers.remove(&id);
            return;
        }
    }
}

/// A peer that has every line has no next one.
pub(crate) fn expects_to_be_behind(room: &Mutex<Room>, id: u32) {
    if !room.lock().unwrap().peers.contains_key(&id) {
        return;
    }
    loop {
        let mut guard = room.lock().unwrap();
        let Some(peer) = guard.peers.get(&id) else { return };
        let (number, socket) = (peer.behind.unwrap(), Arc::clone(&peer.socket));
        let Some(line) = guard.line(number) else {
            guard.peers.get_mut(&id).unwrap().behind = None;
            return;
        };
        drop(guard);
        let sent = socket.send(&line);
        let mut room = room.lock().unwrap();
        if !sent {
            room.peers.remove(&id);
            return;
        }
        advance(&mut room, id, number + 1);
    }
}

/// It begins with the first line that anyone lacks, and not with the first one that its peer lacks.
pub(crate) fn begins_for_all(room: &Mutex<Room>, id: u32) {
    {
        let mut room = room.lock().unwrap();
        let first = room.peers.values().filter_map(|peer| peer.behind).min();
        if let (Some(first), Some(Peer { behind: Some(next), .. })) =
            (first, room.peers.get_mut(&id))
        {
            *next = first;
        }
    }
    loop {
        let next = next(&mut room.lock().unwrap(), id);
        let Some((number, line, socket)) = next else { return };
        let sent = socket.send(&line);
        let mut room = room.lock().unwrap();
        if !sent {
            room.peers.remove(&id);
        }
        advance(&mut room, id, number + 1);
    }
}

/// Its lock is not that of the room, but all threads that catch up wait for it.
pub(crate) fn one_peer_at_a_time(room: &Mutex<Room>, id: u32) {
    static TURN: std::sync::Mutex<()> = std::sync::Mutex::new(());
    let Ok(_turn) = TURN.try_lock() else {
        exercises::sync::thread::yield_now();
        return one_peer_at_a_time(room, id);
    };
    loop {
        let next = next(&mut room.lock().unwrap(), id);
        let Some((number, line, socket)) = next else { return };
        let sent = socket.send(&line);
        let mut room = room.lock().unwrap();
        if !sent {
            room.peers.remove(&id);
        }
        advance(&mut room, id, number + 1);
    }
}

/// It sends the line to all that are behind, and only one of them lacks it.
pub(crate) fn sends_to_all_that_are_behind(room: &Mutex<Room>, id: u32) {
    loop {
        let mut guard = room.lock().unwrap();
        let Some((number, line, _)) = next(&mut guard, id) else { return };
        let behind: Vec<_> = guard
            .peers
            .iter()
            .filter(|(_, peer)| peer.behind.is_some())
            .map(|(id, peer)| (*id, Arc::clone(&peer.socket)))
            .collect();
        drop(guard);
        for (other, socket) in behind {
            if !socket.send(&line) {
                room.lock().unwrap().peers.remove(&other);
            }
        }
        advance(&mut room.lock().unwrap(), id, number + 1);
    }
}

/// The record of another peer may be at that place by then.
pub(crate) fn advances_the_first_that_is_behind(room: &Mutex<Room>, id: u32) {
    loop {
        let next = next(&mut room.lock().unwrap(), id);
        let Some((number, line, socket)) = next else { return };
        let sent = socket.send(&line);
        let mut room = room.lock().unwrap();
        if !sent {
            room.peers.remove(&id);
            return;
        }
        if let Some(peer) = room.peers.values_mut().find(|peer| peer.behind.is_some()) {
            peer.behind = Some(number + 1);
        }
    }
}
