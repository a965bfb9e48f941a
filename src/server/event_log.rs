//! The server's event log on stdout, printed by a thread of its own.
//!
//! A terminal can be slow, or stopped with Ctrl-S, and the chat must not wait for it. So the room
//! hands over events without waiting. Events that do not fit are counted and skipped.

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::thread;
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender};

use crate::protocol::{self, Batch};
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

    fn lines(&self) -> u64 {
        match self {
            Self::Notice(_) => 1,
            Self::Said(batch) => batch.count() as u64,
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
}

/// How much waits and how much was skipped. The recorder and the printer share it.
#[derive(Debug, Default)]
struct Meter {
    waiting: AtomicUsize,
    skipped: AtomicU64,
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
        let (size, lines) = (event.size(), event.lines());
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
        let notice = match event {
            room::Event::Delivered { batch, .. } => {
                return self.record(Event::Said(Arc::clone(batch)));
            }
            room::Event::Joined(address) => protocol::connected(address),
            room::Event::FellBehind { address, .. } => protocol::fell_behind(address),
            room::Event::CaughtUp(address) => protocol::caught_up(address),
            room::Event::Left(address, why) => protocol::disconnected(address, &why.to_string()),
        };
        self.record(Event::Notice(notice));
    }
}

impl Printer {
    /// Prints until every recorder is gone, or `out` fails. `show` turns a line into text.
    pub fn run(&self, out: &mut dyn Write, show: impl Fn(Line, &mut Vec<u8>)) {
        let mut text = Vec::new();
        while let Ok(first) = self.events.recv() {
            let mut taken = 0;
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
            let skipped = self.meter.skipped.swap(0, Relaxed);
            if skipped > 0 {
                let notice =
                    format!("* {skipped} lines skipped: the chat is faster than this output");
                show(Line::Notice(&notice), &mut text);
            }
            if out.write_all(&text).and_then(|()| out.flush()).is_err() {
                return; // The output is gone. The chat goes on.
            }
            text.clear();
            text.shrink_to(BYTES / 16);
            // Only now, because the events were in memory until they were printed.
            self.meter.waiting.fetch_sub(taken, Relaxed);
            thread::sleep(REST);
        }
    }
}
