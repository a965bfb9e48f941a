//! The server: listens, starts all threads, and at the end sends the farewell and joins the threads.
//!
//! Threads: one accepts ("handshakes"), one serves each client ("client #PORT"), and one sends to
//! each peer that is behind ("catch-up #ID"). All are scoped, so none outlives [`Server::run`].

mod accept;
mod catch_up;
pub mod event_log;
mod inbound;
mod limits;
mod session;
mod socket;
mod template;
#[cfg(test)]
mod tests;

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use crossbeam_channel::Receiver;
use thiserror::Error;

use crate::protocol::{self, Framing};
use crate::room::{Limits, Observer, Report, Room, Socket};
use crate::sync::spawn;
use accept::Acceptor;

pub use inbound::{Inbound, ReadOptions};
pub use limits::Capacity;
pub use session::ClientPolicy;
pub use socket::Timeouts;
pub use template::{Template, TemplateError};

/// How long a stopping server waits for its clients to hang up by themselves.
const LINGER: Duration = Duration::from_millis(200);

/// How much longer it waits for peers that are behind. Stopping may take two seconds in all: the rest
/// is for the event log and for a busy machine.
const GRACE: Duration = Duration::from_millis(800);

/// How often it looks whether they have caught up.
const LOOK: Duration = Duration::from_millis(10);

/// How a server is set up.
#[derive(Clone, Debug)]
pub struct Config {
    /// Each `HOST:PORT` to listen on, and how clients are served there; the main one first. Port 0 is
    /// any free port. A host is listened on at every address it has.
    pub addresses: Vec<(String, ClientPolicy)>,
    /// How many clients there may be.
    pub max_clients: usize,
    /// How many catch-up threads there may be. When all are in use, a client that falls behind is
    /// dropped.
    pub max_catch_up: usize,
    /// How much the room carries.
    pub limits: Limits,
    /// How long a client that is behind may take nothing before it is dropped.
    pub stall_timeout: Duration,
}

/// A server that listens, and serves once it [runs](Server::run).
#[derive(Debug)]
pub struct Server {
    endpoints: Vec<Endpoint>,
    config: Config,
}

/// An address at which clients arrive, and how they are served.
#[derive(Debug)]
struct Endpoint {
    listener: TcpListener,
    address: SocketAddr,
    policy: ClientPolicy,
}

/// A server could not listen on an address.
#[derive(Debug, Error)]
#[error("cannot listen on {address}")]
pub struct BindError {
    /// The address, as it was given.
    pub address: String,
    /// Why not.
    pub source: io::Error,
}

impl Server {
    /// Starts to listen.
    ///
    /// # Errors
    /// An address is unknown, in use, or not permitted.
    pub fn bind(mut config: Config) -> Result<Self, BindError> {
        let mut endpoints = Vec::new();
        for (host, policy) in std::mem::take(&mut config.addresses) {
            let failed = |source| BindError { address: host.clone(), source };
            for listener in socket::listen(&host).map_err(failed)? {
                let address = listener.local_addr().map_err(failed)?;
                endpoints.push(Endpoint { listener, address, policy: policy.clone() });
            }
        }
        Ok(Self { endpoints, config })
    }

    /// The addresses it listens on, and how messages are told apart there.
    pub fn listening(&self) -> impl Iterator<Item = (SocketAddr, Framing)> {
        self.endpoints.iter().map(|endpoint| (endpoint.address, endpoint.policy.reading.framing))
    }

    /// The addresses it listens on, the main one first.
    pub fn addresses(&self) -> impl Iterator<Item = SocketAddr> {
        self.endpoints.iter().map(|endpoint| endpoint.address)
    }

    /// Serves until a message comes over `stop`, or its sender is gone. Returns a report on the room
    /// just before it was closed.
    ///
    /// # Errors
    /// The pipe or the thread that accepts could not be made.
    pub fn run(&self, observer: Box<dyn Observer>, stop: &Receiver<()>) -> io::Result<Report> {
        let (hangup_reader, hangup) = io::pipe()?;
        let port = self.addresses().next().map_or(0, |address| address.port());
        thread::scope(|scope| {
            let Config { max_catch_up, stall_timeout, limits, .. } = self.config;
            let start_catch_up = catch_up::starter(scope, max_catch_up, stall_timeout);
            let room = Room::new(limits, observer, start_catch_up);
            // Each client's thread holds a clone of `present`, and so does the thread that accepts. The
            // channel closes with the last clone.
            let (present, all_gone) = crossbeam_channel::bounded(0);
            let present = Arc::new(present);
            let mut acceptor = Acceptor {
                scope,
                server: self,
                room: Arc::clone(&room),
                present,
                turned_away: false,
            };
            spawn(scope, "handshakes".to_owned(), move || acceptor.run(&hangup_reader))?;

            let _ = stop.recv();
            // Tells the thread that accepts to end. A client that still joins is caught by `close`.
            drop(hangup);
            let last = room.report();
            // Every peer is sent the farewell, and gets time to hang up.
            let half_closed = room.close(&protocol::offline(port));
            let _ = all_gone.recv_timeout(LINGER);
            // This ends the threads of the clients that did not hang up.
            for socket in half_closed {
                socket.shut();
            }
            // Peers that are behind get a little longer to take the farewell.
            let deadline = Instant::now() + GRACE;
            while room.report().peers > 0 && Instant::now() < deadline {
                thread::sleep(LOOK);
            }
            room.cut_off();
            Ok(last)
        })
        .inspect(|_| log::trace!("all threads have ended"))
    }
}
