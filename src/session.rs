//! One client's thread: join the room, say what the client says, leave. And beside it, only while
//! the client lags, its catch-up thread.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError};

use crate::batch::{Batch, PeerId};
use crate::peer::{Owed, Reason, Socket};
use crate::room::{Refused, Room};
use crate::socket::TcpSocket;
use crate::wire::{self, Chunks, Found, Framing, Lines};

/// How much is read at once, in bytes.
const READ: usize = 16 * 1024;

/// How many bytes of small batches a laggard is sent at once.
const RUN: usize = 32 * 1024;

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
    /// The longest line, in bytes.
    pub max_line: usize,
    /// The most lines per second that a client is read.
    pub rate: Option<f64>,
    /// How long a laggard may take nothing at all.
    pub stall_timeout: Duration,
    /// How many clients there may be.
    pub max_clients: usize,
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
            let reason = listen(room, id, socket, service, stopping);
            room.leave(id, reason);
        }
        Err(Refused::Full) => turn_away(socket, &wire::full(service.max_clients)),
        Err(Refused::Closed) => {}
    }
}

/// Tells a client why it cannot stay. It has read nothing yet, so this fits without waiting.
pub fn turn_away(socket: &TcpSocket, why: &str) {
    log::warn!("turned a client away: {why}");
    let _ = socket.send_now(format!("{why}\n").as_bytes());
    socket.shut();
}

/// Says in the room what the client says, until its end.
fn listen(
    room: &Room<TcpSocket>,
    id: PeerId,
    socket: &TcpSocket,
    service: &Service,
    stopping: &Receiver<Infallible>,
) -> Reason {
    let mut pace = service.rate.map(Pace::new);
    let mut decoder = Decoder::new(service);
    let mut heard = Batch::default();
    let mut buffer = Vec::with_capacity(match (service.framing, &pace) {
        (Framing::Raw, _) => wire::RAW_MESSAGE,
        (Framing::Lines, Some(_)) => service.max_line.min(READ),
        (Framing::Lines, None) => READ,
    });
    loop {
        buffer.clear();
        let read = socket.read(&mut buffer);
        let mut said = |heard: &mut Batch| {
            if let Some(pace) = &mut pace {
                pace.wait(stopping);
                room.say(heard);
            }
        };
        match read {
            // Half a line of one who was torn away is not his last line.
            Ok(0) if !room.is_here(id) => return Reason::Reset,
            Ok(0) => decoder.finish(id, &mut heard, &mut said),
            Ok(_) => decoder.feed(&buffer, id, &mut heard, &mut said),
            Err(error) => return error.into(),
        }
        if !heard.is_empty() {
            room.say(&mut heard);
        }
        if buffer.is_empty() {
            return Reason::Left;
        }
        let_readers_keep_up(room, stopping);
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

/// Makes lines out of what was read, by one framing or the other.
enum Decoder {
    Lines(Lines, usize),
    Raw(Chunks),
}

impl Decoder {
    fn new(service: &Service) -> Self {
        match service.framing {
            Framing::Lines => Self::Lines(Lines::new(service.max_line), service.max_line),
            Framing::Raw => Self::Raw(Chunks::default()),
        }
    }

    /// Appends to `heard` what `bytes` complete, and calls `said` after each message.
    fn feed(
        &mut self,
        bytes: &[u8],
        id: PeerId,
        heard: &mut Batch,
        said: &mut dyn FnMut(&mut Batch),
    ) {
        match self {
            Self::Lines(lines, max) => lines.feed(bytes, |found| {
                add_line(&found, *max, id, heard);
                said(heard);
            }),
            Self::Raw(chunks) => add_message(chunks.feed(bytes), id, heard, said),
        }
    }

    /// The same for the end of the stream.
    fn finish(&mut self, id: PeerId, heard: &mut Batch, said: &mut dyn FnMut(&mut Batch)) {
        match self {
            Self::Lines(lines, max) => lines.finish(|found| {
                add_line(&found, *max, id, heard);
                said(heard);
            }),
            Self::Raw(chunks) => add_message(chunks.finish(), id, heard, said),
        }
    }
}

fn add_line(found: &Found, max: usize, id: PeerId, heard: &mut Batch) {
    match found {
        Found::Line(line) => heard.say(id, |text| wire::repair(line, text)),
        Found::TooLong => heard.tell(id, &wire::refusal(max)),
    }
}

fn add_message(
    message: Option<Vec<u8>>,
    id: PeerId,
    heard: &mut Batch,
    said: &mut dyn FnMut(&mut Batch),
) {
    if let Some(message) = message {
        heard.say(id, |text| wire::repair_raw(&message, text));
        said(heard);
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

/// Sends a laggard what it has not taken yet, waiting for it, until it has caught up. If it takes
/// nothing for `stall_timeout`, its record is pruned.
pub fn catch_up(room: &Room<TcpSocket>, id: PeerId, stall_timeout: Duration) {
    let mut reached = 0;
    while let Some(owed) = room.owed(id, reached) {
        match pay(&owed, stall_timeout) {
            Ok(position) => reached = position,
            Err(reason) => return room.leave(id, reason),
        }
    }
}

/// Sends all that is owed; returns the position in the stream that the peer has then reached.
fn pay(owed: &Owed<TcpSocket>, stall_timeout: Duration) -> Result<u64, Reason> {
    let mut reached = owed.position;
    let mut run = Vec::new();
    for kept in &owed.batches {
        let from = usize::try_from(reached - kept.start).unwrap_or(usize::MAX);
        for chunk in kept.batch.chunks(owed.ear, from) {
            let chunk = &kept.batch.text()[chunk];
            if owed.ear.framing == Framing::Lines && run.len() + chunk.len() <= RUN {
                run.extend_from_slice(chunk);
            } else {
                send_all(&owed.socket, &run, stall_timeout)?;
                run.clear();
                send_all(&owed.socket, chunk, stall_timeout)?;
            }
        }
        reached = kept.end();
    }
    send_all(&owed.socket, &run, stall_timeout)?;
    Ok(reached)
}

fn send_all(socket: &TcpSocket, mut bytes: &[u8], stall_timeout: Duration) -> Result<(), Reason> {
    let mut progress = Instant::now();
    while !bytes.is_empty() {
        match socket.send_waiting(bytes) {
            Ok(sent) => {
                bytes = &bytes[sent..];
                progress = Instant::now();
            }
            Err(error) if is_timeout(&error) && progress.elapsed() < stall_timeout => {}
            Err(error) if is_timeout(&error) => return Err(Reason::TooSlow),
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

fn is_timeout(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted)
}
