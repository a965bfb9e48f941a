//! No fault: the room of `no_second_look.rs` with `while` in place of `if`. It is here to compare
//! with, and every schedule of it is explored: nothing is ever stranded.

use std::mem::take;

use crate::sync::Mutex;
use crate::together;

#[derive(Default)]
struct Room {
    pending: Mutex<Vec<u32>>,
    /// The lines that the one peer has heard.
    roster: Mutex<Vec<u32>>,
}

impl Room {
    fn say(&self, line: u32) {
        self.pending.lock().push(line);
        while !self.pending.lock().is_empty() {
            let Some(mut heard) = self.roster.try_lock() else { return };
            let batch = take(&mut *self.pending.lock());
            heard.extend(batch);
        }
    }
}

/// Two threads say a line each, and one peer listens.
pub(crate) fn explore() -> Result<(), String> {
    let room = Room::default();
    together(&[&|| room.say(1), &|| room.say(2)]);
    let (heard, pending) = (room.roster.lock().clone(), room.pending.lock().clone());
    if heard.len() == 2 {
        return Ok(());
    }
    Err(format!("a line is stranded: the peer has heard {heard:?}, and {pending:?} is pending"))
}
