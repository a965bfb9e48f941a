//! The server: listens, serves until it is stopped, and then tells, wakes and joins all threads.
//!
//! Threads: one accepts ("handshakes"), one per client ("client #PORT"), and one per laggard while
//! it lags ("catch-up #ID"). All are scoped, so none outlives [`Server::run`].

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

use crate::protocol;
use crate::room::{Limits, Observer, Report, Room, Socket};
use crate::sync::spawn;
use accept::Accepting;

pub use inbound::{Inbound, Reading};
pub use limits::Carried;
pub use session::ClientPolicy;
pub use socket::Links;
pub use template::{Template, TemplateError};

/// How long a stopping server waits for its clients to hang up by themselves.
const LINGER: Duration = Duration::from_millis(200);

/// How much longer it waits for laggards to take the farewell, and how often it looks. The rest of two
/// seconds is for the event log and for a busy machine.
const GRACE: Duration = Duration::from_millis(800);
const LOOK: Duration = Duration::from_millis(10);

/// How a server is set up.
#[derive(Clone, Debug)]
pub struct Config {
    /// `HOST:PORT` to listen on; port 0 is any free one.
    pub address: String,
    /// How clients are served there.
    pub policy: ClientPolicy,
    /// Another address, for clients that are served in another way.
    pub also: Option<(String, ClientPolicy)>,
    /// How many clients there may be.
    pub max_clients: usize,
    /// How many threads may let clients catch up at a time; a client that is behind and finds none
    /// is dropped.
    pub max_catch_up: usize,
    /// How much the room carries.
    pub limits: Limits,
    /// How long a client that is behind may take nothing at all.
    pub stall_timeout: Duration,
}

/// A server that listens, and serves once it [runs](Server::run).
#[derive(Debug)]
pub struct Server {
    endpoints: Vec<Endpoint>,
    max_clients: usize,
    max_catch_up: usize,
    limits: Limits,
    stall_timeout: Duration,
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
    pub fn bind(config: Config) -> Result<Self, BindError> {
        let open = |(address, policy): (String, ClientPolicy)| {
            let bound = socket::listen(&address)
                .and_then(|listener| Ok((listener.local_addr()?, listener)));
            match bound {
                Ok((address, listener)) => Ok(Endpoint { listener, address, policy }),
                Err(source) => Err(BindError { address, source }),
            }
        };
        let places = std::iter::once((config.address, config.policy)).chain(config.also);
        let endpoints = places.map(open).collect::<Result<_, _>>()?;
        let Config { max_clients, max_catch_up, limits, stall_timeout, .. } = config;
        Ok(Self { endpoints, max_clients, max_catch_up, limits, stall_timeout })
    }

    /// The addresses it listens on, the main one first.
    pub fn addresses(&self) -> impl Iterator<Item = SocketAddr> {
        self.endpoints.iter().map(|endpoint| endpoint.address)
    }

    /// Serves until something comes over `stop`, or its other end is gone. Returns how the room
    /// looked at the end.
    ///
    /// # Errors
    /// The thread that accepts could not be started.
    pub fn run(&self, observer: Box<dyn Observer>, stop: &Receiver<()>) -> io::Result<Report> {
        let (hangup_reader, hangup) = io::pipe()?;
        let port = self.addresses().next().map_or(0, |address| address.port());
        thread::scope(|scope| {
            let start_catch_up = catch_up::starter(scope, self.max_catch_up, self.stall_timeout);
            let room = Room::new(self.limits, observer, start_catch_up);
            // Each client's thread holds a clone of `present`: when the last is dropped, all have
            // gone.
            let (present, all_gone) = crossbeam_channel::bounded(0);
            let present = Arc::new(present);
            let mut accepting = Accepting::new(scope, self, Arc::clone(&room), present);
            spawn(scope, "handshakes".to_owned(), move || accepting.run(&hangup_reader))?;

            let _ = stop.recv();
            // First the thread that accepts, so that no client joins any more.
            drop(hangup);
            let last = room.report();
            // All are told, and get the time to hang up.
            let half_closed = room.close(&protocol::offline(port));
            let _ = all_gone.recv_timeout(LINGER);
            // That ends each thread that reads from a client which did not.
            for socket in half_closed {
                socket.shut();
            }
            // Laggards get a little longer, to take the farewell.
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
