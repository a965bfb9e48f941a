//! Joins a room, in both protocols: as a client of the load generator, or as a peer that never
//! reads. To connect over loopback takes some 30 µs, so the clients can join one after the other.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use mio::{Interest, Registry, Token};
use socket2::{Domain, Socket, Type};

use crate::client::{Client, Protocol, line_of_nobody};

const TIMEOUT: Duration = Duration::from_secs(10);
/// A server whose accept queue is full ignores a connection attempt. The system would wait a second
/// before it tries again.
const ATTEMPT: Duration = Duration::from_millis(20);
const SUBSCRIBE: &[u8] = b"*2\r\n$9\r\nSUBSCRIBE\r\n$4\r\nroom\r\n";
const SUBSCRIBED: &[u8] = b"*3\r\n$9\r\nsubscribe\r\n$4\r\nroom\r\n:1\r\n";

/// Client `n` has token `2n`, and its publishing connection has token `2n + 1`.
pub(crate) fn connect_clients(
    addr: SocketAddr,
    protocol: Protocol,
    count: usize,
    registry: &Registry,
) -> io::Result<Vec<Option<Client>>> {
    /// Numbers are never used twice, because a server may still send lines of an earlier run.
    static NUMBER: AtomicU32 = AtomicU32::new(0);

    (0..count)
        .map(|index| {
            let receiving = register(join(addr, protocol)?, Token(index * 2), registry)?;
            let publishing = match protocol {
                Protocol::Lines => None,
                Protocol::Redis => {
                    let socket = connect(addr)?;
                    Some(register(socket, Token(index * 2 + 1), registry)?)
                }
            };
            let number = NUMBER.fetch_add(1, Ordering::Relaxed);
            Ok(Some(Client::new(number, protocol, receiving, publishing)))
        })
        .collect()
}

fn register(
    socket: TcpStream,
    token: Token,
    registry: &Registry,
) -> io::Result<mio::net::TcpStream> {
    socket.set_nodelay(true)?;
    socket.set_nonblocking(true)?;
    let mut socket = mio::net::TcpStream::from_std(socket);
    registry.register(&mut socket, token, Interest::READABLE | Interest::WRITABLE)?;
    Ok(socket)
}

fn join(addr: SocketAddr, protocol: Protocol) -> io::Result<TcpStream> {
    let mut socket = connect(addr)?;
    if protocol == Protocol::Redis {
        socket.set_read_timeout(Some(TIMEOUT))?;
        socket.write_all(SUBSCRIBE)?;
        let mut reply = [0; SUBSCRIBED.len()];
        socket.read_exact(&mut reply)?;
        if reply != *SUBSCRIBED {
            return Err(io::Error::other(format!("{addr} does not speak Redis")));
        }
    }
    Ok(socket)
}

fn connect(addr: SocketAddr) -> io::Result<TcpStream> {
    let start = Instant::now();
    loop {
        match TcpStream::connect_timeout(&addr, ATTEMPT) {
            Err(e) if e.kind() == ErrorKind::TimedOut && start.elapsed() < TIMEOUT => {}
            connected => return connected,
        }
    }
}

/// The receive buffer is small, so that the server soon finds that the peer does not read.
pub(crate) fn connect_stalled(addr: SocketAddr, protocol: Protocol) -> io::Result<Socket> {
    let mut socket = Socket::new(Domain::for_address(addr), Type::STREAM, None)?;
    socket.set_recv_buffer_size(4096)?;
    socket.connect_timeout(&addr.into(), TIMEOUT)?;
    match protocol {
        Protocol::Lines => socket.write_all(&line_of_nobody())?,
        Protocol::Redis => socket.write_all(SUBSCRIBE)?,
    }
    Ok(socket)
}
