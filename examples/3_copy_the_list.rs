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
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::{env, process, thread, time::Duration};

/// The record of a peer: its socket, shared with the thread that reads from it, and its address.
type Peer = (Arc<TcpStream>, SocketAddr);

fn main() -> io::Result<()> {
    let addr = env::args().nth(1).unwrap_or_else(|| "127.0.0.1:3234".into());
    let listener = TcpListener::bind(&addr).unwrap_or_else(|e| {
        eprintln!("cannot listen on {addr}: {e}");
        process::exit(1)
    });
    eprintln!("listening on {}", listener.local_addr()?);
    let roster = Arc::default();
    loop {
        if let Err(e) = welcome(&listener, &roster) {
            eprintln!("cannot take another client: {e}");
            thread::sleep(Duration::from_millis(50)); // Others must leave first.
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
        log("adds", addr);
        // However it ends, the record must go.
        let _ = converse(&socket, &roster);
        remove(&roster, |(peer, ..)| Arc::ptr_eq(peer, &socket));
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
        for (peer, ..) in peers {
            if !takes(&peer, &line) {
                remove(roster, |(other, ..)| Arc::ptr_eq(other, &peer));
            }
        }
        line.clear();
    }
    Ok(())
}

/// Writes a line to a peer, and waits until it fits. The caller holds no lock. A peer whose write
/// fails is gone.
fn takes(mut peer: &TcpStream, line: &[u8]) -> bool {
    peer.write_all(line).is_ok()
}

/// Removes the record of each peer that `must_go`. The look and the removal are one critical
/// section, so a record goes once, whichever thread notices first.
fn remove(roster: &Mutex<Vec<Peer>>, must_go: impl FnMut(&mut Peer) -> bool) {
    // The lock is free again at the end of this statement. What follows may wait for a terminal.
    let removed: Vec<Peer> = roster.lock().unwrap().extract_if(.., must_go).collect();
    for (peer, addr) in removed {
        // This ends the read of the peer's own thread, if another thread has removed the record.
        let _ = peer.shutdown(Shutdown::Both);
        log("removes", addr);
    }
}

/// Prints what this thread does.
fn log(verb: &str, addr: SocketAddr) {
    let this = thread::current();
    let name = this.name().unwrap_or_default();
    // A log that nobody can write to must not end the chat.
    let _ = writeln!(io::stdout(), "{name}: {verb} the record of client #{}", addr.port());
}
