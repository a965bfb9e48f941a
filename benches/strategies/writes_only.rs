//! A reference, and no chat: this "server" reads nothing, and writes blocks of 256 KiB with
//! ready-made lines to one socket after the other. A chat server that beats it writes larger blocks.

use std::convert::Infallible;
use std::io::{self, ErrorKind, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc;
use std::thread;

use socket2::SockRef;

use crate::message;

/// The most that a chat server can send at once to 1000 clients with 4 lines in flight each.
const BLOCK: usize = 256 * 1024;
/// The data in the sockets should still be in the processor's cache when it is read.
const SEND_BUFFER: usize = 256 * 1024;

/// Serves every client until the process is killed.
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

    let line = message::ANONYMOUS;
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
