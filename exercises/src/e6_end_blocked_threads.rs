//! Exercise 6, three points: end threads that are blocked.
//!
//! A server has a thread that waits in `accept`, and a thread for each peer, which waits in `read`.
//! A thread that waits does not look at a flag. To end it, make the thing happen for which it
//! waits: close the door, shut the socket. Then *join* the thread: wait until it has ended.
//!
//! `stop` must bring all threads to their end, and forget nobody: each peer that is connected gets
//! [`FAREWELL`] once, before its socket is shut. Think about two things. As long as the door is
//! open, a peer may still come. And a thread that ends removes its peer from the roster, so `stop`
//! must not hold the roster while it waits for that thread.
//!
//! Grade your answer with `cargo run -p exercises -- 6`.
#![allow(
    unused_variables,
    clippy::needless_pass_by_value,
    reason = "the gap does not use the parameters yet"
)]

use crate::sync::{Arc, JoinHandle, Mutex, thread};
use crate::wire::{Door, Socket};

/// The last line that a peer hears from a server that stops.
pub const FAREWELL: &str = "the server stops";

/// The state that the threads of the server share.
#[derive(Default)]
pub struct Server {
    /// The thread that accepts waits here.
    pub door: Door,
    /// The sockets of all peers that are connected.
    pub roster: Mutex<Vec<Arc<Socket>>>,
    /// A thread for each peer that has come.
    pub sessions: Mutex<Vec<JoinHandle<()>>>,
}

/// The thread that accepts: starts a thread for each caller, until the door is closed. (This is not
/// the gap.)
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

/// The thread of one peer: reads until the end, removes the record, and closes its side. (This is
/// not the gap.)
fn serve(server: &Server, socket: &Arc<Socket>) {
    while socket.read().is_some() {}
    server.roster.lock().unwrap().retain(|other| !Arc::ptr_eq(other, socket));
    socket.shut();
}

/// Stops the server. `acceptor` is the thread that runs [`accept`]. When `stop` returns, all
/// threads have ended, and no peer can come any more.
pub fn stop(server: &Server, acceptor: JoinHandle<()>) {
    todo!("close the door, join the acceptor; say farewell to each peer, shut it; join the rest")
}
