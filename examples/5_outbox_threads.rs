//! Rung 5 of `docs/ladder.md`, the strongest rival: each peer has an outbox of bounded size, and a
//! writer thread that empties it. A speaker only fills outboxes, so it waits for no peer, and all see
//! one order. The cost: two threads per client, and each line wakes every writer that sleeps.

use std::io::{self, BufRead, BufReader, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};
use std::{env, mem, thread, time::Duration};

/// A peer that is further behind is dropped.
const OUTBOX_BYTES: usize = 8 << 20;

struct Peer {
    socket: TcpStream,
    /// The bytes to write next; none when the peer has left.
    outbox: Mutex<Option<Vec<u8>>>,
    filled: Condvar,
}

fn main() -> io::Result<()> {
    let addr = env::args().nth(1).unwrap_or_else(|| "127.0.0.1:3234".into());
    let listener = TcpListener::bind(addr)?;
    eprintln!("listening on {}", listener.local_addr()?);
    let roster = Arc::default();
    loop {
        if let Err(e) = welcome(&listener, Arc::clone(&roster)) {
            eprintln!("cannot take another client before others leave: {e}");
            thread::sleep(Duration::from_millis(50));
        }
    }
}

fn welcome(listener: &TcpListener, roster: Arc<Mutex<Vec<Arc<Peer>>>>) -> io::Result<()> {
    let (socket, addr) = listener.accept()?;
    socket.set_nodelay(true)?;
    let peer = Arc::new(Peer { socket, outbox: Some(vec![]).into(), filled: Condvar::new() });
    let thread = move |role| thread::Builder::new().name(format!("{role} #{}", addr.port()));
    thread("reader").stack_size(64 << 10).spawn(move || {
        thread::scope(|scope| {
            thread("writer").stack_size(64 << 10).spawn_scoped(scope, || peer.empty_outbox())?;
            roster.lock().unwrap().push(Arc::clone(&peer));
            let left = peer.converse(&roster);
            roster.lock().unwrap().retain(|other| !Arc::ptr_eq(other, &peer));
            peer.leave();
            left
        })
    })?;
    Ok(())
}

impl Peer {
    /// Says every line of this client, until it leaves. Lines that arrive together stay together.
    fn converse(&self, roster: &Mutex<Vec<Arc<Peer>>>) -> io::Result<()> {
        let (mut reader, mut lines) = (BufReader::new(&self.socket), Vec::new());
        while reader.read_until(b'\n', &mut lines)? > 0 {
            if !lines.ends_with(b"\n") {
                lines.push(b'\n');
            }
            if !reader.buffer().contains(&b'\n') {
                let mut peers = roster.lock().unwrap();
                peers.retain(|peer| peer.post(&lines).or_else(|| peer.leave()).is_some());
                lines.clear();
            }
        }
        Ok(())
    }

    /// Never waits for the network. None: the peer has left, or is too far behind to stay.
    fn post(&self, lines: &[u8]) -> Option<()> {
        let mut outbox = self.outbox.lock().unwrap();
        let queued = outbox.as_mut().filter(|queued| queued.len() < OUTBOX_BYTES)?;
        queued.extend_from_slice(lines);
        if queued.len() == lines.len() {
            self.filled.notify_one();
        }
        Some(())
    }

    fn empty_outbox(&self) -> Option<()> {
        let mut batch = Vec::new();
        loop {
            let empty = |outbox: &mut Option<Vec<u8>>| outbox.as_ref().is_some_and(Vec::is_empty);
            drop(self.filled.wait_while(self.outbox.lock().unwrap(), empty));
            // Other threads that have something to say add it first: far fewer and larger writes.
            thread::yield_now();
            mem::swap(self.outbox.lock().unwrap().as_mut()?, &mut batch);
            (&self.socket).write_all(&batch).ok().or_else(|| self.leave())?;
            batch.clear();
        }
    }

    /// Ends both threads, whichever of them notices first that the peer has gone.
    fn leave(&self) -> Option<()> {
        *self.outbox.lock().unwrap() = None;
        self.filled.notify_one();
        self.socket.shutdown(Shutdown::Both).ok().and(None)
    }
}
