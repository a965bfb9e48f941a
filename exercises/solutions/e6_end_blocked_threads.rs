//! First no peer can come any more. Then no peer is left. Each thread is joined after its end has
//! been caused, and no lock that it needs is held meanwhile.

use std::mem;

use exercises::given::e6::{FAREWELL, Server};
use exercises::sync::JoinHandle;

/// Stops the server.
pub fn stop(server: &Server, acceptor: JoinHandle<()>) {
    server.door.close();
    acceptor.join().unwrap();
    for socket in server.roster.lock().unwrap().iter() {
        socket.send(FAREWELL);
        socket.shut();
    }
    let sessions = mem::take(&mut *server.sessions.lock().unwrap());
    for session in sessions {
        session.join().unwrap();
    }
}
