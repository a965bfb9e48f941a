//! Rung 4 of `docs/ladder.md`: two threads notice that the same peer is gone, and both remove it.
//!
//! Why it is here: each step takes the lock, and it is wrong all the same. A thread that cannot
//! send to a peer, or reads its end, looks up the peer's place in the list (check). It unlocks,
//! prints what it has found, and then removes the record at that place (act). The place may be
//! wrong by then: another thread has removed the peer, the others have moved up, and a peer that
//! did nothing wrong is thrown out.
//!
//! The pause between check and act stands for a slow terminal. Without it, the fault is as real, but
//! it shows rarely.
//!
//! Try it: `cargo run --example 4_check_then_act`, and lesson 6 of `docs/lessons.md`.

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

/// Removes the record of a peer that `must_go`. Check, then act: nothing holds the two together.
fn remove(roster: &Mutex<Vec<Peer>>, must_go: impl FnMut(&mut Peer) -> bool) {
    let mut peers = roster.lock().unwrap();
    let Some(place) = peers.iter_mut().position(must_go) else { return };
    let addr = peers[place].1;
    drop(peers);
    log("finds", addr);
    // The terminal may be as slow as this.
    thread::sleep(Duration::from_secs(2));
    let mut peers = roster.lock().unwrap();
    let (peer, addr) = peers.remove(place);
    // This ends the read of the peer's own thread, if another thread has removed the record.
    let _ = peer.shutdown(Shutdown::Both);
    // Still under the lock, so that the log has the order of the removals.
    log("removes", addr);
}

/// Prints what this thread does.
fn log(verb: &str, addr: SocketAddr) {
    let this = thread::current();
    let name = this.name().unwrap_or_default();
    // A log that nobody can write to must not end the chat.
    let _ = writeln!(io::stdout(), "{name}: {verb} the record of client #{}", addr.port());
}
