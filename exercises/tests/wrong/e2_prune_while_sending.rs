//! Wrong answers to exercise 2.

use std::mem;

use exercises::given::e2::Peer;
use exercises::sync::Mutex;

type Roster = Mutex<Vec<Box<dyn Peer>>>;

pub(crate) fn forward_by_place(roster: &Roster, line: &str) {
    let mut peers = roster.lock().unwrap();
    for place in 0..peers.len() {
        if !peers[place].send(line) {
            peers.remove(place);
        }
    }
}

pub(crate) fn skips_the_next(roster: &Roster, line: &str) {
    let mut peers = roster.lock().unwrap();
    let mut place = 0;
    while place < peers.len() {
        if !peers[place].send(line) {
            peers.remove(place);
        }
        place += 1;
    }
}

pub(crate) fn sends_twice(roster: &Roster, line: &str) {
    let mut peers = roster.lock().unwrap();
    for peer in peers.iter_mut() {
        peer.send(line);
    }
    peers.retain_mut(|peer| peer.send(line));
}

pub(crate) fn stops_at_the_first(roster: &Roster, line: &str) {
    let mut peers = roster.lock().unwrap();
    if let Some(place) = peers.iter_mut().position(|peer| !peer.send(line)) {
        peers.remove(place);
    }
}

pub(crate) fn prunes_nobody(roster: &Roster, line: &str) {
    for peer in roster.lock().unwrap().iter_mut() {
        peer.send(line);
    }
}

/// Two critical sections: one to send, one to remove.
pub(crate) fn prunes_later(roster: &Roster, line: &str) {
    let mut broken = Vec::new();
    for (place, peer) in roster.lock().unwrap().iter_mut().enumerate() {
        if !peer.send(line) {
            broken.push(place);
        }
    }
    for place in broken.into_iter().rev() {
        let mut peers = roster.lock().unwrap();
        if place < peers.len() {
            peers.remove(place);
        }
    }
}

/// Others find an empty list meanwhile.
pub(crate) fn takes_the_list(roster: &Roster, line: &str) {
    let mut peers = mem::take(&mut *roster.lock().unwrap());
    peers.retain_mut(|peer| peer.send(line));
    roster.lock().unwrap().extend(peers);
}

pub(crate) fn one_lock_for_each_peer(roster: &Roster, line: &str) {
    let mut place = 0;
    loop {
        let mut peers = roster.lock().unwrap();
        let Some(peer) = peers.get_mut(place) else { return };
        if peer.send(line) {
            place += 1;
        } else {
            peers.remove(place);
        }
    }
}

/// Each removal moves the places of the next ones.
pub(crate) fn removes_forward(roster: &Roster, line: &str) {
    let mut peers = roster.lock().unwrap();
    let mut broken = Vec::new();
    for (place, peer) in peers.iter_mut().enumerate() {
        if !peer.send(line) {
            broken.push(place);
        }
    }
    for place in broken {
        if place < peers.len() {
            peers.remove(place);
        }
    }
}

/// The speakers take turns, but a thread that only looks at the list finds it empty.
pub(crate) fn takes_the_list_in_turn(roster: &Mutex<Vec<Box<dyn Peer>>>, line: &str) {
    static TURN: std::sync::Mutex<()> = std::sync::Mutex::new(());
    let Ok(_turn) = TURN.try_lock() else {
        exercises::sync::thread::yield_now();
        return takes_the_list_in_turn(roster, line);
    };
    let mut peers = std::mem::take(&mut *roster.lock().unwrap());
    peers.retain_mut(|peer| peer.send(line));
    *roster.lock().unwrap() = peers;
}

pub(crate) fn adds_a_newline(roster: &Roster, line: &str) {
    let line = format!("{line}\n");
    roster.lock().unwrap().retain_mut(|peer| peer.send(&line));
}

/// The speakers take turns, but a thread that looks at the list meanwhile sees a peer that is gone.
pub(crate) fn prunes_later_in_turn(roster: &Roster, line: &str) {
    static TURN: std::sync::Mutex<()> = std::sync::Mutex::new(());
    let Ok(_turn) = TURN.try_lock() else {
        exercises::sync::thread::yield_now();
        return prunes_later_in_turn(roster, line);
    };
    prunes_later(roster, line);
}
