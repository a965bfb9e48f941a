//! The fault: the thread of a laggard keeps the *place* of the record while it sends without the
//! lock. Meanwhile the laggard is removed, another peer moves to its place, and the thread marks that
//! peer as up to date. A number that is never given twice would find no record.

use std::sync::Arc;

use shuttle::thread;

use crate::sync::Mutex;

struct Peer {
    name: &'static str,
    behind: bool,
}

struct Room {
    roster: Mutex<Vec<Peer>>,
}

impl Room {
    fn catch_up(&self) {
        let place = self.roster.lock().iter().position(|peer| peer.behind && peer.name == "Ann");
        let Some(place) = place else { return };
        // Here it sends without the lock.
        thread::yield_now();
        if let Some(peer) = self.roster.lock().get_mut(place) {
            peer.behind = false;
        }
    }

    fn remove(&self, name: &str) {
        self.roster.lock().retain(|peer| peer.name != name);
    }
}

pub(crate) fn explore() {
    let behind = |name| Peer { name, behind: true };
    let room = Arc::new(Room { roster: Mutex::new(vec![behind("Ann"), behind("Bob")]) });
    let catch_up = {
        let room = Arc::clone(&room);
        thread::spawn(move || room.catch_up())
    };
    room.remove("Ann");
    catch_up.join().expect("no thread fails");
    let roster = room.roster.lock();
    let bob = roster.iter().find(|peer| peer.name == "Bob").expect("Bob stays");
    assert!(bob.behind, "the wrong peer is marked as up to date");
}
