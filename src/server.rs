//! The server: accepts clients, gives each a thread of its own, and at the end tells, wakes and
//! joins them all.
//!
//! Threads: one accepts ("handshakes"), one per client ("client #PORT"), the courier, and one per
//! laggard while it lags ("catch-up #ID"). All are scoped, so none outlives [`Server::run`].

use std::convert::Infallible;
use std::io::{self, PipeReader};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread::{Builder, Scope};
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::retry_on_intr;

use crate::catch_up::catch_up;
use crate::peer::{Reason, Socket};
use crate::room::{Limits, Note, Room};
use crate::roster::{Report, Witness};
use crate::session::{self, Service};
use crate::socket::{self, TcpSocket};
use crate::wire;

/// Virtual memory for each thread's stack, in bytes; only what is used of it becomes real.
const STACK: usize = 128 * 1024;

/// How long a stopping server waits for those who have been told to hang up by themselves.
const LINGER: Duration = Duration::from_millis(200);

/// How much longer it waits for laggards to take the farewell.
const GRACE: Duration = Duration::from_secs(1);

/// How long accepting rests when the system has no descriptor or memory for another client.
const REST: Timespec = Timespec { tv_sec: 0, tv_nsec: 100_000_000 };

/// What a server is to be.
#[derive(Clone, Debug)]
pub struct Config {
    /// `HOST:PORT` to listen on; port 0 is any free one.
    pub address: String,
    /// How clients are served there.
    pub service: Service,
    /// Another address, for clients that are served in another way.
    pub also: Option<(String, Service)>,
    /// How many clients there may be, and how far each may fall behind.
    pub limits: Limits,
    /// How long a client that is behind may take nothing at all.
    pub stall_timeout: Duration,
}

/// A server that listens, and serves once it [runs](Server::run).
#[derive(Debug)]
pub struct Server {
    doors: Vec<Door>,
    limits: Limits,
    stall_timeout: Duration,
}

/// An address at which clients arrive, and how they are served.
#[derive(Debug)]
struct Door {
    listener: TcpListener,
    address: SocketAddr,
    service: Service,
}

/// What a running server can be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    /// Tell everyone, join every thread, return.
    Stop,
    /// Call back with a [`Report`].
    Report,
}

/// What every thread of a running server may use.
struct Running<'a> {
    room: Room<TcpSocket>,
    server: &'a Server,
    /// Disconnected when the server stops.
    stopping: Receiver<Infallible>,
}

impl Server {
    /// Starts to listen.
    ///
    /// # Errors
    /// An address is unknown, in use, or not permitted; the text says which, and what to do.
    pub fn bind(config: Config) -> io::Result<Self> {
        let open = |(address, service): (String, Service)| -> io::Result<Door> {
            let listener = socket::listen(&address)
                .map_err(|error| io::Error::new(error.kind(), cannot_listen(&address, &error)))?;
            Ok(Door { address: listener.local_addr()?, listener, service })
        };
        let places = std::iter::once((config.address, config.service)).chain(config.also);
        let doors = places.map(open).collect::<io::Result<_>>()?;
        Ok(Self { doors, limits: config.limits, stall_timeout: config.stall_timeout })
    }

    /// The addresses it listens on, the main one first.
    pub fn addresses(&self) -> impl Iterator<Item = SocketAddr> {
        self.doors.iter().map(|door| door.address)
    }

    /// Serves until told to stop, or until nobody is left who could. Returns the last report.
    ///
    /// # Errors
    /// The threads that every server needs could not be started.
    pub fn run(
        &self,
        witness: Box<dyn Witness>,
        commands: &Receiver<Command>,
        report: &mut dyn FnMut(Report),
    ) -> io::Result<Report> {
        let (notes, courier_notes) = crossbeam_channel::unbounded();
        let (stop, stopping) = crossbeam_channel::bounded(0);
        let (hangup_reader, hangup) = io::pipe()?;
        let room = Room::new(self.limits, notes.clone(), witness);
        let running = Running { room, server: self, stopping };
        let running = &running;

        let port = self.addresses().next().map_or(0, |address| address.port());
        std::thread::scope(|scope| {
            // Each client's thread holds a clone of `here`; when the last is dropped, all have gone.
            let (here, all_gone) = crossbeam_channel::bounded(0);
            spawn(scope, "courier".to_owned(), move || courier(scope, running, &courier_notes))?;
            spawn(scope, "handshakes".to_owned(), move || {
                accept(scope, running, &hangup_reader, &here);
            })
            .inspect_err(|_| _ = notes.send(Note::Closed))?;

            while let Ok(Command::Report) = commands.recv() {
                report(running.room.report());
            }
            drop(hangup);
            drop(stop);
            let last = running.room.report();
            let told = running.room.close(&wire::offline(port));
            if let Err(RecvTimeoutError::Timeout) = all_gone.recv_timeout(LINGER) {
                for socket in told {
                    socket.shut();
                }
            }
            if let Err(RecvTimeoutError::Timeout) = all_gone.recv_timeout(GRACE) {
                running.room.cut_off();
            }
            let _ = notes.send(Note::Closed);
            Ok(last)
        })
        .inspect(|_| log::trace!("all threads have ended"))
    }
}

