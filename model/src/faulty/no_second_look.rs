//! The fault: `if` in place of `while`. After the thread with the roster unlocks it, it does not
//! check again for pending lines. So a line that was appended at that moment is stranded.

use std::sync::Arc;

use shuttle::thread;

use crate::sync::Mutex;

#[derive(Default)]
struct Room {
    pending: Mutex<Vec<u32>>,
    /// The lines that the one peer has received.
    roster: Mutex<Vec<u32>>,
}

impl Room {
    fn say(&self, line: u32) {
        self.pending.lock().push(line);
        if !self.pending.lock().is_empty() {
            let Some(mut heard) = self.roster.try_lock() else { return };
            let batch = std::mem::take(&mut *self.pending.lock());
            heard.extend(batch);
        }
    }
}

pub(crate) fn explore() {
    let room = Arc::new(Room::default());
    let speakers: Vec<_> = [1, 2]
        .map(|line| {
            let room = Arc::clone(&room);
            thread::spawn(move || room.say(line))
        })
        .into();
    for speaker in speakers {
        speaker.join().expect("no thread fails");
    }
    let heard = room.roster.lock().len();
    assert_eq!(heard, 2, "a line is stranded");
}
