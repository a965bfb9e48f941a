//! The thread that accepts: gives each caller a thread of its own, or turns it away.
//!
//! One thread accepts for all listeners. So it alone counts the places, and two callers cannot both
//! get the last one. It never waits for a caller: a slow one would keep all others out.

use std::io::{self, PipeReader};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::retry_on_intr;

use super::endpoint::{ClientPolicy, Endpoint};
use super::placement;
use super::session;
use super::socket::TcpSocket;
use super::{Server, Shared};
use crate::protocol::{self, Framing};
use crate::room::Socket;
use crate::sync::{Scope, spawn};

/// How long accepting rests when the system has no descriptor or memory for another client.
const EXHAUSTED_REST: Duration = Duration::from_millis(100);

/// The accepting thread's view of the server.
pub(super) struct Acceptor<'scope, 'env> {
    scope: &'scope Scope<'scope, 'env>,
    server: &'scope Server,
    shared: &'scope Shared,
    /// Each connection holds a clone of it as long as its descriptor is open: so many places are taken.
    place: Arc<()>,
    /// The last caller was turned away.
    turned_away: bool,
}

impl<'scope, 'env> Acceptor<'scope, 'env> {
    pub(super) fn new(
        scope: &'scope Scope<'scope, 'env>,
        server: &'scope Server,
        shared: &'scope Shared,
    ) -> Self {
        Self { scope, server, shared, place: Arc::new(()), turned_away: false }
    }

    /// Accepts until `hangup` is closed.
    pub(super) fn run(&mut self, hangup: &PipeReader) {
        // The clients' threads inherit it. The claim ends with this thread.
        let _claim = self.server.config.one_core.then(placement::settle);
        let endpoints = &self.server.endpoints;
        let mut exhausted = false;
        loop {
            // A blocked `accept` could not be told to stop. `poll` waits for the callers and for the end
            // of a pipe at once: the server closes its side to end this thread.
            let mut events = vec![PollFd::new(hangup, PollFlags::IN)];
            // A caller that cannot be accepted stays in the queue, and `poll` would report it at once,
            // again and again. So the listeners are left out until the rest is over.
            if !exhausted {
                let listeners = endpoints.iter().map(|endpoint| &endpoint.listener);
                events.extend(listeners.map(|listener| PollFd::new(listener, PollFlags::IN)));
            }
            let timeout = exhausted.then(|| Timespec::try_from(EXHAUSTED_REST).ok()).flatten();
            let mut ends = false;
            if retry_on_intr(|| poll(&mut events, timeout.as_ref())).is_err() {
                // Even `poll` may lack memory. It has told nothing, so this looks everywhere.
                // It would not tell of the end of the pipe either.
                thread::sleep(EXHAUSTED_REST);
                ends = self.shared.flow.is_closed();
            }
            if ends || !events[0].revents().is_empty() {
                log::trace!("accepts no more");
                return endpoints.iter().for_each(Endpoint::close);
            }
            // The listeners do not block, so it does no harm to ask one at which nobody calls.
            let was_exhausted = std::mem::take(&mut exhausted);
            for endpoint in endpoints {
                match endpoint.listener.accept() {
                    Ok((stream, address)) => self.welcome(endpoint, stream, address),
                    Err(error) if is_no_failure(&error) => log::trace!("nobody to accept: {error}"),
                    // The caller stays in the kernel's queue meanwhile.
                    Err(error) => {
                        if !was_exhausted {
                            log::warn!("cannot accept more clients for now: {error}");
                        }
                        exhausted = true;
                    }
                }
            }
        }
    }

    /// Starts the thread of a client. Turns the client away, without a thread, if there is no place.
    fn welcome(&mut self, endpoint: &'scope Endpoint, stream: TcpStream, address: SocketAddr) {
        let policy = &endpoint.policy;
        // Read before this connection takes a place itself. One clone is our own.
        let taken = Arc::strong_count(&self.place) - 1;
        let socket = match TcpSocket::new(stream, policy.timeouts, Arc::clone(&self.place)) {
            Ok(socket) => Arc::new(socket),
            Err(error) => return log::debug!("a caller was lost: {error}"),
        };
        if socket.wait_for_end(Duration::ZERO) {
            // A thread for a connection that is over would cost more than the look.
            return log::trace!("a caller has hung up already");
        }
        let places = self.server.config.max_clients;
        if taken >= places {
            return self.turn_away(&socket, policy, &protocol::full(places));
        }
        let (shared, client) = (self.shared, Arc::clone(&socket));
        let serve = move || session::serve(shared, &client, address, policy);
        let name = format!("client #{}", address.port());
        log::trace!("starts the thread {name}");
        // The thread owns the connection from here on. Nobody joins it: the scope does that at the end.
        match spawn(self.scope, name, serve) {
            Ok(()) => self.turned_away = false,
            Err(error) => {
                let why = format!("* Server full: no thread for another client ({error})");
                self.turn_away(&socket, policy, &why);
            }
        }
    }

    /// Tells a caller why there is no place. The log tells it once, until somebody gets in again: a
    /// thousand callers must not fill it.
    fn turn_away(&mut self, socket: &TcpSocket, policy: &ClientPolicy, why: &str) {
        if !std::mem::replace(&mut self.turned_away, true) {
            log::warn!("turning clients away: {why}");
        }
        let end = if policy.framing == Framing::Lines { "\n" } else { "" };
        socket.turn_away(&format!("{why}{end}"));
    }
}

/// Whether accepting failed only because nobody calls, or because the caller has hung up. All other
/// errors last for a while: no descriptor, no memory, no network.
fn is_no_failure(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionReset, Interrupted, WouldBlock};
    matches!(error.kind(), WouldBlock | Interrupted | ConnectionAborted | ConnectionReset)
}
