//! Rung 2 of `docs/ladder.md`: the obvious chat server. A thread that has a line to say locks the
//! list of peers, and writes the line to every one of them before it unlocks.
//!
//! Why it is here: it is the first design that everybody writes, and the yardstick for the others
//! (`cargo bench`).
//! What it does well: it is short. One lock gives one order: all peers see the same lines in the
//! same order. A peer that is slow for a moment is not out, as it is in rung 1.
//! Its fault: it waits while it holds the lock. The socket of one peer that does not read fills up,
//! and the write to it blocks. Every other thread waits for the lock: the room is frozen until that
//! peer goes away.
//!
//! Try it: `cargo run --release --example 2_write_under_lock`, then `nc 127.0.0.1 3234` in two
//! shells. Press Ctrl-Z in one of them and keep talking in the other. Lesson 4 of `docs/lessons.md`
//! does that.

use std::io::{self, BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::{env, thread, time::Duration};

/// A socket shared by the thread that reads from it and all who write to it, and its address.
type Peer = (Arc<TcpStream>, SocketAddr);

fn main() -> io::Result<()> {
    let addr = env::args().nth(1).unwrap_or_else(|| "127.0.0.1:3234".into());
    let listener = TcpListener::bind(addr)?;
    eprintln!("listening on {}", listener.local_addr()?);

    let roster = Arc::default();
    loop {
        if let Err(e) = welcome(&listener, &roster) {
            // Most likely there are no descriptors or threads left: others must leave first.
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
        if let Err(e) = converse(&socket, &roster) {
            eprintln!("client {addr}: {e}");
        }
        roster.lock().unwrap().retain(|(_, peer)| *peer != addr);
    })?;
    Ok(())
}

/// Says every line of one client, until it leaves.
fn converse(socket: &TcpStream, roster: &Mutex<Vec<Peer>>) -> io::Result<()> {
    let mut reader = BufReader::new(socket);
    let mut line = Vec::new();
    while reader.read_until(b'\n', &mut line)? > 0 {
        if !line.ends_with(b"\n") {
            line.push(b'\n');
        }
        // All the I/O happens in here, under the lock. A peer whose write fails is gone.
        roster.lock().unwrap().retain(|(peer, _)| (&**peer).write_all(&line).is_ok());
        line.clear();
    }
    Ok(())
}
