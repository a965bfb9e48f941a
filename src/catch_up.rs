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

/// Sends until the peer has caught up. If it takes nothing for `stall_timeout`, it is pruned.
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
    let mut waiting: usize = owed.batches.iter().map(|kept| kept.batch.count()).sum();
    let mut run = Vec::new();
    for kept in &owed.batches {
        let from = usize::try_from(reached - kept.start).unwrap_or(usize::MAX);
        for chunk in kept.batch.chunks(owed.ear, from) {
            let chunk = &kept.batch.text()[chunk];
            if owed.ear.framing == Framing::Raw {
                waiting = waiting.saturating_sub(1);
                thread::sleep(raw_gap(waiting));
            } else if run.len() + chunk.len() <= RUN {
                run.extend_from_slice(chunk);
                continue;
            }
            send_all(&owed.socket, &run, stall_timeout)?;
            run.clear();
            send_all(&owed.socket, chunk, stall_timeout)?;
        }
        reached = kept.end();
    }
    send_all(&owed.socket, &run, stall_timeout)?;
    Ok(reached)
}

/// How far apart raw messages are sent: less and less, the more of them wait.
fn raw_gap(waiting: usize) -> Duration {
    RAW_GAP / u32::try_from(1 + waiting / 8).unwrap_or(u32::MAX)
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
