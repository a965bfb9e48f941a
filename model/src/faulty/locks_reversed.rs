//! The fault: two threads take the same two locks in different orders. A speaker takes the roster
//! while it holds the pending lines. The thread that delivers takes the pending lines while it
//! holds the roster.

use std::sync::Arc;

use shuttle::thread;

use crate::sync::Mutex;

#[derive(Default)]
struct Room {
    pending: Mutex<Vec<u32>>,
    roster: Mutex<Vec<u32>>,
}

impl Room {
    fn say(&self, line: u32) {
        let mut pending = self.pending.lock();
        pending.push(line);
        self.roster.lock().append(&mut pending);
    }

    fn deliver(&self) {
        let mut heard = self.roster.lock();
        heard.append(&mut self.pending.lock());
    }
}

pub(crate) fn explore() {
    let room = Arc::new(Room::default());
    let speaker = {
        let room = Arc::clone(&room);
        thread::spawn(move || room.say(1))
    };
    room.deliver();
    speaker.join().expect("no thread fails");
}
