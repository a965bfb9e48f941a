//! The thread that accepts: gives each caller a thread of its own, or turns it away.

use std::convert::Infallible;
use std::io::{self, PipeReader};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use crossbeam_channel::Sender;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::{Errno, retry_on_intr};

use super::session::{self, ClientPolicy};
use super::socket::{self, TcpSocket};
use super::{Endpoint, Server};
use crate::protocol::{self, Framing};
use crate::room::{Room, Socket};
use crate::sync::{Scope, spawn};

/// How long accepting rests when the system has no descriptor or memory for another client.
const REST: Timespec = Timespec { tv_sec: 0, tv_nsec: 100_000_000 };

/// The accepting thread's view of the server.
pub(super) struct Acceptor<'scope, 'env> {
    pub(super) scope: &'scope Scope<'scope, 'env>,
    pub(super) server: &'scope Server,
    pub(super) room: Arc<Room<'scope, TcpSocket>>,
    /// Counts the clients: each client's thread holds a clone.
    pub(super) present: Arc<Sender<Infallible>>,
    /// The last caller was turned away.
    pub(super) turned_away: bool,
}

impl<'scope> Acceptor<'scope, '_> {
    /// Accepts until `hangup` is closed.
    pub(super) fn run(&mut self, hangup: &PipeReader) {
        let server = self.server;
        let endpoints = &server.endpoints;
        let mut exhausted = false;
        loop {
            let mut events = vec![PollFd::new(hangup, PollFlags::IN)];
            if !exhausted {
                let listeners = endpoints.iter().map(|endpoint| &endpoint.listener);
                events.extend(listeners.map(|listener| PollFd::new(listener, PollFlags::IN)));
            }
            let timeout = exhausted.then_some(&REST);
            let _ = retry_on_intr(|| poll(&mut events, timeout));
            if !events[0].revents().is_empty() {
                log::trace!("accepts no more");
                return endpoints.iter().for_each(|it| socket::close_listener(&it.listener));
            }
            let was_exhausted = std::mem::take(&mut exhausted);
            for endpoint in endpoints {
                match endpoint.listener.accept() {
                    Ok((stream, address)) => self.welcome(endpoint, stream, address),
                    // The caller stays in the kernel's queue until there is a descriptor.
                    Err(error) if is_exhausted(&error) => {
                        if !was_exhausted {
                            log::warn!("cannot accept more clients for now: {error}");
                        }
                        exhausted = true;
                    }
                    // No caller is at this listener, or it has hung up.
                    Err(error) => log::trace!("cannot accept: {error}"),
                }
            }
        }
    }

    /// Starts the thread of a client. Turns the client away, without a thread, if there is no place.
    fn welcome(&mut self, endpoint: &'scope Endpoint, stream: TcpStream, address: SocketAddr) {
        let policy = &endpoint.policy;
        let socket = match TcpSocket::new(stream, policy.timeouts) {
            Ok(socket) => Arc::new(socket),
            Err(error) => return log::debug!("a caller was lost: {error}"),
        };
        if socket.wait_for_end(Duration::ZERO) {
            return log::trace!("a caller has hung up already");
        }
        let places = self.server.config.max_clients;
        // One clone of `present` is our own.
        if Arc::strong_count(&self.present) > places {
            return self.turn_away(&socket, policy, &protocol::full(places));
        }
        let (room, present) = (Arc::clone(&self.room), Arc::clone(&self.present));
        let client = Arc::clone(&socket);
        let serve = move || {
            let _present = present;
            session::serve(&room, &client, address, policy);
        };
        let name = format!("client #{}", address.port());
        log::trace!("starts the thread {name}");
        match spawn(self.scope, name, serve) {
            Ok(()) => self.turned_away = false,
            Err(error) => {
                let why = format!("* Server full: no thread for another client ({error})");
                self.turn_away(&socket, policy, &why);
            }
        }
    }

    fn turn_away(&mut self, socket: &TcpSocket, policy: &ClientPolicy, why: &str) {
        if !std::mem::replace(&mut self.turned_away, true) {
            log::warn!("turning clients away: {why}");
        }
        let end = if policy.reading.framing == Framing::Lines { "\n" } else { "" };
        socket.turn_away(&format!("{why}{end}"));
    }
}

/// Whether accepting failed because the system has no descriptor or memory left for now.
fn is_exhausted(error: &io::Error) -> bool {
    let errno = Errno::from_io_error(error);
    matches!(errno, Some(Errno::MFILE | Errno::NFILE | Errno::NOBUFS | Errno::NOMEM))
}
