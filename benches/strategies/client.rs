//! One simulated chat client: a closed loop with a fixed number of messages in flight. It knows
//! every line that must come back, so it notices if one of its messages is lost, doubled, reordered
//! or damaged. It finds its own lines by 8 bytes of each.

use std::collections::VecDeque;
use std::io::{self, ErrorKind, Read, Write};
use std::time::Instant;

use mio::net::TcpStream;

use crate::histogram::Histogram;

/// The length of every message with its newline, in both protocols.
pub(crate) const LINE: usize = 64;
/// `c000012:`, a client's name and colon as the chat writes them.
const TAG: usize = 8;
const SEQUENCE_DIGITS: usize = 12;

pub(crate) type Line = [u8; LINE];

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Protocol {
    /// One line is one message, echoed to everyone.
    Lines,
    /// Redis PUB/SUB: the same line as the payload of a channel.
    Redis,
}

/// How a PUBLISH starts; length and payload follow.
const PUBLISH: &[u8] = b"*3\r\n$7\r\nPUBLISH\r\n$4\r\nroom\r\n";
/// The form in which Redis sends a line. Channel and length are fixed, so the stride is fixed as
/// well.
const PUSH: &[u8] = b"*3\r\n$7\r\nmessage\r\n$4\r\nroom\r\n$64\r\n";
const PUSH_STRIDE: usize = PUSH.len() + LINE + 2;
/// The longest frame of both protocols: at most this many bytes are kept for the next read.
const LONGEST_FRAME: usize = 128;

/// The counters of all clients of a run together.
pub(crate) struct Tally {
    pub(crate) deliveries: u64,
    pub(crate) latencies: Histogram,
    /// Own lines that were not the next expected line.
    pub(crate) wrong: u64,
    /// Clients that have not yet received an own line.
    pub(crate) unheard: usize,
    pub(crate) last_arrival: Instant,
}

impl Tally {
    pub(crate) fn new(clients: usize) -> Self {
        Self {
            deliveries: 0,
            latencies: Histogram::new(),
            wrong: 0,
            unheard: clients,
            last_arrival: Instant::now(),
        }
    }
}

/// One buffer serves all connections. It stays in the processor's cache, and an idle connection
/// needs no memory. An incomplete frame is copied to the front of the next read.
pub(crate) struct ReadBuffer(Vec<u8>);

impl ReadBuffer {
    pub(crate) fn new(size: usize) -> Self {
        Self(vec![0; LONGEST_FRAME + size])
    }
}

pub(crate) struct Client {
    protocol: Protocol,
    receiving: TcpStream,
    /// Redis allows a subscribed connection no other command, so the client publishes through a
    /// second connection.
    publishing: Option<TcpStream>,
    tag: [u8; TAG],
    sequence: u64,
    in_flight: VecDeque<(Line, Instant)>,
    unsent: Vec<u8>,
    carried: Vec<u8>,
    heard: bool,
}

impl Client {
    pub(crate) fn new(
        number: u32,
        protocol: Protocol,
        receiving: TcpStream,
        publishing: Option<TcpStream>,
    ) -> Self {
        Self {
            protocol,
            receiving,
            publishing,
            tag: tag(number),
            sequence: 0,
            in_flight: VecDeque::new(),
            unsent: Vec::new(),
            carried: Vec::with_capacity(LONGEST_FRAME),
            heard: false,
        }
    }

    /// The send times of the messages that have not come back.
    pub(crate) fn waiting_since(&self) -> impl Iterator<Item = Instant> {
        self.in_flight.iter().map(|(_, sent)| *sent)
    }

    /// Sends `count` new messages in one write.
    pub(crate) fn say(&mut self, count: usize) -> io::Result<()> {
        let now = Instant::now();
        for _ in 0..count {
            let line = line(self.tag, self.sequence);
            self.sequence += 1;
            self.queue(&line);
            self.in_flight.push_back((line, now));
        }
        self.flush()
    }

    /// Sends about `bytes` in messages of the greatest length that a server must allow. Waits for
    /// none of them.
    pub(crate) fn recite(&mut self, bytes: usize) -> io::Result<()> {
        let mut verse = vec![b'.'; 1000];
        verse.push(b'\n');
        for _ in 0..bytes / verse.len() {
            self.queue(&verse);
        }
        self.flush()
    }

