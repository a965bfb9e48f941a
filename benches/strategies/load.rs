//! The load generator: one thread that plays all clients of a room at once. It must be able to take
//! in far more than any server under test can send, hence one `epoll` loop, one `recv` for whatever
//! has piled up on a socket, and one `send` for all the answers it calls for.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};

use mio::{Events, Interest, Poll, Token};
use socket2::{Domain, Socket, Type};

use crate::client::{Client, Protocol, ReadBuffer, Tally, line_of_nobody};
use crate::cpu;
use crate::histogram::Histogram;

/// Large enough that a system call is cheap per line, small enough to stay in the L2 cache.
const READ_SIZE: usize = 256 * 1024;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How often the loop looks at the clock when nothing arrives.
const TICK: Duration = Duration::from_millis(20);
const SUBSCRIBE: &[u8] = b"*2\r\n$9\r\nSUBSCRIBE\r\n$4\r\nroom\r\n";
const SUBSCRIBED: &[u8] = b"*3\r\n$9\r\nsubscribe\r\n$4\r\nroom\r\n:1\r\n";

#[derive(Clone)]
pub(crate) struct Load {
    pub(crate) protocol: Protocol,
    pub(crate) clients: usize,
    /// Messages each client keeps on their way; 0 makes mere listeners.
    pub(crate) in_flight: usize,
    /// Peers that join, say one line, and never read.
    pub(crate) stalled: usize,
    /// The shortest warm-up. It lasts until everyone has heard itself, or four times as long.
    pub(crate) warm_up: Duration,
    pub(crate) window: Duration,
}

/// What one run came to, all of it within the measured window unless it says otherwise.
pub(crate) struct Outcome {
    pub(crate) window: Duration,
    pub(crate) deliveries: u64,
    /// Messages that never came back count with their age, so that a frozen server looks frozen.
    pub(crate) p50: Option<Duration>,
    pub(crate) p99: Option<Duration>,
    pub(crate) server_cpu: Option<Duration>,
    pub(crate) own_cpu: Option<Duration>,
    /// From connecting onwards: reading clients that the server dropped.
    pub(crate) dropped: usize,
    pub(crate) out_of_order: u64,
    pub(crate) notices: u64,
}

impl Load {
    /// Runs against a server at `addr`, whose CPU time is read from process `pid` if that is known.
    pub(crate) fn run(
        &self,
        addr: SocketAddr,
        pid: Option<u32>,
        stop: &AtomicBool,
    ) -> io::Result<Outcome> {
        let mut poll = Poll::new()?;
        let mut clients = self.connect(addr, &poll)?;
        let _silent_peers = (0..self.stalled)
            .map(|_| self.connect_stalled(addr))
            .collect::<io::Result<Vec<_>>>()?;

        let mut buffer = ReadBuffer::new(READ_SIZE);
        let unheard = if self.in_flight > 0 { self.clients } else { 0 };
        let mut tally = Tally {
            deliveries: 0,
            latencies: Histogram::new(),
            out_of_order: 0,
            notices: 0,
            unheard,
        };
        let mut dropped = 0;
        for client in clients.iter_mut().flatten() {
            client.say(self.in_flight)?;
        }

        let start = Instant::now();
        let mut window = None;
        let mut events = Events::with_capacity(1024);
        let window = loop {
            poll.poll(&mut events, Some(TICK)).or_else(ignore_interruption)?;
            for event in &events {
                let Token(token) = event.token();
                let slot = &mut clients[token / 2];
                let Some(client) = slot else { continue };
                let done = if token % 2 == 1 {
                    client.discard_replies(&mut buffer)
                } else {
                    client.receive(&mut buffer, &mut tally, event.is_read_closed())
                };
                if done.and_then(|()| client.flush()).is_err() {
                    *slot = None;
                    dropped += 1;
                }
            }
            let warm = start.elapsed();
            match &window {
                None if warm >= self.warm_up && tally.unheard == 0 || warm >= self.warm_up * 4 => {
                    window = Some(Window::open(&mut tally, pid));
                }
                Some(window) if window.start.elapsed() >= self.window => break window,
                _ => {}
            }
            if stop.load(Ordering::Relaxed) {
                return Err(io::Error::other("interrupted"));
            }
        };
        let mut outcome = window.close(tally, &clients, pid);
        outcome.dropped = dropped;
        Ok(outcome)
    }

