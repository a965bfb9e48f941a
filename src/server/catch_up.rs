//! The thread of a peer that is behind: sends the backlog, and waits while the peer keeps taking
//! bytes. It holds no lock while it sends, so it delays no other thread.
//!
//! It takes the roster for each part of the backlog, to learn what to send next. Between two parts it
//! knows nothing of the room, and the peer may be removed meanwhile. Then its socket is shut, and the
//! next send fails.

use std::time::Duration;

use crate::protocol::{Framing, PeerId};
use crate::room::{CatchUp, Reason, Room, Socket};
use crate::sync::{Relaxed, Scope, spawn};

/// How many bytes of short batches go into one send: many batches of a few lines need few system calls,
/// and the copy stays small.
const SEND: usize = 32_768;

/// Starts the thread of a peer that has fallen behind. The thread ends when the peer has caught up or
/// is gone. A peer that takes nothing for `stall_timeout` is pruned, and so is one for which the
/// system has no thread.
pub(crate) fn start<'scope, S: Socket>(
    scope: &'scope Scope<'scope, '_>,
    room: &'scope Room<S>,
    id: PeerId,
    stall_timeout: Duration,
) {
    let name = format!("catch-up #{id}");
    log::trace!("starts the thread {name}");
    if let Err(error) = spawn(scope, name, move || catch_up(room, id, stall_timeout)) {
        log::warn!("no thread is left for a client that is behind; it is dropped: {error}");
        room.leave(id, Reason::TooSlow);
    }
}

fn catch_up<S: Socket>(room: &Room<S>, id: PeerId, stall_timeout: Duration) {
    while let Some(next) = room.next_part(id) {
        log::trace!("sends the backlog, batches: {}", next.entries.len());
        if let Err(reason) = send_backlog(&next, stall_timeout) {
            return room.leave(id, reason);
        }
    }
}

/// Sends a part of the backlog, and moves the position of the peer on as it takes the bytes.
pub(super) fn send_backlog<S: Socket>(
    next: &CatchUp<S>,
    stall_timeout: Duration,
) -> Result<(), Reason> {
    let CatchUp { socket, recipient, position, entries } = next;
    let advance = |to: u64| position.store(to, Relaxed);
    let mut short = Vec::new();
    for entry in entries {
        // The peer fell behind in the middle of the first batch. It has all before the position.
        let from = usize::try_from(position.load(Relaxed).saturating_sub(entry.start));
        for range in entry.batch.chunks(*recipient, from.unwrap_or(usize::MAX)) {
            let chunk = &entry.batch.text()[range.clone()];
            // Lines of many batches can share one send. A raw message needs a send of its own.
            if recipient.framing == Framing::Lines && short.len() + chunk.len() <= SEND {
                short.extend_from_slice(chunk);
                continue;
            }
            send_all(&**socket, &short, stall_timeout, |_| {})?;
            short.clear();
            let start = entry.start + range.start as u64;
            let note = |sent: usize| advance(start + sent as u64);
            send_all(&**socket, chunk, stall_timeout, note)?;
        }
        // What stands in `short` is not sent yet, so the position must not pass it: it decides which
        // batches the backlog forgets, and whether the peer counts as a reader.
        if short.is_empty() {
            advance(entry.end());
        }
    }
    send_all(&**socket, &short, stall_timeout, |_| {})?;
    if let Some(last) = entries.last() {
        advance(last.end());
    }
    Ok(())
}

/// Sends all of `bytes`, in as many sends as the socket needs, and reports after each send how many bytes were sent so far.
fn send_all<S: Socket>(
    socket: &S,
    bytes: &[u8],
    stall_timeout: Duration,
    progress: impl Fn(usize),
) -> Result<(), Reason> {
    let mut sent = 0;
    while sent < bytes.len() {
        // A slow reader may take hours for all of it. It is dropped only if it takes nothing.
        match socket.send_waiting(&bytes[sent..], stall_timeout)? {
            0 => return Err(Reason::TooSlow),
            more => sent += more,
        }
        progress(sent);
    }
    Ok(())
}