    fn queue(&mut self, message: &[u8]) {
        match self.protocol {
            Protocol::Lines => self.unsent.extend_from_slice(message),
            Protocol::Redis => {
                self.unsent.extend_from_slice(PUBLISH);
                write!(self.unsent, "${}\r\n", message.len()).expect("memory takes all");
                self.unsent.extend_from_slice(message);
                self.unsent.extend_from_slice(b"\r\n");
            }
        }
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
            let bytes = &buffer.0[start..LONGEST_FRAME + read];
            let waited = self.in_flight.len();
            let rest = match self.protocol {
                Protocol::Lines => self.scan::<LINE, 0>(bytes, tally),
                Protocol::Redis => self.scan::<PUSH_STRIDE, { PUSH.len() }>(bytes, tally),
            };
            self.carried.clear();
            self.carried.extend_from_slice(rest);

            let returned = waited - self.in_flight.len();
            if returned > 0 {
                if !self.heard {
                    self.heard = true;
                    tally.unheard -= 1;
                }
                self.say(returned)?;
            }
            if read < space && !to_the_end {
                return Ok(());
            }
        }
    }

    /// Goes through frames of `STRIDE` bytes with a line at `AT`. Returns the rest.
    fn scan<'b, const STRIDE: usize, const AT: usize>(
        &mut self,
        mut bytes: &'b [u8],
        tally: &mut Tally,
    ) -> &'b [u8] {
        let own = u64::from_ne_bytes(self.tag);
        let now = Instant::now();
        tally.last_arrival = now;
        while let Some((frame, rest)) = bytes.split_first_chunk::<STRIDE>() {
            let line: &Line = frame[AT..].first_chunk().expect("a frame holds a line");
            let tag = line.first_chunk().expect("a line starts with a tag");
            if line[0] != b'c' || line[LINE - 1] != b'\n' {
                // This is not an own line: a verse, or a notice of the server. The stride starts
                // again after it.
                bytes = after_newline(bytes);
                continue;
            }
            if u64::from_ne_bytes(*tag) == own {
                match self.in_flight.pop_front() {
                    Some((expected, sent)) if expected == *line => {
                        tally.latencies.record(now - sent);
                    }
                    _ => tally.wrong += 1,
                }
            }
            tally.deliveries += 1;
            bytes = rest;
        }
        bytes
    }

    /// Redis answers each PUBLISH with a number, which is skipped.
    pub(crate) fn discard_replies(&mut self, buffer: &mut ReadBuffer) -> io::Result<()> {
        let Some(socket) = &mut self.publishing else { return Ok(()) };
        match socket.read(&mut buffer.0) {
            Ok(0) => Err(ErrorKind::UnexpectedEof.into()),
            Err(e) if e.kind() != ErrorKind::WouldBlock => Err(e),
            _ => Ok(()),
        }
    }
}

fn after_newline(bytes: &[u8]) -> &[u8] {
    let newline = bytes.iter().position(|&byte| byte == b'\n');
    newline.map_or(&[], |at| &bytes[at + 1..])
}

fn tag(number: u32) -> [u8; TAG] {
    let mut tag = *b"c000000:";
    write_digits(&mut tag[1..TAG - 1], number.into());
    tag
}

fn line(tag: [u8; TAG], sequence: u64) -> Line {
    let mut line = [b'x'; LINE];
    line[..TAG].copy_from_slice(&tag);
    line[TAG] = b' ';
    write_digits(&mut line[TAG + 1..][..SEQUENCE_DIGITS], sequence);
    line[TAG + 1 + SEQUENCE_DIGITS] = b' ';
    line[LINE - 1] = b'\n';
    line
}

/// The standard formatter would cost more than the send.
fn write_digits(digits: &mut [u8], mut number: u64) {
    for digit in digits.iter_mut().rev() {
        *digit = b"0123456789"[usize::try_from(number % 10).expect("one digit")];
        number /= 10;
    }
}

/// A message without a sender, for peers that are not measured.
pub(crate) fn line_of_nobody() -> Line {
    line(*b"cnobody:", 0)
}
