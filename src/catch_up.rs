//! The thread of one laggard: sends it what it has not taken yet, and waits for it as long as it
//! takes anything at all. Outside the lock, so nobody else waits.

use std::io;
use std::thread;
use std::time::{Duration, Instant};

use crate::batch::PeerId;
use crate::peer::{Owed, RAW_GAP, Reason};
use crate::room::Room;
use crate::socket::TcpSocket;
use crate::wire::Framing;

/// How many bytes of small batches are sent at once.
const RUN: usize = 32 * 1024;

/// Sleeps that are shorter are saved up for one of this length: on a busy machine each can take far
/// longer than was asked for, and a thousand of them for ever.
const SHORTEST_SLEEP: Duration = Duration::from_micros(200);

/// Sends until the peer has caught up. If it takes nothing for `stall_timeout`, it is pruned.
pub fn catch_up(room: &Room<TcpSocket>, id: PeerId, stall_timeout: Duration) {
    while let Some(owed) = room.owed(id) {
        if let Err(reason) = pay(&owed, stall_timeout) {
            return room.leave(id, reason);
        }
    }
}

/// Sends all that is owed, and notes how far the peer is whenever it has taken something.
fn pay(owed: &Owed<TcpSocket>, stall_timeout: Duration) -> Result<(), Reason> {
    let Owed { socket, ear, progress, batches } = owed;
    let mut waiting: usize = batches.iter().map(|kept| kept.batch.count()).sum();
    let mut run = Vec::new();
    let mut gap = Duration::ZERO;
    for kept in batches {
        let from = usize::try_from(progress.position().saturating_sub(kept.start));
        for range in kept.batch.chunks(*ear, from.unwrap_or(usize::MAX)) {
            let chunk = &kept.batch.text()[range.clone()];
            if ear.framing == Framing::Raw {
                waiting = waiting.saturating_sub(1);
                gap += raw_gap(waiting);
                if gap >= SHORTEST_SLEEP {
                    thread::sleep(std::mem::take(&mut gap));
                }
            } else if run.len() + chunk.len() <= RUN {
                run.extend_from_slice(chunk);
                continue;
            }
            send_all(socket, &run, stall_timeout, |_| {})?;
            run.clear();
            let start = kept.start + range.start as u64;
            send_all(socket, chunk, stall_timeout, |sent| progress.reach(start + sent as u64))?;
        }
        if run.is_empty() {
            progress.reach(kept.end());
        }
    }
    send_all(socket, &run, stall_timeout, |_| {})?;
    batches.last().into_iter().for_each(|last| progress.reach(last.end()));
    Ok(())
}

/// How far apart raw messages are sent: less and less, the more of them wait.
fn raw_gap(waiting: usize) -> Duration {
    RAW_GAP / u32::try_from(1 + waiting / 8).unwrap_or(u32::MAX)
}

/// Sends all of `bytes`, and tells after each send how many were sent by then.
fn send_all(
    socket: &TcpSocket,
    bytes: &[u8],
    stall_timeout: Duration,
    mut progress: impl FnMut(usize),
) -> Result<(), Reason> {
    let mut sent = 0;
    let mut last = Instant::now();
    while sent < bytes.len() {
        match socket.send_waiting(&bytes[sent..]) {
            Ok(more) => {
                sent += more;
                last = Instant::now();
                progress(sent);
            }
            Err(error) if is_timeout(&error) && last.elapsed() < stall_timeout => {}
            Err(error) if is_timeout(&error) => return Err(Reason::TooSlow),
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

fn is_timeout(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted)
}
