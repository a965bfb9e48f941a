//! The fault: threads take the same two locks in different orders. A speaker takes the roster while
//! it holds `pending`. The thread that delivers takes `pending` while it holds the roster.

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
        let mut pending = self.pending.lock();
        let mut heard = self.roster.lock();
        pending.push(line);
        heard.append(&mut pending);
    }

    fn deliver(&self) {
        let mut heard = self.roster.lock();
        let mut pending = self.pending.lock();
        heard.append(&mut pending);
    }
}

/// Two threads say a line each, and a third one delivers the pending lines.
pub(crate) fn explore() -> Result<(), String> {
    let room = Room::default();
    together(&[&|| room.say(1), &|| room.say(2), &|| room.deliver()]);
    // While a thread waits for ever, this is not reached.
    let heard = room.roster.lock().clone();
    if heard.len() == 2 {
        return Ok(());
    }
    Err(format!("a line is lost: the peer has heard {heard:?}"))
}
