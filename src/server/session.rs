//! One client's thread: join the room, say what the client sends, leave.

use std::net::SocketAddr;
use std::sync::{Arc, Once};
use std::time::Duration;

use super::inbound::{Inbound, Reading};
use super::socket::{Links, TcpSocket};
use crate::protocol::Framing;
use crate::room::flow::{Credit, Pace};
use crate::room::{Batch, PeerId, Reason, Room, Socket};

/// How much is read at once, in bytes: it stays with an idle client.
const READ: usize = 8 * 1024;

/// How the clients of one listener are served.
#[derive(Clone, Debug)]
pub struct ClientPolicy {
    /// How their messages are read.
    pub reading: Reading,
    /// Whether a client is sent its own messages.
    pub echo: bool,
    /// The most lines per second that a client is read.
    pub rate: Option<f64>,
    /// When their links are given up.
    pub links: Links,
}

/// Serves one client until it goes.
pub(super) fn serve(
    room: &Arc<Room<TcpSocket>>,
    socket: &Arc<TcpSocket>,
    address: SocketAddr,
    policy: &ClientPolicy,
) {
    if socket.wait_for_end(Duration::ZERO) {
        return log::trace!("has hung up before it could join");
    }
    let framing = policy.reading.framing;
    let Some(id) = room.join(Arc::clone(socket), address, framing, policy.echo) else { return };
    let reason = converse(room, id, socket, address, policy);
    log::trace!("reads no more");
    room.leave(id, reason);
}

/// Says in the room what the client sends, until its end.
fn converse(
    room: &Arc<Room<TcpSocket>>,
    id: PeerId,
    socket: &TcpSocket,
    address: SocketAddr,
    policy: &ClientPolicy,
) -> Reason {
    let mut batch = Batch::default();
    let mut inbound = Inbound::new(&policy.reading, id, address, &mut batch);
    if !batch.is_empty() {
        room.say(std::mem::take(&mut batch));
    }
    let (credit, pace) = (Credit::new(), policy.rate.map(Pace::new));
    let mut speaker = Speaker { room, socket, credit, pace };
    let mut newlines = Newlines::default();
    let mut bytes = Vec::with_capacity(READ);
    loop {
        bytes.clear();
        if let Err(error) = socket.read(&mut bytes) {
            return error.into();
        }
        // What came of a line before the connection was torn is not a line.
        if bytes.is_empty() && socket.wait_for_end(Duration::ZERO) {
            return Reason::Reset;
        }
        if policy.reading.framing == Framing::Lines {
            newlines.look_for(&bytes, address);
        }
        inbound.take(&bytes, &mut batch, |batch| speaker.say_at_pace(batch));
        speaker.say(&mut batch);
        if bytes.is_empty() {
            return Reason::Left;
        }
    }
}

/// Whether a client of a server for lines sends newlines at all: programs for the assignment do not.
#[derive(Default)]
struct Newlines {
    seen: bool,
    reads: usize,
}

impl Newlines {
    /// Gives a hint, once in the life of the server, when two reads in a row have brought none.
    fn look_for(&mut self, bytes: &[u8], address: SocketAddr) {
        static HINT: Once = Once::new();
        self.seen |= memchr::memchr(b'\n', bytes).is_some();
        self.reads += 1;
        if !self.seen && !bytes.is_empty() && self.reads == 2 {
            HINT.call_once(|| {
                log::warn!(
                    "Client @PORT #{} sends no newline, so nothing of it is shown; \
                     for programs without newlines, start the server with --framing raw",
                    address.port()
                );
            });
        }
    }
}

/// A client as the one who speaks: how fast it may.
struct Speaker<'a, 'room> {
    room: &'a Arc<Room<'room, TcpSocket>>,
    socket: &'a TcpSocket,
    credit: Credit,
    pace: Option<Pace>,
}

impl Speaker<'_, '_> {
    /// Says the lines of a read, if there are any. A client that says little does not wait for its
    /// turn.
    fn say(&mut self, batch: &mut Batch) {
        let lines = std::mem::take(batch);
        if lines.is_empty() {
            return;
        }
        if self.credit.covers(lines.text().len()) {
            self.room.say(lines);
        } else {
            self.room.say_in_turn(lines, self.socket);
        }
    }

    /// With `--rate`, says each line when it is due. If the connection ends before, it is lost.
    fn say_at_pace(&mut self, batch: &mut Batch) {
        let Some(pace) = &mut self.pace else { return };
        if self.socket.wait_for_end(pace.next()) {
            *batch = Batch::default();
        }
        self.say(batch);
    }
}
