//! Rung 6 of `docs/ladder.md`: one thread sends what all have said. A thread that has a line
//! appends it to `pending` and *tries* to lock the roster. If it gets the lock, it sends everything
//! that is pending. If not, it goes back to reading: the thread that holds the roster sends the
//! line.
//!
//! Why it is here: it is the idea of `src/room/mod.rs`, and nothing else.
//! What it does well: no thread waits to speak, all peers see one order, and one send carries the
//! lines of many speakers. There is one thread per client, and no thread has to be woken to
//! deliver.
//! What it costs: a rule that is easy to forget. The holder must look at `pending` again *after* it
//! has unlocked. Otherwise a line that was appended meanwhile is lost until somebody speaks again.
//! As in rung 1, a peer that is slow for a moment is out. The room of `tcp-chat` lets it catch up.
//!
//! Try it: `cargo run --example 6_combining`, then `nc 127.0.0.1 3234` in two shells. Then write
//! `if` in place of `while` in `deliver_pending`, and do as `docs/ladder.md` says.

use std::io::{self, BufRead, BufReader};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::{env, mem, process, thread, time::Duration};

use rustix::net::{SendFlags, send};

/// The record of a peer: its socket, shared with the thread that reads from it.
type Peer = Arc<TcpStream>;

/// The shared state. Locks are taken in one order: first the roster, then `pending`.
#[derive(Default)]
struct Room {
    /// The lines that are not sent yet, in their order. Held for a copy or a look.
    pending: Mutex<Vec<u8>>,
    /// The peers. Held while one thread sends to all of them.
    roster: Mutex<Vec<Peer>>,
}

fn main() -> io::Result<()> {
    let addr = env::args().nth(1).unwrap_or_else(|| "127.0.0.1:3234".into());
    let listener = TcpListener::bind(&addr).unwrap_or_else(|e| {
        eprintln!("cannot listen on {addr}: {e}");
        process::exit(1)
    });
    eprintln!("listening on {}", listener.local_addr()?);
    let room = Arc::default();
    loop {
        if let Err(e) = welcome(&listener, &room) {
            eprintln!("cannot take another client: {e}");
            thread::sleep(Duration::from_millis(50)); // Others must leave first.
        }
    }
}

fn welcome(listener: &TcpListener, room: &Arc<Room>) -> io::Result<()> {
    let (socket, addr) = listener.accept()?;
    socket.set_nodelay(true)?;
    let (socket, room) = (Arc::new(socket), Arc::clone(room));
    let thread = thread::Builder::new().name(format!("client #{}", addr.port()));
    thread.stack_size(64 * 1024).spawn(move || {
        change(&room, |peers| peers.push(Arc::clone(&socket)));
        // However it ends, the record must go.
        let _ = converse(&socket, &room);
        change(&room, |peers| peers.retain(|peer| !Arc::ptr_eq(peer, &socket)));
    })?;
    Ok(())
}

/// Says every line of one client, until it leaves.
fn converse(socket: &TcpStream, room: &Room) -> io::Result<()> {
    let mut reader = BufReader::new(socket);
    let mut line = Vec::new();
    while reader.read_until(b'\n', &mut line)? > 0 {
        if !line.ends_with(b"\n") {
            line.push(b'\n');
        }
        room.pending.lock().unwrap().extend_from_slice(&line);
        deliver_pending(room);
        line.clear();
    }
    Ok(())
}

/// Sends everything that is pending. If another thread holds the roster, that thread comes back to
/// the condition of this loop after it has unlocked, and finds the line there.
fn deliver_pending(room: &Room) {
    while !room.pending.lock().unwrap().is_empty() {
        let Ok(mut peers) = room.roster.try_lock() else { return };
        let batch = mem::take(&mut *room.pending.lock().unwrap());
        peers.retain(|peer| takes(peer, &batch));
    }
}

/// Hands a batch to the kernel, and never waits. A peer for which it does not fit whole is shut,
/// which ends the thread that reads from it.
fn takes(peer: &TcpStream, batch: &[u8]) -> bool {
    let fits = send(peer, batch, SendFlags::DONTWAIT).is_ok_and(|sent| sent == batch.len());
    if !fits {
        let _ = peer.shutdown(Shutdown::Both);
    }
    fits
}

/// Adds or removes a record. This waits for the roster, as a client comes and goes only once. A
/// speaker may find the roster locked meanwhile, so the second look is needed here as well.
fn change(room: &Room, act: impl FnOnce(&mut Vec<Peer>)) {
    act(&mut room.roster.lock().unwrap());
    deliver_pending(room);
}
