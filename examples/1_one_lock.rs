//! Rung 1 of `docs/ladder.md`: what the assignment asks for, done right. The server has one thread
//! per client, and all threads share one list of sockets and addresses.
//!
//! Why it is here: it is the smallest server that is right. Everybody should read it first. One
//! lock protects the list. A thread that has a line to say sends it to every peer while it holds
//! the lock, so all peers see one order. No send waits: a peer that cannot take a line at once
//! loses its record in the same critical section. So no peer can hold up the others.
//! What it costs: a peer that is slow for a moment is out. And each line is one system call per
//! peer, under the lock. That is ample for thirty people who type.
//!
//! Try it: `cargo run --example 1_one_lock`, then `nc 127.0.0.1 3234` in two shells.

use std::io::{self, BufRead, BufReader, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::{env, process, thread, time::Duration};

use rustix::net::{SendFlags, send};

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
        // One walk along the list sends the line, and finds the peers that must go.
        remove(roster, |(peer, ..)| !takes(peer, &line));
        line.clear();
    }
    Ok(())
}

/// Hands a line to the kernel, and never waits. A peer for which it does not fit whole has not
/// taken it. (`set_nonblocking` would not do: it holds for the socket, and the thread that reads
/// from the same socket must wait.)
fn takes(peer: &TcpStream, line: &[u8]) -> bool {
    send(peer, line, SendFlags::DONTWAIT).is_ok_and(|sent| sent == line.len())
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
