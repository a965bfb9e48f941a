//! The fault: each step takes the lock, but the roster changes between the two steps. A thread
//! looks up the place of a record, and later removes the record at that place.

use std::sync::Arc;

use shuttle::thread;

use crate::sync::Mutex;

struct Room {
    roster: Mutex<Vec<&'static str>>,
}

impl Room {
    fn remove(&self, peer: &str) {
        let place = self.roster.lock().iter().position(|here| *here == peer);
        if let Some(place) = place {
            let mut roster = self.roster.lock();
            if place < roster.len() {
                roster.remove(place);
            }
        }
    }
}

/// Two threads notice at the same time that Ann is gone.
pub(crate) fn explore() {
    let room = Arc::new(Room { roster: Mutex::new(vec!["Ann", "Bob"]) });
    let threads = [(), ()].map(|()| {
        let room = Arc::clone(&room);
        thread::spawn(move || room.remove("Ann"))
    });
    for thread in threads {
        thread.join().expect("no thread fails");
    }
    assert_eq!(*room.roster.lock(), ["Bob"], "the wrong peer was removed");
}
