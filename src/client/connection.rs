//! One connection of the client: a thread that connects and reads, a thread that writes, and channels.
//! So the event loop never waits for the network.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream, ToSocketAddrs};
use std::thread::Builder;
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender};
use socket2::{SockRef, TcpKeepalive};

use super::{Config, Introduction};
use crate::protocol::{self, Chunks, Found, Framing, Lines};

/// How long one address may take to accept the connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// When a connection counts as dead, for example behind a pulled cable: for this long, the server's
/// machine has sent nothing back, or it has taken no data.
const DEAD_LINK: Duration = Duration::from_secs(15);

/// The longest line that a client reads, in bytes. Sanitizing can make a line three times as long.
/// A server may also accept longer lines than this client sends.
const LONGEST: usize = 16 * 1024 * 1024;

/// How many reads may wait to be shown. When this many wait, the client stops reading, and the
/// server keeps the backlog.
const READS: usize = 64;

/// How long a client waits between its name and its first message. The other side may have to start
/// a thread first, and could otherwise read both as one message.
const INTRODUCTION: Duration = Duration::from_millis(200);

/// The pause between raw messages if the server sends no echo for which the client could wait. With
/// an echo there is no pause, because each message waits for the one before. A program with a window
/// may draw for 80 ms before it reads again.
const RAW_GAP: Duration = Duration::from_millis(100);

/// An event of a connection, or of the attempt to make one.
#[derive(Debug)]
pub(super) enum Received {
    Dialed(io::Result<Connection>),
    /// One read, as messages.
    Messages(Vec<String>),
    /// Without an echo: the network has taken these lines.
    Sent(Vec<String>),
    /// The other side closed the connection, or it broke.
    Closed(Option<io::Error>),
}

#[derive(Debug)]
pub(super) struct Connection {
    stream: TcpStream,
    /// None: no more lines are sent, but messages still arrive.
    pub outgoing: Option<Sender<String>>,
    pub local_port: u16,
}

/// Starts a thread that connects and then reads. All that it brings arrives on the channel: first the
/// outcome, also if the thread cannot start.
pub(super) fn dial(config: &Config) -> Receiver<Received> {
    let (events, received) = crossbeam_channel::bounded(READS);
    let (config, not_started) = (config.clone(), events.clone());
    let started = Builder::new().name("reader".to_owned()).spawn(move || {
        log::trace!("connects to {}", config.address);
        if let Err(error) = connect_and_read(&config, &events) {
            let _ = events.send(Received::Dialed(Err(error)));
        }
    });
    let _ = started.map_err(|error| not_started.send(Received::Dialed(Err(error))));
    received
}

fn connect_and_read(config: &Config, events: &Sender<Received>) -> io::Result<()> {
    let framing = config.framing;
    let mut stream = connect(&config.address)?;
    stream.set_nodelay(true)?;
    find_dead_link(&stream)?;
    if config.introduce != Introduction::No {
        let end = if framing == Framing::Lines { "\n" } else { "" };
        stream.write_all(format!("{}{end}", config.name).as_bytes())?;
        std::thread::sleep(INTRODUCTION);
    }
    let local_port = stream.local_addr()?.port();
    let (reading, writing) = (stream.try_clone()?, stream.try_clone()?);
    let (outgoing, lines) = crossbeam_channel::unbounded();
    let connection = Connection { stream, outgoing: Some(outgoing), local_port };
    let sent = config.local_echo.then(|| events.clone());
    Builder::new()
        .name("writer".to_owned())
        .spawn(move || write(&writing, framing, &lines, sent.as_ref()))?;
    // If nobody waits for the connection any more, it is dropped here, and so it ends.
    if events.send(Received::Dialed(Ok(connection))).is_ok() {
        read(&reading, framing, events);
    }
    Ok(())
}

fn connect(address: &str) -> io::Result<TcpStream> {
    let mut failure = io::Error::new(io::ErrorKind::NotFound, "no such host");
    let host_and_port = protocol::host_and_port(address).unwrap_or((address, 0));
    for address in host_and_port.to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, CONNECT_TIMEOUT) {
            // Dialing a free port of this machine can, rarely, reach the very socket that dials.
            Ok(stream) if stream.local_addr().ok() == stream.peer_addr().ok() => {
                failure = io::ErrorKind::ConnectionRefused.into();
            }
            Ok(stream) => return Ok(stream),
            Err(error) => failure = error,
        }
    }
    Err(failure)
}

/// Makes the kernel give up a dead connection. It probes an idle connection, and it limits the time
/// for data that is not acknowledged.
fn find_dead_link(stream: &TcpStream) -> io::Result<()> {
    let socket = SockRef::from(stream);
    let third = DEAD_LINK / 3;
    let keepalive = TcpKeepalive::new().with_time(third).with_interval(third).with_retries(2);
    socket.set_tcp_keepalive(&keepalive)?;
    #[cfg(target_os = "linux")]
    socket.set_tcp_user_timeout(Some(DEAD_LINK))?;
    Ok(())
}

impl Connection {
    /// Queues a line; the writer sends it as soon as the network takes it.
    pub(super) fn send(&self, line: &str) {
        if let Some(outgoing) = &self.outgoing {
            // If the writer has ended, the connection has ended too, and the reader reports it.
            let _ = outgoing.send(line.to_owned());
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        let _ = self.stream.shutdown(Shutdown::Both);
    }
}

fn read(mut stream: &TcpStream, framing: Framing, events: &Sender<Received>) {
    let (mut cutter, mut chunks) = (Lines::new(LONGEST), Chunks::default());
    let mut buffer =
        vec![0; if framing == Framing::Raw { protocol::RAW_MESSAGE } else { 16 * 1024 }];
    loop {
        let length = match stream.read(&mut buffer) {
            Ok(length @ 1..) => length,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            end => {
                let _ = events.send(Received::Closed(end.err()));
                return;
            }
        };
        let mut lines = Vec::new();
        match framing {
            Framing::Lines => cutter.feed(&buffer[..length], |found| match found {
                Found::Line(line) => lines.push(protocol::sanitized(line)),
                Found::TooLong => lines.push("* A line was too long to show".to_owned()),
            }),
            Framing::Raw => {
                let message = chunks.feed(&buffer[..length]);
                lines.extend(message.map(|message| protocol::sanitized_raw(&message)));
            }
        }
        log::trace!("reads lines: {}", lines.len());
        if !lines.is_empty() && events.send(Received::Messages(lines)).is_err() {
            return;
        }
    }
}

fn write(
    mut stream: &TcpStream,
    framing: Framing,
    lines: &Receiver<String>,
    sent: Option<&Sender<Received>>,
) {
    while let Ok(line) = lines.recv() {
        let (mut taken, mut end) = (vec![line], "");
        if framing == Framing::Lines {
            taken.extend(lines.try_iter());
            end = "\n";
        }
        let text: String = taken.iter().flat_map(|line| [line.as_str(), end]).collect();
        log::trace!("sends lines: {}", taken.len());
        // The reader reports the failure: it sees it too, and reads the messages that came before it.
        if stream.write_all(text.as_bytes()).is_err() {
            return;
        }
        if let Some(sent) = sent {
            let _ = sent.send(Received::Sent(taken));
            if framing == Framing::Raw {
                std::thread::sleep(RAW_GAP);
            }
        }
    }
    let _ = stream.shutdown(Shutdown::Write);
}
