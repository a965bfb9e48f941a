//! Wrong answers to exercise 3.

use exercises::given::e3::Room;
use exercises::sync::MutexGuard;

fn shift(here: &mut Vec<u32>, there: &mut Vec<u32>, peer: u32) -> bool {
    let place = here.iter().position(|id| *id == peer);
    place.map(|place| there.push(here.remove(place))).is_some()
}

pub(crate) fn from_then_to(from: &Room, to: &Room, peer: u32) -> bool {
    let mut here = from.peers.lock().unwrap();
    let mut there = to.peers.lock().unwrap();
    shift(&mut here, &mut there, peer)
}

pub(crate) fn to_then_from(from: &Room, to: &Room, peer: u32) -> bool {
    let mut there = to.peers.lock().unwrap();
    let mut here = from.peers.lock().unwrap();
    shift(&mut here, &mut there, peer)
}

/// One order, but not that of the other threads.
pub(crate) fn higher_first(from: &Room, to: &Room, peer: u32) -> bool {
    if from.number > to.number {
        from_then_to(from, to, peer)
    } else {
        to_then_from(from, to, peer)
    }
}

pub(crate) fn one_after_the_other(from: &Room, to: &Room, peer: u32) -> bool {
    let mut here = from.peers.lock().unwrap();
    let Some(place) = here.iter().position(|id| *id == peer) else { return false };
    here.remove(place);
    drop(here);
    to.peers.lock().unwrap().push(peer);
    true
}

pub(crate) fn add_then_remove(from: &Room, to: &Room, peer: u32) -> bool {
    if !from.peers.lock().unwrap().contains(&peer) {
        return false;
    }
    to.peers.lock().unwrap().push(peer);
    from.peers.lock().unwrap().retain(|id| *id != peer);
    true
}

/// The order is right, but the look comes before the locks.
pub(crate) fn look_without_the_lock(from: &Room, to: &Room, peer: u32) -> bool {
    if !from.peers.lock().unwrap().contains(&peer) {
        return false;
    }
    let (low, high) = if from.number < to.number { (from, to) } else { (to, from) };
    let (mut low, mut high) = (low.peers.lock().unwrap(), high.peers.lock().unwrap());
    let (here, there) =
        if from.number < to.number { (&mut low, &mut high) } else { (&mut high, &mut low) };
    here.retain(|id| *id != peer);
    there.push(peer);
    true
}

pub(crate) fn tries_once(from: &Room, to: &Room, peer: u32) -> bool {
    let mut here = from.peers.lock().unwrap();
    let Ok(mut there) = to.peers.try_lock() else { return false };
    shift(&mut here, &mut there, peer)
}

/// Both locks, taken in the right order.
fn both<'a>(from: &'a Room, to: &'a Room) -> [MutexGuard<'a, Vec<u32>>; 2] {
    if from.number < to.number {
        [&from.peers, &to.peers].map(|peers| peers.lock().unwrap())
    } else {
        let [there, here] = [&to.peers, &from.peers].map(|peers| peers.lock().unwrap());
        [here, there]
    }
}

/// The place is found before both rooms are locked. Another peer may leave meanwhile.
pub(crate) fn finds_the_place_first(from: &Room, to: &Room, peer: u32) -> bool {
    let place = from.peers.lock().unwrap().iter().position(|id| *id == peer);
    let Some(place) = place else { return false };
    let [mut here, mut there] = both(from, to);
    if here.get(place) != Some(&peer) {
        return false;
    }
    there.push(here.remove(place));
    true
}

/// It holds both locks, and replaces the list of the other room.
pub(crate) fn forgets_the_others(from: &Room, to: &Room, peer: u32) -> bool {
    let [mut here, mut there] = both(from, to);
    let Some(place) = here.iter().position(|id| *id == peer) else { return false };
    here.remove(place);
    *there = vec![peer];
    true
}

/// If the peer is in the other room already, it goes back.
pub(crate) fn takes_it_from_either_room(from: &Room, to: &Room, peer: u32) -> bool {
    let [mut here, mut there] = both(from, to);
    shift(&mut here, &mut there, peer) || shift(&mut there, &mut here, peer)
}

/// A peer that is there already need not move.
pub(crate) fn says_that_it_is_there(from: &Room, to: &Room, peer: u32) -> bool {
    let [mut here, mut there] = both(from, to);
    there.contains(&peer) || shift(&mut here, &mut there, peer)
}

/// It adds the peer to the new room in any case.
pub(crate) fn makes_a_peer(from: &Room, to: &Room, peer: u32) -> bool {
    let [mut here, mut there] = both(from, to);
    let before = here.len();
    here.retain(|id| *id != peer);
    there.push(peer);
    here.len() < before
}

/// The peer is only counted as moved.
pub(crate) fn leaves_a_copy(from: &Room, to: &Room, peer: u32) -> bool {
    let [here, mut there] = both(from, to);
    let is_here = here.contains(&peer);
    if is_here {
        there.push(peer);
    }
    is_here
}

/// It holds one lock at a time, in the right order, and puts the peer in before it takes it out.
pub(crate) fn one_lock_at_a_time(from: &Room, to: &Room, peer: u32) -> bool {
    if !from.peers.lock().unwrap().contains(&peer) {
        return false;
    }
    let mut there = to.peers.lock().unwrap();
    if there.contains(&peer) {
        return false;
    }
    there.push(peer);
    drop(there);
    from.peers.lock().unwrap().retain(|id| *id != peer);
    true
}
