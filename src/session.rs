//! One client's thread: join the room, say what the client says, leave.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError};

use crate::batch::{Batch, PeerId};
use crate::hearing::Hearing;
use crate::peer::{Reason, Socket};
use crate::room::{Refused, Room};
use crate::socket::TcpSocket;
use crate::template::Template;
use crate::wire::{self, Framing};

/// How much is read at once, in bytes.
const READ: usize = 16 * 1024;

/// How many bytes a client may say while somebody is outrun, before its speaker pauses: one that
/// waits for answers hardly says so much, one that floods does at once.
const ALLOWANCE: usize = 128 * 1024;

/// How long a speaker pauses at a time for a reader that he outruns, and at the most.
const PAUSE: Duration = Duration::from_millis(2);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// How clients are served; the same for all on one listener.
#[derive(Clone, Debug)]
pub struct Service {
    /// How messages are told apart.
    pub framing: Framing,
    /// Whether a client hears its own messages.
    pub echo: bool,
    /// What a client is told when it has come, if anything.
    pub greet: Option<Template>,
    /// What is put in front of each message of a client, if anything.
    pub prefix: Option<Template>,
    /// The longest line, in bytes.
    pub max_line: usize,
    /// The most lines per second that a client is read.
    pub rate: Option<f64>,
    /// How many clients there may be.
    pub max_clients: usize,
    /// How long nothing may come back over a link before it is taken for dead; a second or more.
    pub dead_link: Duration,
}

/// Serves one client until it goes. `stopping` is disconnected when the server stops.
pub fn serve(
    room: &Room<TcpSocket>,
    socket: &Arc<TcpSocket>,
    address: SocketAddr,
    service: &Service,
    stopping: &Receiver<Infallible>,
) {
    match room.join(Arc::clone(socket), address, service.framing, service.echo) {
        Ok(id) => {
            let reason = listen(room, id, socket, address, service, stopping);
            log::trace!("reads no more");
            room.leave(id, reason);
        }
        Err(Refused::Full { news }) => {
            let why = wire::full(service.max_clients);
            if news {
                log::warn!("turning clients away: {why}");
            }
            turn_away(socket, service.framing, &why);
        }
        Err(Refused::Closed) => {}
    }
}

/// Tells a client why it cannot stay. It has read nothing yet, so this fits without waiting.
pub fn turn_away(socket: &TcpSocket, framing: Framing, why: &str) {
    log::debug!("turned a client away: {why}");
    let end = if framing == Framing::Lines { "\n" } else { "" };
    let _ = socket.send_now(format!("{why}{end}").as_bytes());
    socket.shut();
}

/// Says in the room what the client says, until its end.
fn listen(
    room: &Room<TcpSocket>,
    id: PeerId,
    socket: &TcpSocket,
    address: SocketAddr,
    service: &Service,
    stopping: &Receiver<Infallible>,
) -> Reason {
    let fill = |template: &Option<Template>| template.as_ref().map(|text| text.fill(id, address));
    let mut heard = Batch::default();
    if let Some(greeting) = fill(&service.greet) {
        heard.tell(id, &greeting);
        room.say(&mut heard);
    }
    let prefix = fill(&service.prefix).unwrap_or_default();
    let mut hearing = Hearing::new(id, service.framing, service.max_line, prefix);
    let mut pace = service.rate.map(Pace::new);
    let mut buffer = Vec::with_capacity(match (service.framing, &pace) {
        (Framing::Lines, Some(_)) => service.max_line.min(READ),
        // Raw messages that TCP has joined are read together, so that nobody else speaks in between.
        _ => READ,
    });
    // How much this client said while somebody was outrun.
    let mut ahead = 0;
    loop {
        buffer.clear();
        if service.framing == Framing::Raw {
            socket.acknowledge();
        }
        let read = socket.read(&mut buffer);
        match read {
            // Half a line of one who was torn away is not his last line.
            Ok(0) if !room.is_here(id) => return Reason::Reset,
            Ok(_) => {}
            Err(error) => return error.into(),
        }
        hearing.hear(&buffer, &mut heard, |heard| {
            if let Some(pace) = &mut pace {
                pace.wait(stopping);
                room.say(heard);
            }
        });
        if !heard.is_empty() {
            room.say(&mut heard);
        }
        if buffer.is_empty() {
            return Reason::Left;
        }
        if !room.outruns_a_reader() {
            ahead = 0;
        } else if ahead < ALLOWANCE {
            ahead += buffer.len();
        } else {
            let_readers_keep_up(room, stopping);
            ahead = 0;
        }
    }
}

/// Pauses while those who speak outrun somebody who reads: so TCP slows their clients down, and
/// nobody is dropped who does his part. A reader that stops reading is waited for no longer.
fn let_readers_keep_up(room: &Room<TcpSocket>, stopping: &Receiver<Infallible>) {
    let patience = Instant::now() + LONGEST_PAUSE;
    while room.outruns_a_reader() && Instant::now() < patience {
        if let Err(RecvTimeoutError::Disconnected) = stopping.recv_timeout(PAUSE) {
            return;
        }
    }
}

/// Lets lines through at a rate; up to one second's worth of them at once.
struct Pace {
    per_second: f64,
    allowed: f64,
    since: Instant,
}

impl Pace {
    fn new(per_second: f64) -> Self {
        Self { per_second, allowed: per_second.max(1.0), since: Instant::now() }
    }

    /// Waits until another line is allowed, or the server stops.
    fn wait(&mut self, stopping: &Receiver<Infallible>) {
        let now = Instant::now();
        let earned = now.duration_since(self.since).as_secs_f64() * self.per_second;
        self.allowed = (self.allowed + earned).min(self.per_second.max(1.0)) - 1.0;
        self.since = now;
        if self.allowed < 0.0 {
            let wait = Duration::from_secs_f64(-self.allowed / self.per_second);
            let _ = stopping.recv_timeout(wait);
        }
    }
}
