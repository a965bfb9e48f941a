//! The fault: a speaker locks the roster only to copy it, and writes to the peers after unlocking.
//! Nothing decides which speaker writes first, so two peers may hear the same lines in two orders.

use crate::sync::Mutex;
use crate::together;

struct Room {
    /// The places of the peers in `sockets`.
    roster: Mutex<Vec<usize>>,
    /// The lines that each peer has heard.
    sockets: [Mutex<Vec<u32>>; 2],
}

impl Room {
    fn say(&self, line: u32) {
        let peers = self.roster.lock().clone();
        for peer in peers {
            self.sockets[peer].lock().push(line);
        }
    }
}

/// Two threads say a line each, to Ann and to Bob.
pub(crate) fn explore() -> Result<(), String> {
    let roster = Mutex::new(vec![0, 1]);
    let room = Room { roster, sockets: [Mutex::new(vec![]), Mutex::new(vec![])] };
    together(&[&|| room.say(1), &|| room.say(2)]);
    let [ann, bob] = room.sockets.each_ref().map(|socket| socket.lock().clone());
    if ann == bob {
        return Ok(());
    }
    Err(format!("there are two orders: Ann has heard {ann:?}, and Bob has heard {bob:?}"))
}
