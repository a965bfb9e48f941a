//! The order is that of the numbers, and not that of the parameters. So it is the same in all
//! threads.

use exercises::given::e3::Room;

/// Moves a peer from one room to another one.
pub fn move_peer(from: &Room, to: &Room, peer: u32) -> bool {
    let (mut here, mut there);
    if from.number < to.number {
        here = from.peers.lock().unwrap();
        there = to.peers.lock().unwrap();
    } else {
        there = to.peers.lock().unwrap();
        here = from.peers.lock().unwrap();
    }
    let Some(place) = here.iter().position(|id| *id == peer) else { return false };
    there.push(here.swap_remove(place));
    true
}
