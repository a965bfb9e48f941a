//! The server: listens, starts all threads, and at the end sends the farewell and joins the threads.
//!
//! Threads: one accepts ("handshakes"), one serves each client ("client #PORT"), and one sends to
//! each peer that is behind ("catch-up #ID"). All are scoped, so none outlives [`Server::run`]. The
//! thread that calls it starts the first one and the last ones, and waits meanwhile.

mod accept;
mod catch_up;
mod endpoint;
mod flow;
mod inbound;
mod limits;
#[cfg(target_os = "linux")]
mod placement;
#[cfg(not(target_os = "linux"))]
mod placement {
    pub(super) fn settle() {}
}
mod reader;
mod session;
mod socket;
mod template;
#[cfg(test)]
mod tests;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, select, unbounded};

use crate::protocol::{self, Framing, PeerId};
use crate::room::{Event, Limits, Observer, Report, Room};
use crate::sync::{AtomicU64, Relaxed, spawn};
use accept::Acceptor;
use endpoint::Endpoint;
use flow::{Budget, Flow};
use socket::TcpSocket;

pub use endpoint::{BindError, ClientPolicy};
pub use inbound::Inbound;
pub use limits::Capacity;
pub use socket::Timeouts;
pub use template::{Template, TemplateError};

/// How long a stopping server waits for its peers to hang up, since the last one was behind and since
/// the last read from any of them. While a peer still speaks, shutting its socket would reset the
/// connection, and a reset overtakes what was sent.
const LINGER: Duration = Duration::from_millis(200);

/// How long it waits in all. Stopping may take two seconds: the rest is for the event log and for a
/// busy machine.
const GRACE: Duration = Duration::from_secs(1);

/// How often it looks whether they have gone.
const FAREWELL_LOOK: Duration = Duration::from_millis(10);

/// How a server is set up.
#[derive(Clone, Debug)]
pub struct Config {
    /// Each `HOST:PORT` to listen on, and how clients are served there; the main one first. Port 0 is
    /// any free port. A host is listened on at every address it has.
    pub addresses: Vec<(String, ClientPolicy)>,
    /// How many clients there may be.
    pub max_clients: usize,
    /// How much the room carries.
    pub limits: Limits,
    /// How long a client that is behind may take nothing before it is dropped.
    pub stall_timeout: Duration,
    /// Whether the clients' threads share one core, where the system can do that.
    pub one_core: bool,
}

/// A server that listens, and serves once it [runs](Server::run).
#[derive(Debug)]
pub struct Server {
    endpoints: Vec<Endpoint>,
    config: Config,
}

impl Server {
    /// Starts to listen.
    ///
    /// # Errors
    /// An address is unknown, in use, or not permitted.
    pub fn bind(mut config: Config) -> Result<Self, BindError> {
        let mut endpoints = Vec::new();
        for (address, policy) in std::mem::take(&mut config.addresses) {
            endpoints.extend(Endpoint::open(&address, &policy)?);
        }
        Ok(Self { endpoints, config })
    }

    /// The addresses it listens on, the main one first, and how messages are told apart there.
    pub fn listening(&self) -> impl Iterator<Item = (SocketAddr, Framing)> {
        self.endpoints.iter().map(|endpoint| (endpoint.address, endpoint.policy.framing))
    }

    /// Serves until a message comes over `stop`, or its sender is gone. Returns a report on the room
    /// as it was then.
    ///
    /// # Errors
    /// The pipe or the thread that accepts could not be made.
    pub fn run(&self, observer: Box<dyn Observer>, stop: &Receiver<()>) -> io::Result<Report> {
        let (hangup_reader, hangup) = io::pipe()?;
        let (behind, fallen_behind) = unbounded();
        let flow = Arc::new(Flow::new(Budget::of_room()));
        let watch = Watch { next: observer, flow: Arc::clone(&flow), behind };
        let room = Room::new(self.config.limits, Box::new(watch));
        let shared = Shared { room, flow, reads: AtomicU64::new(0) };
        let port = self.endpoints.first().map_or(0, |endpoint| endpoint.address.port());
        thread::scope(|scope| {
            // From here on other threads run. All of them borrow `shared`: the scope joins them before it
            // is dropped, so nothing has to be counted with an `Arc`.
            let mut acceptor = Acceptor::new(scope, self, &shared);
            spawn(scope, "handshakes".to_owned(), move || acceptor.run(&hangup_reader))?;
            let catch_up = |id| catch_up::start(scope, &shared.room, id, self.config.stall_timeout);
            // One thread starts all catch-up threads, and it waits here anyway. A thread that delivers
            // could not: it would start a thread inside the critical section, or after it, and then it
            // would have to come back for the next one.
            loop {
                select! {
                    recv(fallen_behind) -> id => id.into_iter().for_each(catch_up),
                    recv(stop) -> _ => break,
                }
            }
            // Tells the thread that accepts to end. A client that still joins is caught by `close`.
            drop(hangup);
            let last = shared.room.close(&protocol::offline(port));
            // After that, and not before: what a speaker says now must be thrown away.
            shared.flow.close();
            shared.wait_for_peers(&fallen_behind, catch_up);
            // This ends the threads of the peers that did not hang up.
            shared.room.cut_off();
            Ok(last)
        })
        .inspect(|_| log::trace!("all threads have ended"))
    }
}

/// The state that the threads of a running server share. Its locks are in the room and in the flow.
struct Shared {
    room: Room<TcpSocket>,
    flow: Arc<Flow>,
    /// How many reads there were, from all peers: a stopping server looks whether some peer speaks.
    reads: AtomicU64,
}

impl Shared {
    /// Gives every peer of a closed room time to take what it is owed, and to hang up. Starts
    /// catch-up threads as before, for peers that fell behind with the last lines.
    fn wait_for_peers(&self, fallen_behind: &Receiver<PeerId>, mut catch_up: impl FnMut(PeerId)) {
        let deadline = Instant::now() + GRACE;
        let (mut reads, mut active) = (self.reads.load(Relaxed), Instant::now());
        loop {
            let (report, now) = (self.room.report(), Instant::now());
            let reads_before = std::mem::replace(&mut reads, self.reads.load(Relaxed));
            if report.laggards > 0 || reads != reads_before {
                active = now;
            }
            if report.peers == 0 || now >= deadline.min(active + LINGER) {
                return;
            }
            // A peer may have fallen behind with the farewell itself, or just before it.
            if let Ok(id) = fallen_behind.recv_timeout(FAREWELL_LOOK) {
                catch_up(id);
            }
        }
    }
}

/// Sees the events of the room for the other parts of the server, and passes them on.
struct Watch {
    next: Box<dyn Observer>,
    flow: Arc<Flow>,
    /// The peers that need a catch-up thread. It never waits: the main thread takes them out at once.
    behind: Sender<PeerId>,
}

impl Observer for Watch {
    fn see(&self, event: Event) {
        match event {
            Event::Delivered { overrun, .. } => self.flow.set_overrun(overrun),
            // The receiver is gone only after the room was closed and every peer cut off.
            Event::FellBehind { id, .. } => _ = self.behind.send(id),
            Event::Joined(_) | Event::CaughtUp(_) | Event::Left(..) => {}
        }
        self.next.see(event);
    }
}
