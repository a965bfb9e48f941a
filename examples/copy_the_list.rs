//! The design of the original course project: a thread with a line to send locks the list of peers
//! only to copy it. It writes to the peers on its copy after it has released the lock.
//!
//! Why it is here: `tcp-chat` replaces this algorithm. It is translated to Rust, so that a
//! benchmark compares the two algorithms, and not the two languages.
//! Its strengths: no write happens under the lock. So a peer that does not read delays only the
//! threads that write to it, and a peer can always join or leave quickly.
//! Its faults: nothing decides which thread writes first. Two speakers go through their copies at
//! the same time, so two peers may see the same two lines in different orders. A thread can write
//! to a peer after its removal. Sooner or later every speaker's thread writes to the peer that does
//! not read, and blocks there for ever. So the room stops one speaker at a time, and not at once.
//!
//! Try it: `cargo run --release --example copy_the_list`, then `nc 127.0.0.1 3234` in several shells.

use std::io::{self, BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::{env, thread, time::Duration};

/// A socket and its address. One thread reads from the socket, and all speaking threads write to
/// it.
type Peer = (Arc<TcpStream>, SocketAddr);

fn main() -> io::Result<()> {
    let addr = env::args().nth(1).unwrap_or_else(|| "127.0.0.1:3234".into());
    let listener = TcpListener::bind(addr)?;
    eprintln!("listening on {}", listener.local_addr()?);

    let roster = Arc::default();
    loop {
        if let Err(e) = welcome(&listener, &roster) {
            // Probably there are no descriptors or threads left. Other clients must leave first.
            eprintln!("cannot take another client: {e}");
            thread::sleep(Duration::from_millis(50));
        }
    }
}

fn welcome(listener: &TcpListener, roster: &Arc<Mutex<Vec<Peer>>>) -> io::Result<()> {
    let (socket, addr) = listener.accept()?;
    socket.set_nodelay(true)?;
    let (socket, roster) = (Arc::new(socket), Arc::clone(roster));
    let thread = thread::Builder::new().name(format!("client #{}", addr.port()));
    thread.stack_size(64 * 1024).spawn(move || {
        roster.lock().unwrap().push((Arc::clone(&socket), addr));
        eprintln!("client #{} has come", addr.port());
        if let Err(e) = converse(&socket, &roster) {
            eprintln!("client #{}: {e}", addr.port());
        }
        remove(&roster, addr);
    })?;
    Ok(())
}

/// Sends every line of one client to all peers, until the client leaves.
fn converse(socket: &TcpStream, roster: &Mutex<Vec<Peer>>) -> io::Result<()> {
    let mut reader = BufReader::new(socket);
    let mut line = Vec::new();
    while reader.read_until(b'\n', &mut line)? > 0 {
        // The lock is free again at the end of this statement, before the first write.
        let peers = roster.lock().unwrap().clone();
        for (peer, addr) in peers {
            if (&*peer).write_all(&line).is_err() {
                remove(roster, addr);
            }
        }
        line.clear();
    }
    Ok(())
}

/// Has no effect if another thread has already removed the same peer.
fn remove(roster: &Mutex<Vec<Peer>>, addr: SocketAddr) {
    roster.lock().unwrap().retain(|(_, peer)| *peer != addr);
}
