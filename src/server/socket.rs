//! The room's socket over TCP: sends that do not wait, sends that wait a little, and the options
//! that find dead connections. Most code for a single platform is here and in `limits.rs`.

use std::io;
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use rustix::buffer::spare_capacity;
use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::io::{Errno, retry_on_intr};
use rustix::net::{RecvFlags, SendFlags};
use socket2::{SockRef, TcpKeepalive};

use crate::room::Socket;

/// How often a waiting send looks for free space: the kernel reports it only when a third of its
/// buffer is free.
const SPACE_LOOK: Duration = Duration::from_millis(100);

/// How many bytes the kernel may hold for a peer (Linux takes twice that, for its own records).
/// Without a limit, it would hold megabytes for each of a thousand peers that do not read, and slow
/// down the TCP of the whole machine.
const SEND_BUFFER: usize = 256 * 1024;

/// A peer's TCP connection.
#[derive(Debug)]
pub(super) struct TcpSocket {
    stream: TcpStream,
    /// Given back after the descriptor above is closed, for fields are dropped in their order.
    _place: Arc<()>,
}

impl TcpSocket {
    /// Sets up an accepted connection, as `timeouts` says. It takes up `place` until it is closed.
    pub(super) fn new(stream: TcpStream, timeouts: Timeouts, place: Arc<()>) -> io::Result<Self> {
        // Some systems let an accepted socket inherit the listener's non-blocking mode.
        stream.set_nonblocking(false)?;
        stream.set_nodelay(true)?;
        SockRef::from(&stream).set_send_buffer_size(SEND_BUFFER)?;
        find_dead_link(&stream, timeouts)?;
        Ok(Self { stream, _place: place })
    }

    /// Waits for bytes of the client and appends them to `buffer`, up to its capacity. 0 bytes are the
    /// end. Unused memory of the buffer is never touched, so an idle client takes none.
    pub(super) fn read(&self, buffer: &mut Vec<u8>) -> io::Result<usize> {
        Ok(retry_on_intr(|| rustix::io::read(&self.stream, spare_capacity(buffer)))?)
    }

    /// Like [`TcpSocket::read`], but returns nothing if no bytes are there yet.
    pub(super) fn read_now(&self, buffer: &mut Vec<u8>) -> io::Result<Option<usize>> {
        match rustix::net::recv(&self.stream, spare_capacity(buffer), RecvFlags::DONTWAIT) {
            Err(Errno::AGAIN | Errno::INTR) => Ok(None),
            read => Ok(Some(read?.0)),
        }
    }

    /// Sends a caller the reason why it is refused, and hangs up. This does not wait: nothing was sent
    /// before, so the line fits.
    pub(super) fn turn_away(&self, line: &str) {
        log::debug!("turned a client away: {line}");
        let _ = self.send_now(line.as_bytes());
        self.finish();
        // Unread bytes would reset the connection, and a reset can overtake the line.
        let _ = self.read_now(&mut Vec::with_capacity(64 * 1024));
    }

    fn poll(&self, events: PollFlags, time: Duration) -> PollFlags {
        let mut poll_fd = [PollFd::new(&self.stream, events)];
        // Interrupted by a signal, it reports nothing, and the caller looks again.
        let _ = rustix::event::poll(&mut poll_fd, Timespec::try_from(time).ok().as_ref());
        poll_fd[0].revents()
    }
}

impl Socket for TcpSocket {
    // A send to a closed connection raises SIGPIPE. The standard library makes a program ignore it.
    fn send_now(&self, bytes: &[u8]) -> io::Result<usize> {
        match rustix::net::send(&self.stream, bytes, SendFlags::DONTWAIT) {
            Err(Errno::AGAIN | Errno::INTR) => Ok(0),
            sent => Ok(sent?),
        }
    }

    fn send_waiting(&self, bytes: &[u8], time: Duration) -> io::Result<usize> {
        let deadline = Instant::now() + time;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            self.poll(PollFlags::OUT, left.min(SPACE_LOOK));
            match self.send_now(bytes) {
                Ok(0) if !left.is_zero() => {}
                sent => return sent,
            }
        }
    }

    fn wait_for_end(&self, time: Duration) -> bool {
        let begin = Instant::now();
        let ended = PollFlags::HUP | PollFlags::ERR;
        // Linux reports the end in any case. XNU reports it only if it is asked for, and there it may
        // also be the end of the peer's side alone: then this side can still send.
        let has_ended = self.poll(PollFlags::HUP, time).intersects(ended)
            && self.poll(PollFlags::OUT, Duration::ZERO).intersects(ended);
        if !has_ended {
            // XNU also returns at once if there is something to read. A connection that ends now is
            // noticed the next time: nobody waits for more than 0.1 s at once.
            thread::sleep(time.saturating_sub(begin.elapsed()));
        }
        has_ended
    }

    fn finish(&self) {
        let _ = self.stream.shutdown(Shutdown::Write);
    }

    fn shut(&self) {
        // It may be shut already, by the other side.
        let _ = self.stream.shutdown(Shutdown::Both);
    }
}

/// When the kernel gives up a connection.
#[derive(Clone, Copy, Debug)]
pub struct Timeouts {
    /// About how long an idle peer may stay without an answer to probes. The system counts whole
    /// seconds, so less than six seconds become up to three seconds more.
    pub idle: Duration,
    /// How long a peer may take nothing of the sent bytes; a second or more. The kernel counts a living
    /// peer that does not read as dead here, so this is no shorter than the time that such a peer
    /// has.
    pub sending: Duration,
}

/// Lets the kernel give up a dead connection: with probes while it is idle, and with a time limit for
/// data that the peer does not take.
fn find_dead_link(stream: &TcpStream, timeouts: Timeouts) -> io::Result<()> {
    let socket = SockRef::from(stream);
    // The system counts whole seconds, and refuses 0.
    let [idle, interval] = [2, 6].map(|part| (timeouts.idle / part).max(Duration::from_secs(1)));
    let keepalive = TcpKeepalive::new().with_time(idle).with_interval(interval).with_retries(3);
    socket.set_tcp_keepalive(&keepalive)?;
    #[cfg(target_os = "linux")]
    socket.set_tcp_user_timeout(Some(timeouts.sending))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::net::{Shutdown, TcpListener, TcpStream};
    use std::sync::Arc;
    use std::time::{Duration, Instant};

    use socket2::SockRef;

    use super::TcpSocket;
    use crate::room::Socket;

    #[test]
    fn a_connection_ends_when_both_sides_have_ended() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("its address");
        let mut peer = TcpStream::connect(address).expect("a connection");
        let stream = listener.accept().expect("the connection").0;
        let socket = TcpSocket { stream, _place: Arc::default() };
        let waits_in_vain = || {
            let begin = Instant::now();
            !socket.wait_for_end(Duration::from_millis(50)) && begin.elapsed().as_millis() >= 50
        };
        assert!(waits_in_vain());
        peer.write_all(b"unread").expect("there is space");
        assert!(waits_in_vain(), "there is something to read");
        peer.shutdown(Shutdown::Write).expect("it is open");
        assert!(waits_in_vain(), "the peer can still read");
        SockRef::from(&peer).set_linger(Some(Duration::ZERO)).expect("an option");
        drop(peer);
        let begin = Instant::now();
        assert!((0..60).any(|_| socket.wait_for_end(Duration::from_secs(1))));
        assert!(begin.elapsed() < Duration::from_secs(60));
    }
}
