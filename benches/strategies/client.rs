//! One simulated chat client: a closed loop with a fixed number of messages in flight. It checks
//! every byte of every message that it receives, and that none is missing, doubled or out of order.

use std::collections::VecDeque;
use std::io::{self, ErrorKind, Read, Write};
use std::marker::PhantomData;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use mio::net::TcpStream;

use crate::message;
use crate::protocols::Protocol;

/// At most this many bytes are kept for the next read: no frame is longer.
const LONGEST_FRAME: usize = 2048;
/// Latencies are exact to 1 %.
const DIGITS: u8 = 2;
/// Length of a verse, which only fills buffers: the longest message that a server must allow.
const VERSE: usize = 1000;

/// The counters of all clients of a run together.
pub(crate) struct Tally {
    /// The number of the first client. A server may still send lines of an earlier run, whose
    /// clients have lower numbers.
    pub(crate) first: u32,
    pub(crate) deliveries: u64,
    /// In nanoseconds.
    pub(crate) latencies: Histogram<u64>,
    /// Messages that were damaged, doubled or out of order.
    pub(crate) wrong: u64,
    /// Messages that are missing before a later message of the same speaker.
    pub(crate) missing: u64,
    /// Clients that have not yet received an own message.
    pub(crate) unheard: usize,
    pub(crate) last_arrival: Instant,
}

impl Tally {
    pub(crate) fn new(first: u32, clients: usize) -> Self {
        Self {
            first,
            deliveries: 0,
            latencies: Histogram::new(DIGITS).expect("the number of digits is allowed"),
            wrong: 0,
            missing: 0,
            unheard: clients,
            last_arrival: Instant::now(),
        }
    }
}

/// Adds a latency to a histogram, in nanoseconds.
pub(crate) fn record(latencies: &mut Histogram<u64>, latency: Duration) {
    let nanoseconds = u64::try_from(latency.as_nanos()).unwrap_or(u64::MAX);
    latencies.record(nanoseconds).expect("this histogram grows");
}

/// How a client behaves in this run.
#[derive(Clone, Copy)]
pub(crate) struct Manner {
    /// Whether each message gets a `write` of its own.
    pub(crate) one_by_one: bool,
    /// Whether a message that has come back is answered with the next one.
    pub(crate) talks: bool,
}

/// One buffer serves all connections. It stays in the processor's cache, and an idle connection
/// needs no memory. An incomplete frame is copied to the front of the next read.
pub(crate) struct ReadBuffer(Vec<u8>);

impl ReadBuffer {
    pub(crate) fn new(size: usize) -> Self {
        Self(vec![0; LONGEST_FRAME + size])
    }
}

pub(crate) struct Client<P> {
    receiving: TcpStream,
    /// None if the client publishes through the connection on which it receives.
    publishing: Option<TcpStream>,
    number: u32,
    said: u32,
    in_flight: VecDeque<Instant>,
    /// The next message, but for its numbers.
    message: Vec<u8>,
    unsent: Vec<u8>,
    carried: Vec<u8>,
    /// For each speaker, the number of the next message. None before the first one: a server may
    /// accept a client while others already speak.
    expected: Vec<Option<u32>>,
    protocol: PhantomData<P>,
}

impl<P: Protocol> Client<P> {
    pub(crate) fn new(
        number: u32,
        speakers: usize,
        bytes: usize,
        receiving: TcpStream,
        publishing: Option<TcpStream>,
    ) -> Self {
        Self {
            receiving,
            publishing,
            number,
            said: 0,
            in_flight: VecDeque::new(),
            message: message::template(bytes),
            unsent: Vec::new(),
            carried: Vec::with_capacity(LONGEST_FRAME),
            expected: vec![None; speakers],
            protocol: PhantomData,
        }
    }

    /// How many messages this client has sent.
    pub(crate) fn said(&self) -> u32 {
        self.said
    }

    /// How many messages of a speaker are missing, if the speaker has said `said`. None of a speaker
    /// that this client never heard: then the server has accepted it only now.
    pub(crate) fn misses(&self, speaker: usize, said: u32) -> u32 {
        self.expected[speaker].map_or(0, |expected| said - expected)
    }

    /// The send times of the messages that have not come back.
    pub(crate) fn waiting_since(&self) -> impl Iterator<Item = Instant> {
        self.in_flight.iter().copied()
    }

    /// Sends `count` new messages.
    pub(crate) fn say(&mut self, count: usize, manner: Manner) -> io::Result<()> {
        let now = Instant::now();
        for _ in 0..count {
            message::number_it(&mut self.message, self.number, self.said);
            P::pack(&self.message, &mut self.unsent);
            self.said += 1;
            self.in_flight.push_back(now);
            if manner.one_by_one {
                self.flush()?;
            }
        }
        self.flush()
    }

