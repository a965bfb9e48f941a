//! The load generator: one thread that plays all clients of a room at once. It must receive far
//! more than any server under test can send. So it has one `epoll` loop, one `recv` for all waiting
//! data of a socket, and (unless messages are sent one by one) one `send` for all answers to it.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};

use mio::{Events, Poll, Token};

use crate::client::{Client, Manner, ReadBuffer, Tally, record};
use crate::connect::{Address, connect_clients, connect_silent};
use crate::cpu;
use crate::protocols::Protocol;

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
/// The warm-up if some peers do not read: a server needs time to find out about them.
const SILENT_WARM_UP: Duration = Duration::from_secs(3);
/// If nothing has arrived for this long, nothing more is expected.
const PATIENCE: Duration = Duration::from_millis(300);
/// How long a server may take after the window to deliver what was said, and how long it may pause
/// meanwhile. If it delivers until the end of the limit, it is slow, and has lost nothing.
const EPILOGUE_LIMIT: Duration = Duration::from_secs(3);
const EPILOGUE_PAUSE: Duration = Duration::from_secs(1);

#[derive(Clone)]
pub(crate) struct Load {
    pub(crate) clients: usize,
    /// The length of a message with its newline.
    pub(crate) bytes: usize,
    /// How many messages each client keeps in flight; 0 for clients that only listen.
    pub(crate) in_flight: usize,
    /// Whether each message gets a `write` of its own.
    pub(crate) one_by_one: bool,
    /// Peers that join besides the clients, and never read.
    pub(crate) silent: usize,
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
    /// From the start of the run: messages that were damaged, doubled or out of order.
    pub(crate) wrong: u64,
    /// From the start of the run: messages that a client did not receive.
    pub(crate) missing: u64,
}

impl Load {
    /// Runs against a server at `address`. Reads its CPU time from process `pid`, if that is known.
    pub(crate) fn run<P: Protocol>(
        &self,
        address: Address,
        pid: Option<u32>,
        stop: &AtomicBool,
    ) -> io::Result<Outcome> {
        /// Numbers are never used twice, because a server may still send lines of an earlier run.
        static NUMBER: AtomicU32 = AtomicU32::new(0);

        let count = u32::try_from(self.clients).map_err(io::Error::other)?;
        let first = NUMBER.fetch_add(count, Ordering::Relaxed);
        let poll = Poll::new()?;
        let mut crowd = Crowd::<P> {
            clients: connect_clients(address, first, self.clients, self.bytes, poll.registry())?,
            poll,
            buffer: ReadBuffer::new(READ_SIZE),
            tally: Tally::new(first, if self.in_flight > 0 { self.clients } else { 0 }),
            manner: Manner { one_by_one: self.one_by_one, talks: true },
            dropped: 0,
            stop,
        };
        let _silent = (0..self.silent)
            .map(|_| connect_silent::<P>(address))
            .collect::<io::Result<Vec<_>>>()?;

        if self.silent > 0
            && let Some(speaker) = crowd.clients.iter_mut().flatten().next()
        {
            speaker.recite(PROLOGUE)?;
            speaker.say(self.in_flight, crowd.manner)?;
            crowd.live(PROLOGUE_LIMIT, |crowd| {
                crowd.tally.unheard < self.clients || crowd.is_quiet_for(PATIENCE)
            })?;
        }
        let warm_up = if self.silent > 0 { self.warm_up.max(SILENT_WARM_UP) } else { self.warm_up };
        let start = Instant::now();
        let quiet = crowd.clients.iter_mut().flatten().skip(usize::from(self.silent > 0));
        for client in quiet.take_while(|_| start.elapsed() < warm_up * 2) {
            client.say(self.in_flight, crowd.manner)?;
        }
        crowd.live(warm_up, |_| false)?;
        crowd
            .live(warm_up * 2, |crowd| crowd.tally.unheard == 0 || crowd.is_quiet_for(PATIENCE))?;

        let window = Window::open(&mut crowd.tally, pid);
        crowd.live(self.window, |_| false)?;
        let mut outcome = window.close(&crowd, pid);

        crowd.manner.talks = false;
        crowd.live(EPILOGUE_LIMIT, |crowd| {
            crowd.is_quiet_for(EPILOGUE_PAUSE) || crowd.is_quiet_for(TICK) && crowd.misses() == 0
        })?;
        if crowd.is_quiet_for(EPILOGUE_PAUSE) {
            crowd.tally.missing += crowd.misses();
        }
        (outcome.dropped, outcome.wrong) = (crowd.dropped, crowd.tally.wrong);
        outcome.missing = crowd.tally.missing;
        Ok(outcome)
    }
}

/// All clients of a run, and their counters.
struct Crowd<'a, P> {
    poll: Poll,
    /// None if the server has closed the connection.
    clients: Vec<Option<Client<P>>>,
    buffer: ReadBuffer,
    tally: Tally,
    manner: Manner,
    dropped: usize,
    stop: &'a AtomicBool,
}

impl<P: Protocol> Crowd<'_, P> {
    /// Keeps the conversation going until the time limit, or until it has made enough progress.
    fn live(&mut self, limit: Duration, enough: impl Fn(&Self) -> bool) -> io::Result<()> {
        let start = Instant::now();
        let mut events = Events::with_capacity(TURN);
        while start.elapsed() < limit && !enough(self) {
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
            let to_the_end = event.is_read_closed();
            client.receive(&mut self.buffer, &mut self.tally, self.manner, to_the_end)
        };
        if done.and_then(|()| client.flush()).is_err() {
            *slot = None;
            self.dropped += 1;
        }
    }

    fn is_quiet_for(&self, time: Duration) -> bool {
        self.tally.last_arrival.elapsed() > time
    }

    /// How many messages have not arrived, of speakers and at clients that are still connected.
    fn misses(&self) -> u64 {
        let said = |client: &Option<Client<P>>| client.as_ref().map(Client::said);
        let said: Vec<Option<u32>> = self.clients.iter().map(said).collect();
        let of_client = |client: &Client<P>| -> u64 {
            let speakers = said.iter().enumerate();
            speakers.filter_map(|(at, said)| Some(u64::from(client.misses(at, (*said)?)))).sum()
        };
        self.clients.iter().flatten().map(of_client).sum()
    }
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
        tally.latencies.reset();
        Self {
            start: Instant::now(),
            deliveries: tally.deliveries,
            server_cpu: pid.and_then(cpu::time_of),
            generator_cpu: cpu::time_of(std::process::id()),
        }
    }

    fn close<P: Protocol>(&self, crowd: &Crowd<'_, P>, pid: Option<u32>) -> Outcome {
        let window = self.start.elapsed();
        let since = |before: Option<Duration>, pid| cpu::time_of(pid)?.checked_sub(before?);
        let (server_cpu, generator_cpu) = (
            pid.and_then(|pid| since(self.server_cpu, pid)),
            since(self.generator_cpu, std::process::id()),
        );
        let mut latencies = crowd.tally.latencies.clone();
        for sent in crowd.clients.iter().flatten().flat_map(Client::waiting_since) {
            if sent < self.start {
                record(&mut latencies, sent.elapsed());
            }
        }
        let quantile = |share| {
            (!latencies.is_empty())
                .then(|| Duration::from_nanos(latencies.value_at_quantile(share)))
        };
        Outcome {
            window,
            deliveries: crowd.tally.deliveries - self.deliveries,
            p50: quantile(0.50),
            p99: quantile(0.99),
            server_cpu,
            generator_cpu,
            dropped: 0,
            wrong: 0,
            missing: 0,
        }
    }
}