fn spawn<'scope>(
    scope: &'scope Scope<'scope, '_>,
    name: String,
    work: impl FnOnce() + Send + 'scope,
) -> io::Result<()> {
    Builder::new().name(name).stack_size(STACK).spawn_scoped(scope, work).map(drop)
}

/// The courier's thread: does what those who held the roster had no time for.
fn courier<'scope>(
    scope: &'scope Scope<'scope, '_>,
    running: &'scope Running,
    notes: &Receiver<Note>,
) {
    for note in notes {
        match note {
            Note::Carry => running.room.deliver(),
            Note::Lags(id) => {
                let work = move || catch_up(&running.room, id, running.server.stall_timeout);
                if let Err(error) = spawn(scope, format!("catch-up #{id}"), work) {
                    log::warn!("no thread to let a client catch up, so it is dropped: {error}");
                    running.room.leave(id, Reason::TooSlow);
                }
            }
            Note::Closed => return log::trace!("has no more notes to read"),
        }
    }
}

/// The handshake thread: gives each caller a thread of its own, until `hangup` is closed.
fn accept<'scope>(
    scope: &'scope Scope<'scope, '_>,
    running: &'scope Running,
    hangup: &PipeReader,
    here: &Sender<Infallible>,
) {
    let doors = &running.server.doors;
    let mut full = false;
    loop {
        let mut events = vec![PollFd::new(hangup, PollFlags::IN)];
        if !full {
            events.extend(doors.iter().map(|door| PollFd::new(&door.listener, PollFlags::IN)));
        }
        let timeout = full.then_some(&REST);
        let _ = retry_on_intr(|| poll(&mut events, timeout));
        if !events[0].revents().is_empty() {
            // A server that says goodbye answers no more calls.
            log::trace!("answers no more calls");
            return doors.iter().for_each(|door| socket::close_door(&door.listener));
        }
        let was_full = std::mem::take(&mut full);
        for door in doors {
            match door.listener.accept() {
                Ok((stream, address)) => welcome(scope, running, door, stream, address, here),
                Err(error) if has_no_room(&error) => {
                    if !was_full {
                        log::warn!("cannot accept more clients for now: {error}");
                    }
                    full = true;
                }
                // Nobody called at this door, or the caller hung up before it was opened.
                Err(error) => log::trace!("nobody there: {error}"),
            }
        }
    }
}

/// Whether accepting failed for want of descriptors or memory: it may work again later.
fn has_no_room(error: &io::Error) -> bool {
    use rustix::io::Errno;
    let errno = Errno::from_io_error(error);
    matches!(errno, Some(Errno::MFILE | Errno::NFILE | Errno::NOBUFS | Errno::NOMEM))
}

fn welcome<'scope>(
    scope: &'scope Scope<'scope, '_>,
    running: &'scope Running,
    door: &'scope Door,
    stream: TcpStream,
    address: SocketAddr,
    here: &Sender<Infallible>,
) {
    let socket = match TcpSocket::new(stream, door.service.dead_link) {
        Ok(socket) => Arc::new(socket),
        Err(error) => return log::debug!("a caller was lost: {error}"),
    };
    let here = here.clone();
    let client = Arc::clone(&socket);
    let serve = move || {
        let _here = here;
        session::serve(&running.room, &client, address, &door.service, &running.stopping);
    };
    let name = format!("client #{}", address.port());
    log::trace!("starts the thread {name}");
    if let Err(error) = spawn(scope, name, serve) {
        let why = format!("* Server full: no thread for another client ({error})");
        log::warn!("{why}");
        session::turn_away(&socket, door.service.framing, &why);
    }
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
