//! The thread of one client: joins the room, passes the client's lines to it, and leaves.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use super::inbound::{Inbound, ReadOptions};
use super::socket::{TcpSocket, Timeouts};
use crate::room::flow::{Credit, Pace};
use crate::room::{Batch, PeerId, Reason, Room, Socket};

/// How much is read at once, in bytes. Only the part of this buffer that was used takes memory.
const READ: usize = 8 * 1024;

/// How the clients of one listener are served.
#[derive(Clone, Debug)]
pub struct ClientPolicy {
    /// How their messages are read.
    pub reading: ReadOptions,
    /// Whether a client is sent its own messages.
    pub echo: bool,
    /// How many lines per second are read from a client.
    pub rate: Option<f64>,
    /// When their connections count as dead.
    pub timeouts: Timeouts,
}

/// Serves one client until it goes.
pub(super) fn serve(
    room: &Arc<Room<TcpSocket>>,
    socket: &Arc<TcpSocket>,
    address: SocketAddr,
    policy: &ClientPolicy,
) {
    if socket.wait_for_end(Duration::ZERO) {
        // It was reset while this thread started: the room need not hear of it.
        return log::trace!("has hung up before it could join");
    }
    let framing = policy.reading.framing;
    let Some(id) = room.join(Arc::clone(socket), address, framing, policy.echo) else { return };
    let reason = converse(room, id, socket, address, policy);
    log::trace!("reads no more");
    room.leave(id, reason);
}

/// Passes the client's lines to the room until the connection ends.
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
    let mut bytes = Vec::with_capacity(READ);
    loop {
        bytes.clear();
        if let Err(error) = socket.read(&mut bytes) {
            return error.into();
        }
        // After a reset, the unfinished line is not said.
        if bytes.is_empty() && socket.wait_for_end(Duration::ZERO) {
            return Reason::Reset;
        }
        inbound.take(&bytes, &mut batch, |batch| speaker.say_at_pace(batch));
        speaker.say(&mut batch);
        if bytes.is_empty() {
            return Reason::Left;
        }
    }
}

/// A client as a speaker: how fast it may speak.
struct Speaker<'a, 'room> {
    room: &'a Arc<Room<'room, TcpSocket>>,
    socket: &'a TcpSocket,
    credit: Credit,
    pace: Option<Pace>,
}

impl Speaker<'_, '_> {
    /// Says the lines of one read. A client that says little does not wait for its turn.
    fn say(&mut self, batch: &mut Batch) {
        let lines = std::mem::take(batch);
        if lines.is_empty() {
            return;
        }
        if self.credit.spend(lines.text().len()) {
            self.room.say(lines);
        } else {
            self.room.say_in_turn(lines, self.socket);
        }
    }

    /// With `--rate`, says each line when it is due. If the connection ends first, the line is lost.
    fn say_at_pace(&mut self, batch: &mut Batch) {
        let Some(pace) = &mut self.pace else { return };
        if self.socket.wait_for_end(pace.next()) {
            *batch = Batch::default();
        }
        self.say(batch);
    }
}
