//! The addresses at which clients arrive: a listener for each address that a host name has.

use std::collections::HashSet;
use std::io;
use std::net::{SocketAddr, TcpListener, ToSocketAddrs};

use rustix::io::Errno;
use socket2::{Domain, Socket, Type};
use thiserror::Error;

use super::socket::Timeouts;
use super::template::Template;
use crate::protocol::{self, Framing};

/// How many connections may wait to be accepted. The kernel may allow fewer (`net.core.somaxconn`).
const ACCEPT_BACKLOG: i32 = 4096;

/// How many ports are tried until one is free at each address of a host.
const TRIES: u32 = 16;

/// How the clients at one address are served.
#[derive(Clone, Debug)]
pub struct ClientPolicy {
    /// How messages are told apart.
    pub framing: Framing,
    /// The longest line, in bytes.
    pub max_line: usize,
    /// A greeting for each client.
    pub greet: Option<Template>,
    /// Text in front of each message of a client.
    pub prefix: Option<Template>,
    /// A raw client's first message is its name. This text asks for it, or is empty. The room does not
    /// say the name, and the greeting follows it.
    pub name_first: Option<String>,
    /// Whether a client is sent its own messages.
    pub echo: bool,
    /// How many lines per second are read from a client.
    pub rate: Option<f64>,
    /// When their connections count as dead.
    pub timeouts: Timeouts,
}

/// An address at which clients arrive, and how they are served.
#[derive(Debug)]
pub(super) struct Endpoint {
    pub(super) listener: TcpListener,
    pub(super) address: SocketAddr,
    pub(super) policy: ClientPolicy,
}

/// A server could not listen on an address.
#[derive(Debug, Error)]
#[error("cannot listen on {address}")]
pub struct BindError {
    /// The address, as it was given.
    pub address: String,
    /// Why not.
    pub source: io::Error,
}

impl Endpoint {
    /// Listens on every address that `HOST:PORT` has.
    pub(super) fn open(address: &str, policy: &ClientPolicy) -> Result<Vec<Self>, BindError> {
        let open = |listener: TcpListener| {
            let address = listener.local_addr()?;
            Ok(Self { listener, address, policy: policy.clone() })
        };
        let opened = listen(address).and_then(|all| all.into_iter().map(open).collect());
        opened.map_err(|source| BindError { address: address.to_owned(), source })
    }

    /// Stops accepting while the listener still exists. On a system that cannot do this, callers wait
    /// until the listener is gone.
    pub(super) fn close(&self) {
        let _ = rustix::net::shutdown(&self.listener, rustix::net::Shutdown::Both);
    }
}

/// Listens on every address that `HOST:PORT` has. With port 0, they get one and the same port.
fn listen(address: &str) -> io::Result<Vec<TcpListener>> {
    let host_and_port = protocol::host_and_port(address).unwrap_or((address, 0));
    // A name may stand twice in the list of hosts, for example.
    let mut seen = HashSet::new();
    let addresses: Vec<_> =
        host_and_port.to_socket_addrs()?.filter(|it| seen.insert(*it)).collect();
    // A port that is free at the first address may be in use at the next.
    for _ in 1..TRIES {
        match listen_on_each(&addresses) {
            Err(error) if host_and_port.1 == 0 && error.kind() == io::ErrorKind::AddrInUse => {}
            done => return done,
        }
    }
    listen_on_each(&addresses)
}

fn listen_on_each(addresses: &[SocketAddr]) -> io::Result<Vec<TcpListener>> {
    let mut listeners = Vec::new();
    let mut port = 0;
    let mut lacking = io::Error::new(io::ErrorKind::NotFound, "no such host");
    for mut address in addresses.iter().copied() {
        if address.port() == 0 {
            address.set_port(port);
        }
        match listen_on(address) {
            Ok(listener) => {
                port = listener.local_addr()?.port();
                listeners.push(listener);
            }
            Err(error) => match Errno::from_io_error(&error) {
                // For example ::1 on a machine without IPv6.
                Some(Errno::ADDRNOTAVAIL | Errno::AFNOSUPPORT) => lacking = error,
                _ => return Err(error),
            },
        }
    }
    if listeners.is_empty() { Err(lacking) } else { Ok(listeners) }
}

fn listen_on(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
    // A restart must not fail because connections of the last run still wait out their end.
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    socket.listen(ACCEPT_BACKLOG)?;
    // Between the poll that reports a caller and the accept, the caller may hang up.
    socket.set_nonblocking(true)?;
    Ok(socket.into())
}
