//! Two threads find that the same peer has left, and both remove it.
//!
//! Why it is here: each step takes the lock, and the program is wrong all the same. A thread fails
//! to send to a peer, or reads the end of its connection. It looks up the peer's place in the list
//! (check). It releases the lock to write to the event log. Then it removes the record at that
//! place (act). By then the place may be wrong: another thread has removed the peer, and the other
//! records have moved up. So the thread removes a peer that is still connected.
//!
//! The pause between check and act stands for a slow event log. Without the pause the fault is
//! still there, but it shows only once in a million times.
//!
//! Try it: `cargo run --example check_then_act`, and lesson 6 of `docs/lessons.md`.

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
        // The record must be removed, however the thread ends.
        let _ = converse(&socket, &roster);
        prune(&roster, addr);
    })?;
    Ok(())
}

/// Sends every line of one client to all peers, until the client leaves.
fn converse(socket: &TcpStream, roster: &Mutex<Vec<Peer>>) -> io::Result<()> {
    let mut reader = BufReader::new(socket);
    let mut line = Vec::new();
    while reader.read_until(b'\n', &mut line)? > 0 {
        let peers = roster.lock().unwrap().clone();
        for (peer, addr) in peers {
            if (&*peer).write_all(&line).is_err() {
                prune(roster, addr);
            }
        }
        line.clear();
    }
    Ok(())
}

/// Check, then act: no lock is held from the check to the act.
fn prune(roster: &Mutex<Vec<Peer>>, addr: SocketAddr) {
    let place = roster.lock().unwrap().iter().position(|(_, peer)| *peer == addr);
    let Some(place) = place else { return };
    eprintln!("client #{} is gone, its record is number {place}", addr.port());
    thread::sleep(Duration::from_secs(2));
    let mut peers = roster.lock().unwrap();
    let (_, removed) = peers.remove(place);
    // The lock is still held, so these lines appear in the order of the removals.
    eprintln!("removed number {place}, which is client #{}", removed.port());
}
