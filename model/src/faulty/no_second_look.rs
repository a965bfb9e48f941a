//! The fault: `if` in place of `while`. The thread that holds the roster does not look at `pending`
//! again after unlocking. A line that was appended at that moment is stranded.

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
        if !self.pending.lock().is_empty() {
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