    /// Connecting over loopback takes some 30 µs, so that one after the other is quick enough.
    fn connect(&self, addr: SocketAddr, poll: &Poll) -> io::Result<Vec<Option<Client>>> {
        /// Numbers are never used twice: a server may still be busy with a former run's lines.
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        (0..self.clients)
            .map(|index| {
                let receiving = connect_one(addr, self.protocol)?;
                receiving.set_nonblocking(true)?;
                let publishing = match self.protocol {
                    Protocol::Lines => None,
                    Protocol::Redis => {
                        let socket = connect_one(addr, Protocol::Lines)?;
                        socket.set_nonblocking(true)?;
                        Some(mio::net::TcpStream::from_std(socket))
                    }
                };
                let mut client = Client::new(
                    NUMBER.fetch_add(1, Ordering::Relaxed),
                    self.protocol,
                    mio::net::TcpStream::from_std(receiving),
                    publishing,
                );
                let both = Interest::READABLE | Interest::WRITABLE;
                let (receiving, publishing) = client.sockets();
                poll.registry().register(receiving, Token(index * 2), both)?;
                if let Some(publishing) = publishing {
                    poll.registry().register(publishing, Token(index * 2 + 1), both)?;
                }
                Ok(Some(client))
            })
            .collect()
    }

    /// The receive buffer is made small so that the server feels the silence early.
    fn connect_stalled(&self, addr: SocketAddr) -> io::Result<Socket> {
        let mut socket = Socket::new(Domain::for_address(addr), Type::STREAM, None)?;
        socket.set_recv_buffer_size(4096)?;
        socket.connect_timeout(&addr.into(), CONNECT_TIMEOUT)?;
        match self.protocol {
            Protocol::Lines => socket.write_all(&line_of_nobody())?,
            Protocol::Redis => socket.write_all(SUBSCRIBE)?,
        }
        Ok(socket)
    }
}

fn connect_one(addr: SocketAddr, protocol: Protocol) -> io::Result<TcpStream> {
    let mut socket = TcpStream::connect_timeout(&addr, CONNECT_TIMEOUT)?;
    socket.set_nodelay(true)?;
    if protocol == Protocol::Redis {
        socket.write_all(SUBSCRIBE)?;
        let mut reply = [0; SUBSCRIBED.len()];
        socket.read_exact(&mut reply)?;
        if reply != *SUBSCRIBED {
            return Err(io::Error::other("the server at this address does not speak Redis"));
        }
    }
    Ok(socket)
}

fn ignore_interruption(error: io::Error) -> io::Result<()> {
    if error.kind() == io::ErrorKind::Interrupted { Ok(()) } else { Err(error) }
}

/// The measured part of a run: what the counters showed when it began.
struct Window {
    start: Instant,
    deliveries: u64,
    server_cpu: Option<Duration>,
    own_cpu: Option<Duration>,
}

impl Window {
    fn open(tally: &mut Tally, pid: Option<u32>) -> Self {
        tally.latencies = Histogram::new();
        Self {
            start: Instant::now(),
            deliveries: tally.deliveries,
            server_cpu: pid.and_then(cpu::time_of),
            own_cpu: cpu::time_of(std::process::id()),
        }
    }

    fn close(&self, mut tally: Tally, clients: &[Option<Client>], pid: Option<u32>) -> Outcome {
        let window = self.start.elapsed();
        let since =
            |before: Option<Duration>, pid| Some(cpu::time_of(pid)?.saturating_sub(before?));
        for sent in clients.iter().flatten().flat_map(Client::waiting_since) {
            if sent < self.start {
                tally.latencies.record(sent.elapsed());
            }
        }
        Outcome {
            window,
            deliveries: tally.deliveries - self.deliveries,
            p50: tally.latencies.quantile(0.50),
            p99: tally.latencies.quantile(0.99),
            server_cpu: pid.and_then(|pid| since(self.server_cpu, pid)),
            own_cpu: since(self.own_cpu, std::process::id()),
            dropped: 0,
            out_of_order: tally.out_of_order,
            notices: tally.notices,
        }
    }
}
