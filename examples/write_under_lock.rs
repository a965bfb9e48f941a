//! The obvious chat server: a thread with a line to send locks the list of peers, writes the line
//! to every peer, and then releases the lock.
//!
//! Why it is here: most people write this design first, and `cargo bench` measures the other
//! designs against it.
//! Its strengths: it is short and clearly correct. One lock gives one order, so all peers see the
//! same lines in the same order. No thread writes to a peer after its removal.
//! Its fault: it writes while it holds the lock. One peer that does not read fills its socket's
//! buffers, so the write to it blocks. Then every thread that waits for the lock is blocked too,
//! and the room is frozen until that peer leaves. Also, each line costs one system call per peer.
//!
//! Try it: `cargo run --release --example write_under_lock`, then `nc 127.0.0.1 3234` in two shells.
//! Press Ctrl-Z in one of them and keep talking in the other.

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
    let thread = thread::Builder::new().name(format!("client {}", addr.port()));
    thread.stack_size(64 * 1024).spawn(move || {
        roster.lock().unwrap().push((Arc::clone(&socket), addr));
        if let Err(e) = converse(&socket, &roster) {
            eprintln!("client {addr}: {e}");
        }
        roster.lock().unwrap().retain(|(_, peer)| *peer != addr);
    })?;
    Ok(())
}

/// Sends every line of one client to all peers, until the client leaves.
fn converse(socket: &TcpStream, roster: &Mutex<Vec<Peer>>) -> io::Result<()> {
    let mut reader = BufReader::new(socket);
    let mut line = Vec::new();
    while reader.read_until(b'\n', &mut line)? > 0 {
        // All the I/O happens in here, under the lock. A peer whose write fails is gone.
        roster.lock().unwrap().retain(|(peer, _)| (&**peer).write_all(&line).is_ok());
        line.clear();
    }
    Ok(())
}
