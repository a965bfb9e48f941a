//! Rung 5 of `docs/ladder.md`, the strongest rival: each peer has an outbox of bounded size, and a
//! writer thread that empties it. A speaker only fills outboxes, so it waits for no peer, and all
//! see one order. The cost: two threads per client, and each line wakes every writer that sleeps.

use std::io::{self, BufRead, BufReader, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};
use std::{env, mem, process, thread, time::Duration};

/// The record of a peer: its socket, shared by its two threads, its address, and its outbox.
type Peer = (Arc<TcpStream>, SocketAddr, Arc<Outbox>);

/// What is to be written to a peer, or none when its record is gone.
struct Outbox {
    lines: Mutex<Option<Vec<u8>>>,
    filled: Condvar,
}
const OUTBOX_BYTES: usize = 8 << 20; // A peer for which more is waiting is out.

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
    let writer = thread::Builder::new().name(format!("writer #{}", addr.port()));
    thread.stack_size(64 * 1024).spawn(move || {
        let outbox = Outbox { lines: Some(Vec::new()).into(), filled: Condvar::new() };
        let peer = (Arc::clone(&socket), addr, Arc::new(outbox));
        roster.lock().unwrap().push(peer.clone());
        log("adds", addr);
        let writer = writer.stack_size(64 * 1024).spawn(move || empty_outbox(&peer));
        // However it ends, the record must go.
        let _ = writer.and_then(|_| converse(&socket, &roster));
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
        // Lines that arrive together stay together.
        if !reader.buffer().contains(&b'\n') {
            remove(roster, |(.., outbox)| !takes(outbox, &line));
            line.clear();
        }
    }
    Ok(())
}

/// Puts a line into an outbox, and never waits for the network.
fn takes(outbox: &Outbox, line: &[u8]) -> bool {
    let mut lines = outbox.lines.lock().unwrap();
    let Some(lines) = &mut *lines else { return false };
    lines.extend_from_slice(line);
    if lines.len() == line.len() {
        outbox.filled.notify_one();
    }
    lines.len() <= OUTBOX_BYTES
}

/// Writes what is in the outbox, whenever there is something, until the record is gone.
fn empty_outbox((socket, _, outbox): &Peer) -> Option<()> {
    let mut batch = Vec::new();
    loop {
        let lines = outbox.lines.lock().unwrap();
        drop(outbox.filled.wait_while(lines, |lines| *lines == Some(vec![])));
        // Other threads that have something to say add it first: far fewer and larger writes.
        thread::yield_now();
        mem::swap(outbox.lines.lock().unwrap().as_mut()?, &mut batch);
        if (&**socket).write_all(&batch).is_err() {
            // This ends the read of the client's thread, and that thread removes the record.
            return socket.shutdown(Shutdown::Both).ok();
        }
        batch.clear();
    }
}

/// Removes the record of each peer that `must_go`. The look and the removal are one critical
/// section, so a record goes once, whichever thread notices first.
fn remove(roster: &Mutex<Vec<Peer>>, must_go: impl FnMut(&mut Peer) -> bool) {
    // The lock is free again at the end of this statement. What follows may wait for a terminal.
    let removed: Vec<Peer> = roster.lock().unwrap().extract_if(.., must_go).collect();
    for (peer, addr, outbox) in removed {
        *outbox.lines.lock().unwrap() = None;
        outbox.filled.notify_one();
        // This ends the read and the write of the peer's own threads.
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
