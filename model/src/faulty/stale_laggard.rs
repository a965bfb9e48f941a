//! The fault: the thread of a laggard keeps the *place* of the record while it sends without the
//! lock. Meanwhile the laggard is removed, another peer moves to its place, and the thread marks that
//! peer as up to date. A number that is never given twice would find no record.

use crate::sync::{Mutex, yield_now};
use crate::together;

#[derive(Clone, Copy, Debug, PartialEq)]
enum Progress {
    Behind,
    CaughtUp,
}
use Progress::{Behind, CaughtUp};

struct Room {
    roster: Mutex<Vec<(&'static str, Progress)>>,
}

impl Room {
    fn catch_up(&self, name: &str) {
        let place = self.roster.lock().iter().position(|it| it.0 == name);
        let Some(place) = place else { return };
        // Here it sends without the lock.
        yield_now();
        if let Some(peer) = self.roster.lock().get_mut(place) {
            peer.1 = CaughtUp;
        }
    }

    fn remove(&self, name: &str) {
        self.roster.lock().retain(|peer| peer.0 != name);
    }
}

/// Ann and Bob are both behind. One thread sends to Ann, and another one removes her.
pub(crate) fn explore() -> Result<(), String> {
    let room = Room { roster: Mutex::new(vec![("Ann", Behind), ("Bob", Behind)]) };
    together(&[&|| room.catch_up("Ann"), &|| room.remove("Ann")]);
    if room.roster.lock().contains(&("Bob", Behind)) {
        return Ok(());
    }
    Err("another peer was marked: nothing was sent to Bob, but his record says CaughtUp".into())
}
