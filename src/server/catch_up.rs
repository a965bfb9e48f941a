//! The thread of one laggard: sends it what it has not taken yet, and waits for it as long as it
//! takes anything at all. It holds no lock while it waits, so no other thread does.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use crate::protocol::Framing;
use crate::room::PeerId;
use crate::room::{CatchUp, Reason, Socket};
use crate::room::{Room, StartCatchUp};
use crate::sync::{Relaxed, Scope, spawn};

/// How many bytes of small batches are sent at once.
const RUN: usize = 32_768;

/// The room's way to start, in `scope`, the thread of a peer that fell behind. The thread ends when
/// the peer has caught up or is gone. If the peer takes nothing for `stall_timeout`, it is pruned;
/// and at once, if there are `most` such threads, or the system has no other.
pub(crate) fn starter<'scope, 'env, S: Socket + 'scope>(
    scope: &'scope Scope<'scope, 'env>,
    most: usize,
    stall_timeout: Duration,
) -> StartCatchUp<'scope, S> {
    // Each thread holds a clone: their number is the number of threads, and one.
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
            log::warn!("there is no thread for a client that is behind, so it is dropped: {error}");
            room.leave(id, Reason::TooSlow);
        }
    })
}

fn catch_up<S: Socket>(room: &Arc<Room<S>>, id: PeerId, stall_timeout: Duration) {
    while let Some(next) = room.catch_up(id) {
        if let Err(reason) = send_backlog(&next, stall_timeout) {
            return room.leave(id, reason);
        }
    }
}

/// Sends what the peer has missed, and notes how far it is whenever it has taken something.
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
            // Lines run on, whatever batch they were in; a raw message is sent by itself.
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
    entries.last().into_iter().for_each(|last| advance(last.end()));
    Ok(())
}

/// Sends all of `bytes`, and tells after each send how many were sent by then.
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
