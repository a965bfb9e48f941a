//! Rung 3 of `docs/ladder.md`: the way of the original course project. A thread that has a line to
//! say locks the list of peers only to copy it, and writes to the peers on its copy after
//! unlocking.
//!
//! Why it is here: it is the algorithm that `tcp-chat` replaces, translated to Rust, so that `cargo
//! bench` can compare the two algorithms and not the two languages.
//! What it does well: no write happens under the lock. A peer that does not read holds up only the
//! threads that write to it, and joining or leaving is always quick.
//! Its faults: nothing decides which thread writes first. Two speakers walk along their copies at
//! the same time, so two peers may see the same two lines in two orders. A peer can be written to
//! after it was removed. And sooner or later every speaker blocks at the peer that does not read:
//! the room dies one speaker at a time.
//!
//! Try it: `cargo run --release --example 3_copy_the_list`, then `nc 127.0.0.1 3234` in several
//! shells. Lesson 5 of `docs/lessons.md` shows the two orders.

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
        eprintln!("client #{} has come", addr.port());
        if let Err(e) = converse(&socket, &roster) {
            eprintln!("client #{}: {e}", addr.port());
        }
        remove(&roster, addr);
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

/// Harmless when another thread has removed the same peer already.
fn remove(roster: &Mutex<Vec<Peer>>, addr: SocketAddr) {
    roster.lock().unwrap().retain(|(_, peer)| *peer != addr);
}
