//! The room's socket over TCP: sends that do not wait, sends that wait a little, and the options
//! that find dead links. What is particular to one platform is in here and in `limits.rs`.

use std::io::{self, Write};
use std::net::{Shutdown, TcpListener, TcpStream, ToSocketAddrs};
use std::time::Duration;

use rustix::buffer::spare_capacity;
use rustix::io::retry_on_intr;
use rustix::net::SendFlags;
use socket2::{Domain, SockRef, Socket as Socket2, TcpKeepalive, Type};

use crate::peer::Socket;

/// How many connections may wait to be accepted: as many as the kernel allows.
const ACCEPT_BACKLOG: i32 = 4096;

/// How long a waiting send waits before it says that nothing went through.
const SEND_SLICE: Duration = Duration::from_millis(50);

/// How many bytes the kernel may hold for a peer (Linux takes twice that, for its own records).
/// Left to itself it would hold megabytes for each of a thousand peers that do not read, and slow
/// the whole machine's TCP down when that is too much.
const SEND_BUFFER: usize = 256 * 1024;

/// A peer's TCP connection.
#[derive(Debug)]
pub struct TcpSocket(TcpStream);

impl TcpSocket {
    /// Sets up an accepted connection. If nothing comes back from the other side, not even
    /// acknowledgements, it ends after about `dead_link`, which is a second or more.
    ///
    /// # Errors
    /// The connection is gone already.
    pub fn new(stream: TcpStream, dead_link: Duration) -> io::Result<Self> {
        // Some systems let an accepted socket inherit the listener's non-blocking mode.
        stream.set_nonblocking(false)?;
        stream.set_nodelay(true)?;
        stream.set_write_timeout(Some(SEND_SLICE))?;
        SockRef::from(&stream).set_send_buffer_size(SEND_BUFFER)?;
        find_dead_link(&stream, dead_link)?;
        Ok(Self(stream))
    }

    /// Sends at least one byte, and waits for that as long as one slice.
    ///
    /// # Errors
    /// `WouldBlock` or `TimedOut` if nothing went through, others if the connection is broken.
    pub fn send_waiting(&self, bytes: &[u8]) -> io::Result<usize> {
        (&self.0).write(bytes)
    }

    /// Acknowledges what was read at once. A sender that joins small messages while it waits for
    /// acknowledgements (Nagle's way, and the default) then has nothing to wait for, so raw messages
    /// stay apart. Holds until about the next read; not every system has it.
    pub fn acknowledge(&self) {
        #[cfg(target_os = "linux")]
        let _ = rustix::net::sockopt::set_tcp_quickack(&self.0, true);
    }

    /// Waits for what the client says and appends it to `buffer`, up to its capacity; 0 bytes are
    /// the end. Memory of the buffer that was never read into is never touched, so an idle client
    /// does not pay for it.
    ///
    /// # Errors
    /// The connection is broken.
    pub fn read(&self, buffer: &mut Vec<u8>) -> io::Result<usize> {
        Ok(retry_on_intr(|| rustix::io::read(&self.0, spare_capacity(buffer)))?)
    }
}

impl Socket for TcpSocket {
    fn send_now(&self, bytes: &[u8]) -> io::Result<usize> {
        match rustix::net::send(&self.0, bytes, SendFlags::DONTWAIT | NO_SIGNAL) {
            Err(rustix::io::Errno::AGAIN | rustix::io::Errno::INTR) => Ok(0),
            sent => Ok(sent?),
        }
    }

    fn finish(&self) {
        let _ = self.0.shutdown(Shutdown::Write);
    }

    fn shut(&self) {
        // It may be shut already, by the other side.
        let _ = self.0.shutdown(Shutdown::Both);
    }
}

/// Where a send to a closed connection would raise SIGPIPE, it shall not.
#[cfg(target_os = "linux")]
const NO_SIGNAL: SendFlags = SendFlags::NOSIGNAL;
/// The standard library sets `SO_NOSIGPIPE` on each socket instead.
#[cfg(not(target_os = "linux"))]
const NO_SIGNAL: SendFlags = SendFlags::empty();

/// Lets the kernel give up a link on which nothing comes back: probes while it is idle, and a
/// limit for data that is not acknowledged.
fn find_dead_link(stream: &TcpStream, dead_link: Duration) -> io::Result<()> {
    let socket = SockRef::from(stream);
    // The system counts these in whole seconds, and takes none for an error.
    let [idle, interval] = [2, 6].map(|part| (dead_link / part).max(Duration::from_secs(1)));
    let keepalive = TcpKeepalive::new().with_time(idle).with_interval(interval).with_retries(3);
    socket.set_tcp_keepalive(&keepalive)?;
    #[cfg(target_os = "linux")]
    socket.set_tcp_user_timeout(Some(dead_link))?;
    Ok(())
}

/// Listens on the first of the addresses that works.
///
/// # Errors
/// None of them works: unknown host, address in use, not permitted.
pub fn listen(address: &str) -> io::Result<TcpListener> {
    let mut failure = io::Error::new(io::ErrorKind::NotFound, "no such host");
    for address in address.to_socket_addrs()? {
        match listen_on(address) {
            Ok(listener) => return Ok(listener),
            Err(error) => failure = error,
        }
    }
    Err(failure)
}

fn listen_on(address: std::net::SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket2::new(Domain::for_address(address), Type::STREAM, None)?;
    // A restart must not fail because connections of the last run still wait out their end.
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    socket.listen(ACCEPT_BACKLOG)?;
    // Between the poll that reports a caller and the accept, the caller may hang up.
    socket.set_nonblocking(true)?;
    Ok(socket.into())
}

/// Answers no more calls, though the listener is still there. Where the system cannot do that,
/// callers wait until it is gone, and are turned away then.
pub fn close_door(listener: &TcpListener) {
    let _ = rustix::net::shutdown(listener, rustix::net::Shutdown::Both);
}
