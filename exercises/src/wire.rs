//! Made-up connections: a door at which peers call, and sockets. They block as the real ones do,
//! but they need no network. Read the promise of each method. The code below it is not important.

use std::collections::VecDeque;
use std::panic::Location;

use shuttle::sync::{Arc, Condvar, Mutex};

use crate::steps;

/// Things that one thread puts in and another one waits for, until it is closed.
struct Queue<T> {
    state: Mutex<(VecDeque<T>, bool)>,
    changed: Condvar,
}

impl<T> Default for Queue<T> {
    fn default() -> Self {
        Self { state: Mutex::new((VecDeque::new(), false)), changed: Condvar::default() }
    }
}

impl<T> Queue<T> {
    /// Returns `false`, and drops the thing, if the queue is closed.
    fn put(&self, thing: T) -> bool {
        let mut state = self.state.lock().unwrap();
        let open = !state.1;
        if open {
            state.0.push_back(thing);
            self.changed.notify_all();
        }
        open
    }

    fn wait(&self) -> Option<T> {
        let state = self.state.lock().unwrap();
        let waits = |state: &mut (VecDeque<T>, bool)| state.0.is_empty() && !state.1;
        let mut state = self.changed.wait_while(state, waits).unwrap();
        if state.1 { None } else { state.0.pop_front() }
    }

    fn close(&self) {
        self.state.lock().unwrap().1 = true;
        self.changed.notify_all();
    }
}

/// The place where peers call, as a `TcpListener`.
#[derive(Default)]
pub struct Door {
    callers: Queue<Arc<Socket>>,
}

impl Door {
    /// Waits for the next caller. Returns `None` when the door is closed.
    #[track_caller]
    pub fn accept(&self) -> Option<Arc<Socket>> {
        steps::waits(|| "waits in accept".to_owned(), Location::caller());
        let caller = self.callers.wait();
        steps::says(
            if caller.is_some() { "accepts a peer" } else { "finds the door closed" }.into(),
        );
        let caller = caller?;
        caller.peer.lock().unwrap().accepted = true;
        Some(caller)
    }

    /// Closes the door. This ends a thread that waits in [`Door::accept`]. Callers that were not
    /// accepted are refused.
    pub fn close(&self) {
        steps::says("closes the door".to_owned());
        self.callers.close();
    }

    /// A peer calls. Returns `false` if the door is closed.
    pub fn call(&self, caller: Arc<Socket>) -> bool {
        steps::says("calls at the door".to_owned());
        self.callers.put(caller)
    }
}

/// The connection to a peer, as a `TcpStream`.
#[derive(Default)]
pub struct Socket {
    said: Queue<String>,
    /// No lock of the model checker: a test that looks at this must not change the schedules.
    peer: std::sync::Mutex<Peer>,
}

/// The other end of a socket.
#[derive(Default)]
struct Peer {
    accepted: bool,
    heard: Vec<String>,
    shut: bool,
    hung_up: bool,
}

impl Socket {
    /// Waits for the next line of the peer. Returns `None` when the peer has hung up, or the socket
    /// is shut.
    #[track_caller]
    pub fn read(&self) -> Option<String> {
        steps::waits(|| "waits in read".to_owned(), Location::caller());
        let line = self.said.wait();
        steps::says(if line.is_some() { "reads a line" } else { "reads the end" }.into());
        line
    }

    /// Sends a line to the peer, and does not wait. If the socket is shut, the line is lost.
    pub fn send(&self, line: &str) {
        steps::says(format!("sends {line:?}"));
        let mut peer = self.peer.lock().unwrap();
        if !peer.shut {
            peer.heard.push(line.to_owned());
        }
    }

    /// Shuts the socket. This ends a thread that waits in [`Socket::read`].
    pub fn shut(&self) {
        steps::says("shuts a socket".to_owned());
        self.peer.lock().unwrap().shut = true;
        self.said.close();
    }

    /// The peer hangs up. This ends a thread that waits in [`Socket::read`].
    pub fn hang_up(&self) {
        steps::says("hangs up".to_owned());
        self.peer.lock().unwrap().hung_up = true;
        self.said.close();
    }

    /// Whether the peer has hung up.
    pub fn has_hung_up(&self) -> bool {
        self.peer.lock().unwrap().hung_up
    }

    /// Whether the door has let this caller in.
    pub fn is_accepted(&self) -> bool {
        self.peer.lock().unwrap().accepted
    }

    /// Whether the socket is shut.
    pub fn is_shut(&self) -> bool {
        self.peer.lock().unwrap().shut
    }

    /// Everything that the peer was sent.
    pub fn heard(&self) -> Vec<String> {
        self.peer.lock().unwrap().heard.clone()
    }
}
