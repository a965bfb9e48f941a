//! The room's socket over TCP: sends that do not wait, sends that wait a little, and the options
//! that find dead links. What is particular to one platform is in here and in `limits.rs`.

use std::io;
use std::net::{Shutdown, TcpListener, TcpStream, ToSocketAddrs};
use std::time::{Duration, Instant};

use rustix::buffer::spare_capacity;
use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::io::retry_on_intr;
use rustix::net::{RecvFlags, SendFlags};
use socket2::{Domain, SockRef, Socket as Socket2, TcpKeepalive, Type};

use crate::room::Socket;

/// How many connections may wait to be accepted: as many as the kernel allows.
const ACCEPT_BACKLOG: i32 = 4096;

/// How often a waiting send looks for free space: the kernel reports it only when a third of its
/// buffer is free.
const LOOK: Duration = Duration::from_millis(100);

/// How many bytes the kernel may hold for a peer (Linux takes twice that, for its own records).
/// Left to itself it would hold megabytes for each of a thousand peers that do not read, and slow
/// the whole machine's TCP down when that is too much.
const SEND_BUFFER: usize = 256 * 1024;

/// A peer's TCP connection.
#[derive(Debug)]
pub(super) struct TcpSocket(TcpStream);

impl TcpSocket {
    /// Sets up an accepted connection, as `links` says.
    ///
    /// # Errors
    /// The connection is gone already.
    pub(super) fn new(stream: TcpStream, links: Links) -> io::Result<Self> {
        // Some systems let an accepted socket inherit the listener's non-blocking mode.
        stream.set_nonblocking(false)?;
        stream.set_nodelay(true)?;
        SockRef::from(&stream).set_send_buffer_size(SEND_BUFFER)?;
        find_dead_link(&stream, links)?;
        Ok(Self(stream))
    }

    /// Waits for what the client says and appends it to `buffer`, up to its capacity; 0 bytes are
    /// the end. Memory of the buffer that was never read into is never touched, so an idle client
    /// does not pay for it.
    ///
    /// # Errors
    /// The connection is broken.
    pub(super) fn read(&self, buffer: &mut Vec<u8>) -> io::Result<usize> {
        Ok(retry_on_intr(|| rustix::io::read(&self.0, spare_capacity(buffer)))?)
    }

    /// Tells a caller why there is no place for it, and hangs up. Nothing was sent to it yet, so this
    /// fits without waiting.
    pub(super) fn turn_away(&self, line: &str) {
        log::debug!("turned a client away: {line}");
        let _ = self.send_now(line.as_bytes());
        self.finish();
        // What was never read would reset the connection, and a reset can overtake the line.
        let mut unread = [0; 4096];
        for _ in 0..16 {
            match rustix::net::recv(&self.0, &mut unread, RecvFlags::DONTWAIT) {
                Ok((1.., _)) => {}
                _ => break,
            }
        }
    }

    /// Waits for an event up to a time, or for ever.
    fn poll(&self, events: PollFlags, time: Option<Duration>) -> PollFlags {
        let mut poll_fd = [PollFd::new(&self.0, events)];
        let time = time.and_then(|time| Timespec::try_from(time).ok());
        // Interrupted by a signal, it reports nothing, and the caller looks again.
        let _ = rustix::event::poll(&mut poll_fd, time.as_ref());
        poll_fd[0].revents()
    }
}

impl Socket for TcpSocket {
    fn send_now(&self, bytes: &[u8]) -> io::Result<usize> {
        match rustix::net::send(&self.0, bytes, SendFlags::DONTWAIT | NO_SIGNAL) {
            Err(rustix::io::Errno::AGAIN | rustix::io::Errno::INTR) => Ok(0),
            sent => Ok(sent?),
        }
    }

    fn send_waiting(&self, bytes: &[u8], time: Duration) -> io::Result<usize> {
        let deadline = Instant::now().checked_add(time);
        loop {
            let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
            self.poll(PollFlags::OUT, Some(left.map_or(LOOK, |left| left.min(LOOK))));
            match self.send_now(bytes) {
                Ok(0) if left != Some(Duration::ZERO) => {}
                sent => return sent,
            }
        }
    }

    fn wait_for_end(&self, time: Duration) -> bool {
        // The end is always reported, whatever is asked for.
        self.poll(PollFlags::empty(), Some(time)).intersects(PollFlags::HUP | PollFlags::ERR)
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

/// When the kernel gives up a link.
#[derive(Clone, Copy, Debug)]
pub struct Links {
    /// How long nothing may come back over an idle link; a second or more.
    pub idle: Duration,
    /// How long nothing that was sent may be taken; a second or more. A peer that does not read is
    /// no dead link, but the kernel counts it as one here: so this is no shorter than the time that
    /// such a peer has.
    pub sending: Duration,
}

/// Lets the kernel give up a link on which nothing comes back: probes while it is idle, and a
/// limit for data that is not taken.
fn find_dead_link(stream: &TcpStream, links: Links) -> io::Result<()> {
    let socket = SockRef::from(stream);
    // The system counts these in whole seconds, and takes none for an error.
    let [idle, interval] = [2, 6].map(|part| (links.idle / part).max(Duration::from_secs(1)));
    let keepalive = TcpKeepalive::new().with_time(idle).with_interval(interval).with_retries(3);
    socket.set_tcp_keepalive(&keepalive)?;
    #[cfg(target_os = "linux")]
    socket.set_tcp_user_timeout(Some(links.sending))?;
    Ok(())
}

/// Listens on the first of the addresses that works.
///
/// # Errors
/// None of them works: unknown host, address in use, not permitted.
pub(super) fn listen(address: &str) -> io::Result<TcpListener> {
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

/// Accepts no more, though the listener is still there. Where the system cannot do that,
/// callers wait until it is gone, and are turned away then.
pub(super) fn close_listener(listener: &TcpListener) {
    let _ = rustix::net::shutdown(listener, rustix::net::Shutdown::Both);
}
