//! Exercise 7, four points: keep a slow reader, and delay nobody.
//!
//! The socket of a slow peer is full. A thread that sends to it must wait, and it must not hold the
//! lock of the room meanwhile: all other threads would wait for this one peer (*head-of-line
//! blocking*). So the room keeps the lines that the peer lacks in its *backlog*, and the number of
//! the next one in the peer's record. A thread of its own, `catch_up`, sends them.
//!
//! That thread takes the next line out of the room, unlocks the room, and sends. Meanwhile the room
//! changes: others speak, and the peer may be removed because it is too far behind. So look at
//! everything again after each send. When no line is left, the thread sets `behind` to `None`. From
//! then on `say` sends to the peer again. This look and this change must be one critical section.
//!
//! The types are in `exercises/src/given/e7.rs`: read it first. Grade your answer with
//! `cargo run -p exercises -- 7`; add `--hint 1` or `--hint 2` if you need more help.
#![allow(unused_imports, unused_variables, reason = "the gap does not use them yet")]

use exercises::given::e7::Room;
use exercises::sync::Mutex;

/// Sends to the peer `id` every line that it lacks. Returns when it has all of them, or when its
/// record is gone. If its connection is broken, this removes its record.
pub fn catch_up(room: &Mutex<Room>, id: u32) {
    todo!("send to the peer each line that it lacks, and let nobody wait for it")
}
