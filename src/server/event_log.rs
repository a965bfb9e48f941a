//! The server's event log on stdout, printed by a thread of its own.
//!
//! A terminal can be slow, or stopped with Ctrl-S, and the chat must not wait for it. So the room
//! hands over events without waiting. Events that do not fit are counted and skipped.

use std::collections::HashMap;
use std::io::{ErrorKind, Write};
use std::mem;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender};

use crate::protocol::{Batch, counted, in_short};
use crate::room::{self, Observer, Reason};

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
    /// A client has come, and so many are here now.
    Joined(SocketAddr, usize),
    /// A client has gone, and so many are still here.
    Left(SocketAddr, Reason, usize),
    /// Lines that were delivered.
    Said(Arc<Batch>),
}

impl Event {
    fn size(&self) -> usize {
        match self {
            Self::Notice(notice) => size_of::<Self>() + notice.len(),
            Self::Joined(..) | Self::Left(..) => size_of::<Self>(),
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
    skipped: AtomicUsize,
    messages: AtomicUsize,
    here: AtomicUsize,
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
        let lines = if let Event::Said(batch) = &event { batch.count() } else { 1 };
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
        let meter = &self.meter;
        self.record(match event {
            room::Event::Delivered { batch, .. } => {
                meter.messages.fetch_add(batch.count(), Relaxed);
                Event::Said(Arc::clone(batch))
            }
            room::Event::Joined(address) => {
                Event::Joined(address, meter.here.fetch_add(1, Relaxed) + 1)
            }
            room::Event::Left(address, why) => {
                Event::Left(address, why, meter.here.fetch_sub(1, Relaxed) - 1)
            }
            room::Event::FellBehind { address, .. } => {
                Event::Notice(of_client(address, "Is Behind!"))
            }
            room::Event::CaughtUp(address) => Event::Notice(of_client(address, "Has Caught Up!")),
        });
    }
}

impl Printer {
    /// Prints until every recorder is gone. `show` turns a line into text. Lines that `out` does not
    /// take are counted and skipped.
    pub fn run(&self, out: &mut dyn Write, show: impl Fn(Line, &mut Vec<u8>)) {
        let mut text = Vec::new();
        let mut lost = Lost::default();
        // A client whose coming was skipped is not in here.
        let mut since = HashMap::new();
        while let Ok(first) = self.events.recv() {
            let mut taken = 0;
            let [here, messages] =
                [&self.meter.here, &self.meter.messages].map(|it| it.load(Relaxed));
            show(Line::Count(here, messages), &mut text);
            for event in std::iter::once(first).chain(self.events.try_iter()) {
                taken += event.size();
                match event {
                    Event::Notice(notice) => show(Line::Notice(&notice), &mut text),
                    Event::Joined(address, here) => {
                        since.insert(address, Instant::now());
                        let came = format!("Has Connected! ({here} here)");
                        show(Line::Notice(&of_client(address, &came)), &mut text);
                    }
                    Event::Left(address, why, here) => {
                        let stay = since.remove(&address).map(|since: Instant| since.elapsed());
                        let stay =
                            stay.map_or(String::new(), |it| format!(" after {}", in_short(it)));
                        let went = format!("Has Disconnected! ({why}{stay}, {here} here)");
                        show(Line::Notice(&of_client(address, &went)), &mut text);
                    }
                    Event::Said(batch) => {
                        for (line, is_said) in batch.logged_lines() {
                            let note = || Line::Notice(str::from_utf8(line).unwrap_or_default());
                            show(if is_said { Line::Said(line) } else { note() }, &mut text);
                        }
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
    lines: usize,
    /// The output has the beginning of a line, and not its end.
    cut: bool,
    told: bool,
}

impl Lost {
    /// Prints whole lines, and first the number of those that are lost so far.
    fn print(&mut self, text: &[u8], out: &mut dyn Write, show: impl Fn(Line, &mut Vec<u8>)) {
        if self.lines > 0 {
            let mut notice = if self.cut { vec![b'\n'] } else { Vec::new() };
            let lines = counted(self.lines, "line", "lines");
            let skipped = format!("* {lines} skipped: this output is too slow or fails");
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

fn of_client(address: SocketAddr, what: &str) -> String {
    format!("Client @PORT #{} {what}", address.port())
}

fn rows(text: &[u8]) -> usize {
    memchr::memchr_iter(b'\n', text).count()
}
