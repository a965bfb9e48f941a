//! Wrong answers to exercise 1.

use std::mem;

use exercises::given::e1::Peer;
use exercises::sync::Mutex;

type Roster = Mutex<Vec<Peer>>;

/// Each step takes the lock, but the two of them do not share it.
pub(crate) fn look_then_act(roster: &Roster, id: u32) -> Option<Peer> {
    let place = roster.lock().unwrap().iter().position(|peer| peer.id == id)?;
    Some(roster.lock().unwrap().remove(place))
}

/// As above, with care for the length.
pub(crate) fn look_twice(roster: &Roster, id: u32) -> Option<Peer> {
    let place = roster.lock().unwrap().iter().position(|peer| peer.id == id)?;
    let mut peers = roster.lock().unwrap();
    if place < peers.len() { Some(peers.swap_remove(place)) } else { None }
}

/// The result comes from the look, and not from the removal.
pub(crate) fn makes_a_record(roster: &Roster, id: u32) -> Option<Peer> {
    let found = roster.lock().unwrap().iter().any(|peer| peer.id == id);
    roster.lock().unwrap().retain(|peer| peer.id != id);
    found.then_some(Peer { id })
}

/// Others find an empty list meanwhile.
pub(crate) fn takes_the_list(roster: &Roster, id: u32) -> Option<Peer> {
    let mut peers = mem::take(&mut *roster.lock().unwrap());
    let place = peers.iter().position(|peer| peer.id == id);
    let removed = place.map(|place| peers.remove(place));
    roster.lock().unwrap().extend(peers);
    removed
}

pub(crate) fn removes_nothing(_: &Roster, id: u32) -> Option<Peer> {
    Some(Peer { id })
}

pub(crate) fn removes_the_last(roster: &Roster, _: u32) -> Option<Peer> {
    roster.lock().unwrap().pop()
}

/// It looks again, but only at the place.
pub(crate) fn looks_at_the_old_place(roster: &Roster, id: u32) -> Option<Peer> {
    let place = roster.lock().unwrap().iter().position(|peer| peer.id == id)?;
    let mut peers = roster.lock().unwrap();
    if peers.get(place)?.id == id { Some(peers.remove(place)) } else { None }
}

/// Nobody has promised that the list is sorted.
pub(crate) fn searches_as_if_sorted(roster: &Roster, id: u32) -> Option<Peer> {
    let mut peers = roster.lock().unwrap();
    let place = peers.binary_search_by_key(&id, |peer| peer.id).ok()?;
    Some(peers.remove(place))
}

/// The removers take turns, but a thread that only looks at the list finds it empty.
pub(crate) fn takes_the_list_in_turn(roster: &Roster, id: u32) -> Option<Peer> {
    static TURN: std::sync::Mutex<()> = std::sync::Mutex::new(());
    let Ok(_turn) = TURN.try_lock() else {
        exercises::sync::thread::yield_now();
        return takes_the_list_in_turn(roster, id);
    };
    takes_the_list(roster, id)
}

pub(crate) fn misses_the_last(roster: &Roster, id: u32) -> Option<Peer> {
    let mut peers = roster.lock().unwrap();
    for place in 0..peers.len().saturating_sub(1) {
        if peers[place].id == id {
            return Some(peers.remove(place));
        }
    }
    None
}

/// An empty list has no last place.
pub(crate) fn expects_a_record(roster: &Roster, id: u32) -> Option<Peer> {
    let mut peers = roster.lock().unwrap();
    for place in 0..=peers.len() - 1 {
        if peers[place].id == id {
            return Some(peers.remove(place));
        }
    }
    None
}
