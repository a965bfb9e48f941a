//! Rung 7 of `docs/ladder.md`: one thread for all clients. It asks the system which sockets have
//! something to read (`poll`), reads from each of them once, and then sends all lines of this round
//! to every peer.
//!
//! Why it is here: it is the other way to build a server. Redis and nginx work like this. It shows
//! what a thread for each client costs.
//! What it does well: there is no lock, no race and no switch between threads. One round carries the
//! lines of all who spoke, without any rule that one could forget.
//! What it costs: the code of a client is no longer one piece. A read may end in the middle of a
//! line, so each peer needs a place for its unfinished line, where rung 6 has a variable of its
//! thread. Nothing in this file may ever wait: a slow name lookup would stop all clients. And it has
//! one core, whatever there is to do. As in rung 6, a peer that is slow for a moment is out.
//!
//! Try it: `cargo run --example 7_event_loop`, then `nc 127.0.0.1 3234` in two shells.

use std::io::{self, ErrorKind, Read};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::{env, process, thread, time::Duration};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::retry_on_intr;
use rustix::net::{SendFlags, send};

/// The record of a peer. Only one thread has it, so nothing here is locked or counted.
struct Peer {
    socket: TcpStream,
    /// The beginning of a line that has not arrived whole.
    unfinished: Vec<u8>,
}

fn main() -> io::Result<()> {
    let addr = env::args().nth(1).unwrap_or_else(|| "127.0.0.1:3234".into());
    let listener = TcpListener::bind(&addr).unwrap_or_else(|e| {
        eprintln!("cannot listen on {addr}: {e}");
        process::exit(1)
    });
    listener.set_nonblocking(true)?;
    eprintln!("listening on {}", listener.local_addr()?);
    let mut peers = Vec::new();
    loop {
        round(&listener, &mut peers)?;
    }
}

/// Waits until something happens, and does all that there is to do.
fn round(listener: &TcpListener, peers: &mut Vec<Peer>) -> io::Result<()> {
    let sockets = peers.iter().map(|peer| PollFd::new(&peer.socket, PollFlags::IN));
    let mut events: Vec<_> = sockets.collect();
    events.push(PollFd::new(listener, PollFlags::IN));
    retry_on_intr(|| poll(&mut events, None))?;
    let mut ready: Vec<bool> = events.iter().map(|event| !event.revents().is_empty()).collect();

    let is_called = ready.pop() == Some(true);
    let (mut ready, mut batch) = (ready.into_iter(), Vec::new());
    peers.retain_mut(|peer| ready.next() != Some(true) || hears(peer, &mut batch));
    if !batch.is_empty() {
        peers.retain(|peer| takes(&peer.socket, &batch));
    }
    if is_called {
        match welcome(listener) {
            Ok(peer) => peers.push(peer),
            Err(e) if e.kind() == ErrorKind::WouldBlock => {} // The caller has gone again.
            Err(e) => {
                eprintln!("cannot take another client: {e}");
                thread::sleep(Duration::from_millis(50)); // Others must leave first.
            }
        }
    }
    Ok(())
}

fn welcome(listener: &TcpListener) -> io::Result<Peer> {
    let (socket, _) = listener.accept()?;
    socket.set_nonblocking(true)?;
    socket.set_nodelay(true)?;
    Ok(Peer { socket, unfinished: Vec::new() })
}

/// Reads once from a peer, and moves its whole lines into the batch. Returns whether the peer is
/// still there. Its next bytes wait for the next round: others must have their turn.
fn hears(peer: &mut Peer, batch: &mut Vec<u8>) -> bool {
    let mut bytes = [0; 8 * 1024];
    match peer.socket.read(&mut bytes) {
        Ok(0) => {
            if !peer.unfinished.is_empty() {
                batch.append(&mut peer.unfinished);
                batch.push(b'\n');
            }
            false
        }
        Ok(read) => {
            let end = bytes[..read].iter().rposition(|&byte| byte == b'\n').map_or(0, |at| at + 1);
            if end > 0 {
                batch.append(&mut peer.unfinished);
            }
            batch.extend_from_slice(&bytes[..end]);
            peer.unfinished.extend_from_slice(&bytes[end..read]);
            true
        }
        Err(e) => matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted),
    }
}

/// Hands a batch to the kernel, and never waits. A peer for which it does not fit whole is shut, and
/// loses its record.
fn takes(peer: &TcpStream, batch: &[u8]) -> bool {
    let fits = send(peer, batch, SendFlags::DONTWAIT).is_ok_and(|sent| sent == batch.len());
    if !fits {
        let _ = peer.shutdown(Shutdown::Both);
    }
    fits
}
