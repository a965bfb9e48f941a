//! Joins a room, in every protocol: as a client of the load generator, or as a peer that never
//! reads. To connect over loopback takes some 30 µs, so the clients can join one after the other.

use std::io::{self, ErrorKind, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use mio::{Interest, Registry, Token};
use socket2::{Domain, Socket, Type};

use crate::client::Client;
use crate::message;
use crate::protocols::Protocol;

const TIMEOUT: Duration = Duration::from_secs(10);
/// A server whose accept queue is full ignores a connection attempt. The system would wait a second
/// before it tries again.
const ATTEMPT: Duration = Duration::from_millis(20);
const SMALL_BUFFER: usize = 4096;

/// Where a room is.
#[derive(Clone, Copy)]
pub(crate) struct Address {
    pub(crate) receive: SocketAddr,
    /// Only ZeroMQ's proxy has another address for publishers.
    pub(crate) publish: SocketAddr,
}

impl From<SocketAddr> for Address {
    fn from(both: SocketAddr) -> Self {
        Self { receive: both, publish: both }
    }
}

/// Client `n` has token `2n`, and its publishing connection has token `2n + 1`.
pub(crate) fn connect_clients<P: Protocol>(
    address: Address,
    first: u32,
    count: usize,
    bytes: usize,
    registry: &Registry,
) -> io::Result<Vec<Option<Client<P>>>> {
    (first..)
        .take(count)
        .enumerate()
        .map(|(index, number)| {
            let receiving = connect(address.receive)?;
            let publishing = P::TWO_CONNECTIONS.then(|| connect(address.publish)).transpose()?;
            P::join(&receiving, publishing.as_ref().unwrap_or(&receiving))?;
            let receiving = register(receiving, Token(index * 2), registry)?;
            let publishing = publishing
                .map(|socket| register(socket, Token(index * 2 + 1), registry))
                .transpose()?;
            Ok(Some(Client::new(number, count, bytes, receiving, publishing)))
        })
        .collect()
}

fn register(
    socket: TcpStream,
    token: Token,
    registry: &Registry,
) -> io::Result<mio::net::TcpStream> {
    socket.set_nonblocking(true)?;
    let mut socket = mio::net::TcpStream::from_std(socket);
    registry.register(&mut socket, token, Interest::READABLE | Interest::WRITABLE)?;
    Ok(socket)
}

fn connect(addr: SocketAddr) -> io::Result<TcpStream> {
    let start = Instant::now();
    let socket = loop {
        match TcpStream::connect_timeout(&addr, ATTEMPT) {
            Err(e) if e.kind() == ErrorKind::TimedOut && start.elapsed() < TIMEOUT => {}
            connected => break connected?,
        }
    };
    socket.set_nodelay(true)?;
    socket.set_read_timeout(Some(TIMEOUT))?;
    Ok(socket)
}

/// Connections of a peer that never reads. It says one message, so that a chat server knows it.
pub(crate) fn connect_silent<P: Protocol>(address: Address) -> io::Result<[TcpStream; 2]> {
    // The receive buffer is small, so that the server soon finds that the peer does not read.
    let receiving = Socket::new(Domain::for_address(address.receive), Type::STREAM, None)?;
    receiving.set_recv_buffer_size(SMALL_BUFFER)?;
    receiving.set_read_timeout(Some(TIMEOUT))?;
    receiving.connect_timeout(&address.receive.into(), TIMEOUT)?;
    let receiving = TcpStream::from(receiving);
    let publishing =
        if P::TWO_CONNECTIONS { connect(address.publish)? } else { receiving.try_clone()? };
    P::join(&receiving, &publishing)?;
    let mut text = Vec::new();
    P::pack(&message::ANONYMOUS, &mut text);
    (&publishing).write_all(&text)?;
    Ok([receiving, publishing])
}
