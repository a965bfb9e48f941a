//! The server: accepts clients, gives each a thread of its own, and at the end tells, wakes and
//! joins them all.
//!
//! Threads: one accepts ("handshakes"), one per client ("client #PORT"), and one per laggard while
//! it lags ("catch-up #ID"). All are scoped, so none outlives [`Server::run`].

use std::convert::Infallible;
use std::io::{self, PipeReader};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread::{self, Scope};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::retry_on_intr;

use crate::catch_up;
use crate::peer::Socket;
use crate::room::{Limits, Room};
use crate::roster::{Observer, Report};
use crate::session::{self, ClientPolicy};
use crate::socket::{self, TcpSocket};
use crate::sync::spawn;
use crate::wire::{self, Framing};

/// How long a stopping server waits for its clients to hang up by themselves.
const LINGER: Duration = Duration::from_millis(200);

/// How much longer it waits for laggards to take the farewell, and how often it looks. The rest of two
/// seconds is for the event log and for a busy machine.
const GRACE: Duration = Duration::from_millis(800);
const LOOK: Duration = Duration::from_millis(10);

/// How long accepting rests when the system has no descriptor or memory for another client.
const REST: Timespec = Timespec { tv_sec: 0, tv_nsec: 100_000_000 };

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

impl Server {
    /// Starts to listen.
    ///
    /// # Errors
    /// An address is unknown, in use, or not permitted; the text says which, and what to do.
    pub fn bind(config: Config) -> io::Result<Self> {
        let open = |(address, policy): (String, ClientPolicy)| -> io::Result<Endpoint> {
            let listener = socket::listen(&address)
                .map_err(|error| io::Error::new(error.kind(), cannot_listen(&address, &error)))?;
            Ok(Endpoint { address: listener.local_addr()?, listener, policy })
        };
        let places = std::iter::once((config.address, config.policy)).chain(config.also);
        let endpoints = places.map(open).collect::<io::Result<_>>()?;
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
            let mut accepting =
                Accepting { scope, server: self, room: Arc::clone(&room), present, full: false };
            spawn(scope, "handshakes".to_owned(), move || accepting.run(&hangup_reader))?;

            let _ = stop.recv();
            // First the thread that accepts, so that no client joins any more.
            drop(hangup);
            let last = room.report();
            // All are told, and get the time to hang up.
            let half_closed = room.close(&wire::offline(port));
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

/// The thread that accepts: gives each caller a thread of its own.
struct Accepting<'scope, 'env> {
    scope: &'scope Scope<'scope, 'env>,
    server: &'scope Server,
    room: Arc<Room<'scope, TcpSocket>>,
    present: Arc<Sender<Infallible>>,
    /// A caller was turned away since a client last got a place.
    full: bool,
}

impl<'scope> Accepting<'scope, '_> {
    /// Accepts until `hangup` is closed.
    fn run(&mut self, hangup: &PipeReader) {
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
            return self.turn_away(&socket, policy, &wire::full(places));
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
    use rustix::io::Errno;
    let errno = Errno::from_io_error(error);
    matches!(errno, Some(Errno::MFILE | Errno::NFILE | Errno::NOBUFS | Errno::NOMEM))
}

fn cannot_listen(address: &str, error: &io::Error) -> String {
    let advice = match error.kind() {
        io::ErrorKind::AddrInUse => "another program listens there; end it or choose another port",
        io::ErrorKind::AddrNotAvailable => "this machine does not have that address",
        io::ErrorKind::PermissionDenied => "choose a port above 1023",
        _ => "is it written as HOST:PORT?",
    };
    format!("cannot listen on {address}: {error}; {advice}")
}
