//! Rung 4 of `docs/ladder.md`: two threads notice that the same peer is gone, and both remove it.
//!
//! Why it is here: each step takes the lock, and it is wrong all the same. A thread that cannot
//! send to a peer, or reads its end, looks up the peer's place in the list (check). It unlocks,
//! prints a line, and then removes the record at that place (act). The place may be wrong by then:
//! another thread has removed the peer, the others have moved up, and a peer that did nothing wrong
//! is thrown out.
//!
//! The pause between check and act stands for a terminal that is slow. Without it the fault is as
//! real, and shows once in a million times.
//!
//! Try it: `cargo run --example 4_check_then_act`, and lesson 6 of `docs/lessons.md`.

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
        // However it ends, the record must go.
        let _ = converse(&socket, &roster);
        prune(&roster, addr);
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

/// Check, then act: nothing holds the two together.
fn prune(roster: &Mutex<Vec<Peer>>, addr: SocketAddr) {
    let place = roster.lock().unwrap().iter().position(|(_, peer)| *peer == addr);
    let Some(place) = place else { return };
    eprintln!("client #{} is gone, its record is number {place}", addr.port());
    thread::sleep(Duration::from_secs(2));
    let mut peers = roster.lock().unwrap();
    let (_, removed) = peers.remove(place);
    // Still under the lock, so that these lines come in the order of the removals.
    eprintln!("removed number {place}, which is client #{}", removed.port());
}
