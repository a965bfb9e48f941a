//! The load generator: one thread that plays all clients of a room at once. It must receive far
//! more than any server under test can send. So it has one `epoll` loop, one `recv` for all waiting
//! data of a socket, and one `send` for all answers to it.

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use mio::{Events, Poll, Token};

use crate::client::{Client, Protocol, ReadBuffer, Tally};
use crate::connect::{connect_clients, connect_stalled};
use crate::cpu;
use crate::histogram::Histogram;

/// Large enough that a system call is cheap per line, small enough to stay in the L2 cache.
const READ_SIZE: usize = 256 * 1024;
/// How often the loop looks at the clock when nothing arrives.
const TICK: Duration = Duration::from_millis(20);
/// How many sockets to handle between two looks at the clock. With a thousand competing threads of
/// the server, even that can take long.
const TURN: usize = 16;
/// How much the room receives before the measurement if some peers do not read. It must fill all
/// the system's buffers between a server and such a peer (some 2.3 MB on Linux).
const PROLOGUE: usize = 4 << 20;
const PROLOGUE_LIMIT: Duration = Duration::from_secs(10);
/// If a server has delivered nothing for this long before the measurement, the load generator stops
/// waiting.
const PATIENCE: Duration = Duration::from_millis(300);

#[derive(Clone)]
pub(crate) struct Load {
    pub(crate) protocol: Protocol,
    pub(crate) clients: usize,
    /// How many messages each client keeps in flight; 0 for clients that only listen.
    pub(crate) in_flight: usize,
    /// Peers that join besides the clients, and never read.
    pub(crate) stalled: usize,
    /// The shortest warm-up. It continues until every client has received an own line, up to a
    /// limit.
    pub(crate) warm_up: Duration,
    pub(crate) window: Duration,
}

/// The outcome of one run. Except where stated, it covers only the measured window.
pub(crate) struct Outcome {
    pub(crate) window: Duration,
    pub(crate) deliveries: u64,
    /// A message that was sent before the window, and did not come back in it, counts with its age.
    /// So a frozen server looks frozen.
    pub(crate) p50: Option<Duration>,
    pub(crate) p99: Option<Duration>,
    pub(crate) server_cpu: Option<Duration>,
    pub(crate) generator_cpu: Option<Duration>,
    /// From the start of the run: clients that read and that the server dropped.
    pub(crate) dropped: usize,
    /// From the start of the run: own lines that were lost, out of order or damaged.
    pub(crate) wrong: u64,
}

impl Load {
    /// Runs against a server at `addr`. Reads its CPU time from process `pid`, if that is known.
    pub(crate) fn run(
        &self,
        addr: SocketAddr,
        pid: Option<u32>,
        stop: &AtomicBool,
    ) -> io::Result<Outcome> {
        let poll = Poll::new()?;
        let mut crowd = Crowd {
            clients: connect_clients(addr, self.protocol, self.clients, poll.registry())?,
            poll,
            buffer: ReadBuffer::new(READ_SIZE),
            tally: Tally::new(if self.in_flight > 0 { self.clients } else { 0 }),
            dropped: 0,
            stop,
        };
        let _silent = (0..self.stalled)
            .map(|_| connect_stalled(addr, self.protocol))
            .collect::<io::Result<Vec<_>>>()?;

        if self.stalled > 0
            && let Some(speaker) = crowd.clients.iter_mut().flatten().next()
        {
            speaker.recite(PROLOGUE)?;
            speaker.say(self.in_flight)?;
            crowd.live(PROLOGUE_LIMIT, |tally| tally.unheard < self.clients || frozen(tally))?;
        }
        let start = Instant::now();
        let quiet = crowd.clients.iter_mut().flatten().skip(usize::from(self.stalled > 0));
        for client in quiet.take_while(|_| start.elapsed() < self.warm_up * 2) {
            client.say(self.in_flight)?;
        }
        crowd.live(self.warm_up, |_| false)?;
        crowd.live(self.warm_up * 2, |tally| tally.unheard == 0 || frozen(tally))?;

        let window = Window::open(&mut crowd.tally, pid);
        crowd.live(self.window, |_| false)?;
        Ok(window.close(crowd, pid))
    }
}

/// All clients of a run, and their counters.
struct Crowd<'a> {
    poll: Poll,
    /// None if the server has closed the connection.
    clients: Vec<Option<Client>>,
    buffer: ReadBuffer,
    tally: Tally,
    dropped: usize,
    stop: &'a AtomicBool,
}

impl Crowd<'_> {
    /// Keeps the conversation going until the time limit, or until it has made enough progress.
    fn live(&mut self, limit: Duration, enough: impl Fn(&Tally) -> bool) -> io::Result<()> {
        let start = Instant::now();
        let mut events = Events::with_capacity(TURN);
        while start.elapsed() < limit && !enough(&self.tally) {
            self.poll.poll(&mut events, Some(TICK)).or_else(ignore_interruption)?;
            for event in &events {
                self.attend(event);
            }
            if self.stop.load(Ordering::Relaxed) {
                return Err(io::Error::new(io::ErrorKind::Interrupted, "interrupted"));
            }
        }
        Ok(())
    }

    fn attend(&mut self, event: &mio::event::Event) {
        let Token(token) = event.token();
        let slot = &mut self.clients[token / 2];
        let Some(client) = slot else { return };
        let done = if token % 2 == 1 {
            client.discard_replies(&mut self.buffer)
        } else {
            client.receive(&mut self.buffer, &mut self.tally, event.is_read_closed())
        };
        if done.and_then(|()| client.flush()).is_err() {
            *slot = None;
            self.dropped += 1;
        }
    }
}

fn frozen(tally: &Tally) -> bool {
    tally.last_arrival.elapsed() > PATIENCE
}

fn ignore_interruption(error: io::Error) -> io::Result<()> {
    if error.kind() == io::ErrorKind::Interrupted { Ok(()) } else { Err(error) }
}

/// The measured part of a run: the counters at its beginning.
struct Window {
    start: Instant,
    deliveries: u64,
    server_cpu: Option<Duration>,
    generator_cpu: Option<Duration>,
}

impl Window {
    fn open(tally: &mut Tally, pid: Option<u32>) -> Self {
        tally.latencies = Histogram::new();
        Self {
            start: Instant::now(),
            deliveries: tally.deliveries,
            server_cpu: pid.and_then(cpu::time_of),
            generator_cpu: cpu::time_of(std::process::id()),
        }
    }

    fn close(&self, crowd: Crowd<'_>, pid: Option<u32>) -> Outcome {
        let window = self.start.elapsed();
        let since = |before: Option<Duration>, pid| cpu::time_of(pid)?.checked_sub(before?);
        let Crowd { clients, mut tally, dropped, .. } = crowd;
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
            generator_cpu: since(self.generator_cpu, std::process::id()),
            dropped,
            wrong: tally.wrong,
        }
    }
}