    /// Sends about `bytes` in long messages. Waits for none of them.
    pub(crate) fn recite(&mut self, bytes: usize) -> io::Result<()> {
        let mut verse = vec![b'.'; VERSE];
        verse.push(b'\n');
        for _ in 0..bytes / verse.len() {
            P::pack(&verse, &mut self.unsent);
        }
        self.flush()
    }

    pub(crate) fn flush(&mut self) -> io::Result<()> {
        let socket = self.publishing.as_mut().unwrap_or(&mut self.receiving);
        while !self.unsent.is_empty() {
            match socket.write(&self.unsent) {
                Ok(written) => drop(self.unsent.drain(..written)),
                Err(e) if e.kind() == ErrorKind::WouldBlock => break,
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Err(e) => return Err(e),
            }
        }
        Ok(())
    }

    /// Reads the data that has arrived, and answers the client's own messages in it. With
    /// `to_the_end`, it reads until the system says that no data is left. Otherwise it stops after
    /// a short read, which saves half of the system calls.
    pub(crate) fn receive(
        &mut self,
        buffer: &mut ReadBuffer,
        tally: &mut Tally,
        manner: Manner,
        to_the_end: bool,
    ) -> io::Result<()> {
        loop {
            let start = LONGEST_FRAME - self.carried.len();
            buffer.0[start..LONGEST_FRAME].copy_from_slice(&self.carried);
            let space = buffer.0.len() - LONGEST_FRAME;
            let read = match self.receiving.read(&mut buffer.0[LONGEST_FRAME..]) {
                Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
                Ok(read) => read,
                Err(e) if e.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(e) if e.kind() == ErrorKind::Interrupted => continue,
                Err(e) => return Err(e),
            };
            let waited = self.in_flight.len();
            let rest = self.check(&buffer.0[start..LONGEST_FRAME + read], tally)?;
            if rest.len() > LONGEST_FRAME {
                return Err(io::Error::new(ErrorKind::InvalidData, "a frame without an end"));
            }
            self.carried.clear();
            self.carried.extend_from_slice(rest);

            let returned = waited - self.in_flight.len();
            if returned > 0 && manner.talks {
                self.say(returned, manner)?;
            }
            if read < space && !to_the_end {
                return Ok(());
            }
        }
    }

    /// Checks all whole frames, and returns the rest.
    fn check<'b>(&mut self, mut bytes: &'b [u8], tally: &mut Tally) -> io::Result<&'b [u8]> {
        let now = Instant::now();
        tally.last_arrival = now;
        while let Some(frame) = P::first_frame(bytes)? {
            bytes = &bytes[frame.length..];
            match message::read(frame.message) {
                Some((speaker, sequence)) => self.hear(speaker, sequence, now, tally),
                None if frame.message == message::ANONYMOUS => tally.deliveries += 1,
                // A damaged message. All else is a verse, or a notice of the server.
                None => tally.wrong += u64::from(frame.message.first() == Some(&b'c')),
            }
        }
        Ok(bytes)
    }

    fn hear(&mut self, speaker: u32, sequence: u32, now: Instant, tally: &mut Tally) {
        let slot = speaker.checked_sub(tally.first).and_then(|slot| usize::try_from(slot).ok());
        let Some(expected) = slot.and_then(|slot| self.expected.get_mut(slot)) else { return };
        tally.deliveries += 1;
        let next = expected.unwrap_or(sequence);
        let Some(missing) = sequence.checked_sub(next) else { return tally.wrong += 1 };
        tally.missing += u64::from(missing);
        if speaker == self.number {
            tally.unheard -= usize::from(expected.is_none());
            // Of several, only the last has come back.
            for _ in 0..missing {
                self.in_flight.pop_front();
            }
            if let Some(sent) = self.in_flight.pop_front() {
                record(&mut tally.latencies, now - sent);
            }
        }
        *expected = Some(sequence + 1);
    }

    /// Redis answers each PUBLISH with a number, and ZeroMQ sends subscriptions. Both are skipped.
    pub(crate) fn discard_replies(&mut self, buffer: &mut ReadBuffer) -> io::Result<()> {
        let Some(socket) = &mut self.publishing else { return Ok(()) };
        match socket.read(&mut buffer.0) {
            Ok(0) => Err(ErrorKind::UnexpectedEof.into()),
            Err(e) if e.kind() != ErrorKind::WouldBlock => Err(e),
            _ => Ok(()),
        }
    }
}
