//! The thread of a peer that is behind: sends the backlog, and waits while the peer keeps taking
//! bytes. It holds no lock while it sends, so it delays no other thread.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use crate::protocol::Framing;
use crate::room::{CatchUp, PeerId, Reason, Room, Socket, StartCatchUp};
use crate::sync::{Relaxed, Scope, spawn};

/// How many bytes of short batches go into one send.
const RUN: usize = 32_768;

/// Returns the function with which the room starts the thread of a peer that fell behind, in `scope`.
/// The thread ends when the peer has caught up or is gone. A peer that takes nothing for
/// `stall_timeout` is pruned. If there are `most` such threads already, or no thread can be started,
/// a peer that falls behind is pruned at once.
pub(crate) fn starter<'scope, 'env, S: Socket + 'scope>(
    scope: &'scope Scope<'scope, 'env>,
    most: usize,
    stall_timeout: Duration,
) -> StartCatchUp<'scope, S> {
    // Each thread holds a clone.
    let threads = Arc::new(());
    Box::new(move |room, id| {
        let (behind, running) = (Arc::clone(room), Arc::clone(&threads));
        let work = move || {
            catch_up(&behind, id, stall_timeout);
            drop(running);
        };
        let started = if Arc::strong_count(&threads) > most + 1 {
            Err(io::Error::other(format!("{most} clients are behind already")))
        } else {
            spawn(scope, format!("catch-up #{id}"), work)
        };
        if let Err(error) = started {
            log::warn!("no thread is left for a client that is behind; it is dropped: {error}");
            room.leave(id, Reason::TooSlow);
        }
    })
}

fn catch_up<S: Socket>(room: &Arc<Room<S>>, id: PeerId, stall_timeout: Duration) {
    while let Some(next) = room.next_part(id) {
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
    let mut run = Vec::new();
    for entry in entries {
        let from = usize::try_from(position.load(Relaxed).saturating_sub(entry.start));
        for range in entry.batch.chunks(*recipient, from.unwrap_or(usize::MAX)) {
            let chunk = &entry.batch.text()[range.clone()];
            // Lines of many batches can share one send. A raw message needs a send of its own.
            if recipient.framing == Framing::Lines && run.len() + chunk.len() <= RUN {
                run.extend_from_slice(chunk);
                continue;
            }
            send_all(&**socket, &run, stall_timeout, |_| {})?;
            run.clear();
            let start = entry.start + range.start as u64;
            let note = |sent: usize| advance(start + sent as u64);
            send_all(&**socket, chunk, stall_timeout, note)?;
        }
        if run.is_empty() {
            advance(entry.end());
        }
    }
    send_all(&**socket, &run, stall_timeout, |_| {})?;
    if let Some(last) = entries.last() {
        advance(last.end());
    }
    Ok(())
}

/// Sends all of `bytes`, and reports after each send how many bytes were sent so far.
fn send_all<S: Socket>(
    socket: &S,
    bytes: &[u8],
    stall_timeout: Duration,
    progress: impl Fn(usize),
) -> Result<(), Reason> {
    let mut sent = 0;
    while sent < bytes.len() {
        match socket.send_waiting(&bytes[sent..], stall_timeout)? {
            0 => return Err(Reason::TooSlow),
            more => sent += more,
        }
        progress(sent);
    }
    Ok(())
}
