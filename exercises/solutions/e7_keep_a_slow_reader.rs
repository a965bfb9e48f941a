//! The lock is held twice for each line, and never while the line is sent. The record is looked up
//! anew each time, since it may have gone.

use exercises::given::e7::{Room, Socket};
use exercises::sync::{Arc, Mutex};

/// Sends to the peer `id` every line that it lacks.
pub fn catch_up(room: &Mutex<Room>, id: u32) {
    loop {
        // With `while let`, the guard would live as long as the body: the room would be locked.
        let next = next(&mut room.lock().unwrap(), id);
        let Some((number, line, socket)) = next else { return };
        let sent = socket.send(&line);
        let mut room = room.lock().unwrap();
        if !sent {
            room.peers.remove(&id);
        } else if let Some(peer) = room.peers.get_mut(&id) {
            peer.behind = Some(number + 1);
        }
    }
}

/// The next line for the peer. If there is none, the peer has caught up, and this says so in its
/// record: no other thread can speak in between.
fn next(room: &mut Room, id: u32) -> Option<(usize, String, Arc<dyn Socket>)> {
    let end = room.end();
    let peer = room.peers.get_mut(&id)?;
    let number = peer.behind?;
    if number == end {
        peer.behind = None;
        return None;
    }
    let socket = Arc::clone(&peer.socket);
    Some((number, room.line(number)?, socket))
}
