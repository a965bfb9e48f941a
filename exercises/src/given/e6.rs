//! Given for exercise 6: end threads that are blocked.

use crate::sync::{Arc, JoinHandle, Mutex, thread};
use crate::wire::{Door, Socket};

/// The last line that a peer hears from a server that stops.
pub const FAREWELL: &str = "the server stops";

/// The state that the threads of the server share.
pub struct Server {
    /// The thread that accepts waits here.
    pub door: Door,
    /// The sockets of all peers that are connected.
    pub roster: Mutex<Vec<Arc<Socket>>>,
    /// A thread for each peer that has come.
    pub sessions: Mutex<Vec<JoinHandle<()>>>,
}

impl Default for Server {
    fn default() -> Self {
        let (roster, sessions) = (Vec::new(), Vec::new());
        Self {
            door: Door::default(),
            roster: Mutex::named("roster", roster),
            sessions: Mutex::named("sessions", sessions),
        }
    }
}

/// The thread that accepts: starts a thread for each caller, until the door is closed.
pub fn accept(server: &Arc<Server>) {
    while let Some(socket) = server.door.accept() {
        server.roster.lock().unwrap().push(Arc::clone(&socket));
        let session = {
            let server = Arc::clone(server);
            thread::spawn(move || serve(&server, &socket))
        };
        server.sessions.lock().unwrap().push(session);
    }
}

/// The thread of one peer: reads until the end, removes the record, and closes its side.
fn serve(server: &Server, socket: &Arc<Socket>) {
    while socket.read().is_some() {}
    server.roster.lock().unwrap().retain(|other| !Arc::ptr_eq(other, socket));
    socket.shut();
}
