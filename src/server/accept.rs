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

/// The thread that accepts: gives each caller a thread of its own.
pub(super) struct Accepting<'scope, 'env> {
    scope: &'scope Scope<'scope, 'env>,
    server: &'scope Server,
    room: Arc<Room<'scope, TcpSocket>>,
    present: Arc<Sender<Infallible>>,
    /// A caller was turned away since a client last got a place.
    full: bool,
}

impl<'scope, 'env> Accepting<'scope, 'env> {
    /// Each client's thread will hold a clone of `present`.
    pub(super) fn new(
        scope: &'scope Scope<'scope, 'env>,
        server: &'scope Server,
        room: Arc<Room<'scope, TcpSocket>>,
        present: Arc<Sender<Infallible>>,
    ) -> Self {
        Self { scope, server, room, present, full: false }
    }

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
                    // The caller waits in the kernel's queue.
                    Err(error) if is_exhausted(&error) => {
                        if !was_exhausted {
                            log::warn!("cannot accept more clients for now: {error}");
                        }
                        exhausted = true;
                    }
                    // There is no caller here, or it hung up before.
                    Err(error) => log::trace!("cannot accept: {error}"),
                }
            }
        }
    }

    /// Starts the thread of a client, or turns the client away, without a thread.
    fn welcome(&mut self, endpoint: &'scope Endpoint, stream: TcpStream, address: SocketAddr) {
        let policy = &endpoint.policy;
        let socket = match TcpSocket::new(stream, policy.links) {
            Ok(socket) => Arc::new(socket),
            Err(error) => return log::debug!("a caller was lost: {error}"),
        };
        if socket.wait_for_end(Duration::ZERO) {
            return log::trace!("a caller has hung up already");
        }
        let places = self.server.max_clients;
        // One is our own.
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
            Ok(()) => self.full = false,
            Err(error) => {
                let why = format!("* Server full: no thread for another client ({error})");
                self.turn_away(&socket, policy, &why);
            }
        }
    }

    fn turn_away(&mut self, socket: &TcpSocket, policy: &ClientPolicy, why: &str) {
        if !std::mem::replace(&mut self.full, true) {
            log::warn!("turning clients away: {why}");
        }
        let end = if policy.reading.framing == Framing::Lines { "\n" } else { "" };
        socket.turn_away(&format!("{why}{end}"));
    }
}

/// Whether accepting failed for want of descriptors or memory: it may work again later.
fn is_exhausted(error: &io::Error) -> bool {
    let errno = Errno::from_io_error(error);
    matches!(errno, Some(Errno::MFILE | Errno::NFILE | Errno::NOBUFS | Errno::NOMEM))
}
