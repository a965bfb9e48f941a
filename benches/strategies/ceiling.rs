//! The raw ceiling of a machine: a "server" that reads nothing, decides nothing and writes 256 KiB
//! blocks of ready-made lines to one socket after the other. No chat server can deliver more, and
//! what the load generator takes in here proves that it is not what limits the others.

use std::convert::Infallible;
use std::io::{self, ErrorKind, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc;
use std::thread;

use socket2::SockRef;

use crate::client::line_of_nobody;

/// As much as a chat server can ever send at once when 1000 clients have 4 lines each on their way.
const BLOCK: usize = 256 * 1024;
/// What waits in the sockets should still be in the processor's cache when it is read.
const SEND_BUFFER: usize = 256 * 1024;

/// Serves whoever connects until the process is killed.
pub(crate) fn serve() -> io::Result<Infallible> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    eprintln!("listening on {}", listener.local_addr()?);
    let (accepted, newcomers) = mpsc::channel();
    thread::spawn(move || {
        for socket in listener.incoming().flatten() {
            if prepare(&socket).is_ok() {
                let _ = accepted.send(socket);
            }
        }
    });

    let line = line_of_nobody();
    let block = line.repeat(BLOCK / line.len());
    let mut peers: Vec<(TcpStream, usize)> = Vec::new();
    loop {
        peers.extend(newcomers.try_iter().map(|socket| (socket, 0)));
        peers.retain_mut(|(socket, written)| match socket.write(&block[*written..]) {
            Ok(more) => {
                *written = (*written + more) % block.len();
                true
            }
            Err(e) => e.kind() == ErrorKind::WouldBlock,
        });
    }
}

fn prepare(socket: &TcpStream) -> io::Result<()> {
    socket.set_nonblocking(true)?;
    SockRef::from(socket).set_send_buffer_size(SEND_BUFFER)
}
