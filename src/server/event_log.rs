//! The server's event log on stdout, printed by a thread of its own.
//!
//! A terminal can be slow, or stopped with Ctrl-S, and the chat must not wait for it. So the room
//! hands over events without waiting. Events that do not fit are counted and skipped.

use std::collections::HashMap;
use std::io::{ErrorKind, Write};
use std::mem;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender};
use parking_lot::Mutex;

use crate::protocol::{Batch, in_short};
use crate::room::{self, Observer};

/// How many events may wait to be printed.
const EVENTS: usize = 4096;

/// How much may wait to be printed, in bytes of memory.
const BYTES: usize = 4 * 1024 * 1024;

/// How long the printer rests after it has printed. While it rests, the room need not wake it for a new
/// event, and a person cannot read faster.
const REST: Duration = Duration::from_millis(10);

/// Something that happened.
#[derive(Debug)]
pub enum Event {
    /// A notice of the server.
    Notice(String),
    /// Lines that were delivered.
    Said(Arc<Batch>),
}

impl Event {
    fn size(&self) -> usize {
        match self {
            Self::Notice(notice) => size_of::<Self>() + notice.len(),
            Self::Said(batch) => size_of::<Self>() + batch.size(),
        }
    }
}

/// A line of the event log, without its newline.
#[derive(Clone, Copy, Debug)]
pub enum Line<'a> {
    /// A notice about the chat.
    Notice(&'a str),
    /// A line of the chat.
    Said(&'a [u8]),
    /// How many clients are here now, and how many messages there were. Comes before other lines.
    Count(usize, usize),
}

/// How much waits and how much was skipped, and who is here. The recorder and the printer share it.
#[derive(Debug, Default)]
struct Meter {
    waiting: AtomicUsize,
    skipped: AtomicU64,
    messages: AtomicUsize,
    /// The clients, and since when. Nobody waits for this lock: the room takes it, inside its own, and
    /// the printer only looks.
    here: Mutex<HashMap<SocketAddr, Instant>>,
}

/// The end that the room holds.
#[derive(Clone, Debug)]
pub struct Recorder {
    events: Sender<Event>,
    meter: Arc<Meter>,
}

/// The end that the printing thread holds.
#[derive(Debug)]
pub struct Printer {
    events: Receiver<Event>,
    meter: Arc<Meter>,
}

/// An event log with nothing in it.
pub fn event_log() -> (Recorder, Printer) {
    let (sender, events) = crossbeam_channel::bounded(EVENTS);
    let meter = Arc::<Meter>::default();
    (Recorder { events: sender, meter: Arc::clone(&meter) }, Printer { events, meter })
}

impl Recorder {
    /// Adds an event, or counts its lines as skipped if the printer is too far behind.
    pub fn record(&self, event: Event) {
        let size = event.size();
        let lines = if let Event::Said(batch) = &event { batch.count() as u64 } else { 1 };
        // Counted first: the printer may take the event, and subtract its size, at once.
        let fits = self.meter.waiting.fetch_add(size, Relaxed) < BYTES;
        if !fits || self.events.try_send(event).is_err() {
            self.meter.waiting.fetch_sub(size, Relaxed);
            self.meter.skipped.fetch_add(lines, Relaxed);
        }
    }
}

impl Observer for Recorder {
    fn see(&self, event: room::Event) {
        let (address, what) = match event {
            room::Event::Delivered { batch, .. } => {
                self.meter.messages.fetch_add(batch.count(), Relaxed);
                return self.record(Event::Said(Arc::clone(batch)));
            }
            room::Event::Joined(address) => {
                let mut here = self.meter.here.lock();
                here.insert(address, Instant::now());
                (address, format!("Has Connected! ({} here)", here.len()))
            }
            room::Event::FellBehind { address, .. } => (address, "Is Behind!".to_owned()),
            room::Event::CaughtUp(address) => (address, "Has Caught Up!".to_owned()),
            room::Event::Left(address, why) => {
                let mut here = self.meter.here.lock();
                let stay = here.remove(&address).map(|since| since.elapsed()).unwrap_or_default();
                let (stay, left) = (in_short(stay), here.len());
                (address, format!("Has Disconnected! ({why} after {stay}, {left} here)"))
            }
        };
        self.record(Event::Notice(format!("Client @PORT #{} {what}", address.port())));
    }
}

impl Printer {
    /// Prints until every recorder is gone. `show` turns a line into text. Lines that `out` does not
    /// take are counted and skipped.
    pub fn run(&self, out: &mut dyn Write, show: impl Fn(Line, &mut Vec<u8>)) {
        let mut text = Vec::new();
        let mut lost = Lost::default();
        while let Ok(first) = self.events.recv() {
            let mut taken = 0;
            let here = self.meter.here.lock().len();
            show(Line::Count(here, self.meter.messages.load(Relaxed)), &mut text);
            for event in std::iter::once(first).chain(self.events.try_iter()) {
                taken += event.size();
                match event {
                    Event::Notice(notice) => show(Line::Notice(&notice), &mut text),
                    Event::Said(batch) => {
                        batch.public_lines().for_each(|line| show(Line::Said(line), &mut text));
                    }
                }
                if taken > BYTES {
                    break;
                }
            }
            lost.print(&text, out, &show);
            // The lines that did not fit came after these.
            lost.lines += self.meter.skipped.swap(0, Relaxed);
            lost.print(&[], out, &show);
            text.clear();
            text.shrink_to(BYTES / 16);
            // Only now, because the events were in memory until they were printed.
            self.meter.waiting.fetch_sub(taken, Relaxed);
            thread::sleep(REST);
        }
    }
}

/// What is not printed, because the output was too slow or failed.
#[derive(Debug, Default)]
struct Lost {
    lines: u64,
    /// The output has the beginning of a line, and not its end.
    cut: bool,
    told: bool,
}

impl Lost {
    /// Prints whole lines, and first the number of those that are lost so far.
    fn print(&mut self, text: &[u8], out: &mut dyn Write, show: impl Fn(Line, &mut Vec<u8>)) {
        if self.lines > 0 {
            let mut notice = if self.cut { vec![b'\n'] } else { Vec::new() };
            let skipped =
                format!("* {} lines skipped: this output is too slow or fails", self.lines);
            show(Line::Notice(&skipped), &mut notice);
            if self.write(&notice, out) > 0 {
                self.lines += rows(text);
                return;
            }
            self.lines = 0;
        }
        let left = self.write(text, out);
        self.lines = rows(&text[text.len() - left..]);
    }

    /// Returns how many bytes the output did not take.
    fn write(&mut self, mut bytes: &[u8], out: &mut dyn Write) -> usize {
        while !bytes.is_empty() {
            match out.write(bytes) {
                Ok(length @ 1..) => {
                    self.cut = bytes[length - 1] != b'\n';
                    bytes = &bytes[length..];
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                failed => {
                    if !mem::replace(&mut self.told, true) {
                        let why = failed.map_or_else(|error| error.to_string(), |_| "full".into());
                        log::warn!(
                            "cannot write the event log ({why}); until it works again, its lines \
                             are skipped and counted"
                        );
                    }
                    break;
                }
            }
        }
        bytes.len()
    }
}

fn rows(text: &[u8]) -> u64 {
    memchr::memchr_iter(b'\n', text).count() as u64
}
