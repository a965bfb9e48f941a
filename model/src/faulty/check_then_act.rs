//! The fault: each step takes the lock, but the roster changes between the two steps. A thread
//! looks up the place of a record, and later removes the record at that place.

use crate::sync::Mutex;
use crate::together;

struct Room {
    roster: Mutex<Vec<&'static str>>,
}

impl Room {
    fn remove(&self, peer: &str) {
        let place = self.roster.lock().iter().position(|it| *it == peer);
        if let Some(place) = place {
            let mut roster = self.roster.lock();
            if place < roster.len() {
                roster.remove(place);
            }
        }
    }
}

/// Two threads notice at the same time that Ann is gone.
pub(crate) fn explore() -> Result<(), String> {
    let room = Room { roster: Mutex::new(vec!["Ann", "Bob"]) };
    together(&[&|| room.remove("Ann"), &|| room.remove("Ann")]);
    let left = room.roster.lock().clone();
    if left == ["Bob"] {
        return Ok(());
    }
    Err(format!("one record was removed twice, and Bob was thrown out: the roster is {left:?}"))
}
