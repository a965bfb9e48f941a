//! The thread of one client: joins the room, passes the client's lines to it, and leaves.
//!
//! It blocks in `read` nearly all the time. It learns in one place only that the client is gone: the
//! read fails or returns nothing. Another thread that prunes the client shuts its socket, which ends
//! this read as well. So there is no flag to set and no thread to wake.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use super::Shared;
use super::endpoint::ClientPolicy;
use super::flow::{Credit, Pace};
use super::inbound::Inbound;
use super::reader::Reader;
use super::socket::TcpSocket;
use crate::protocol::{Batch, PeerId};
use crate::room::{Reason, Socket};
use crate::sync::Relaxed;

/// How much is read at once, in bytes. Only the part of this buffer that was used takes memory.
const READ: usize = 8 * 1024;

/// Serves one client until it goes. The caller gives it a thread of its own, and the name of that thread
/// stands in front of each line of the log.
pub(super) fn serve(
    shared: &Shared,
    socket: &Arc<TcpSocket>,
    address: SocketAddr,
    policy: &ClientPolicy,
) {
    if socket.wait_for_end(Duration::ZERO) {
        // It was reset while this thread started: the room need not hear of it.
        return log::trace!("has hung up before it could join");
    }
    // Before the client joins, so that no message of another client comes first. The buffer is still
    // empty, and holds more than a command line can.
    if let Some(prompt) = &policy.name_first
        && socket.send_now(prompt.as_bytes()).is_err()
    {
        return;
    }
    let framing = policy.framing;
    // Nothing comes back if the room was closed while this thread started.
    let joined = shared.room.join(Arc::clone(socket), address, framing, policy.echo);
    let Some(id) = joined else { return };
    let mut membership = Membership { shared, id, reason: Reason::Reset };
    let (credit, pace) = (Credit::new(), policy.rate.map(Pace::new));
    let speaker = Speaker { shared, socket, credit, pace };
    membership.reason = converse(speaker, id, address, policy);
}

/// A client's membership in the room. It ends with the client's thread, also if that is by a panic: a
/// call at the end of the thread would not be reached, and the record would stay for ever.
struct Membership<'a> {
    shared: &'a Shared,
    id: PeerId,
    reason: Reason,
}

impl Drop for Membership<'_> {
    fn drop(&mut self) {
        log::trace!("reads no more");
        self.shared.room.leave(self.id, self.reason);
    }
}

/// Passes the client's lines to the room until the connection ends. After the room has closed, this
/// goes on: the lines are thrown away, but they must be read, or they would reset the connection.
fn converse(
    mut speaker: Speaker,
    id: PeerId,
    address: SocketAddr,
    policy: &ClientPolicy,
) -> Reason {
    let Speaker { shared, socket, .. } = speaker;
    let mut batch = Batch::default();
    let mut inbound = Inbound::new(policy, id, address, &mut batch);
    if !batch.is_empty() {
        shared.room.say(std::mem::take(&mut batch));
    }
    // All lines of one read are one batch, and are said together: one look at the locks for all of them.
    let mut bytes = Vec::with_capacity(READ);
    let mut reader = Reader::new(socket);
    // Another thread delivers the last lines: their sender hears of it soon, and speaks again.
    let mut comes_soon = false;
    loop {
        bytes.clear();
        if let Err(error) = reader.read(&mut bytes, comes_soon) {
            return error.into();
        }
        shared.reads.fetch_add(1, Relaxed);
        if !bytes.is_empty() {
            log::trace!("reads bytes: {}", bytes.len());
        }
        // A thread that sends to this client may have met the reset first. Then this read only finds
        // the end. After a reset, the unfinished line is not said.
        if bytes.is_empty() && socket.wait_for_end(Duration::ZERO) {
            return Reason::Reset;
        }
        inbound.take(&bytes, &mut batch, |batch| speaker.say_at_pace(batch));
        comes_soon = speaker.say(&mut batch);
        // The end of the stream completes the last line, even without a newline. That is why the end is
        // passed on above before this thread returns.
        if bytes.is_empty() {
            return Reason::Left;
        }
    }
}

/// A client as a speaker: how fast it may speak. Only its own thread uses this, so nothing here is
/// locked.
struct Speaker<'a> {
    shared: &'a Shared,
    socket: &'a TcpSocket,
    credit: Credit,
    pace: Option<Pace>,
}

impl Speaker<'_> {
    /// Says the lines of one read, when flow control lets them pass. If the connection ends first, the
    /// lines are lost with it. Returns whether another thread delivers them.
    fn say(&mut self, batch: &mut Batch) -> bool {
        let lines = std::mem::take(batch);
        !lines.is_empty()
            && self.shared.flow.wait(lines.text().len(), &mut self.credit, self.socket)
            && self.shared.room.say(lines)
    }

    /// With `--rate`, says each line when it is due. If the connection ends first, the line is lost.
    fn say_at_pace(&mut self, batch: &mut Batch) {
        let Some(pace) = &mut self.pace else { return };
        if !self.shared.flow.wait_until_due(pace, self.socket) {
            *batch = Batch::default();
        }
        self.say(batch);
    }
}
