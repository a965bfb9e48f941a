//! The server's event log on stdout, printed by a thread of its own.
//!
//! A terminal can be slow, or stopped with Ctrl-S, and the chat must not wait for it. So the room
//! hands over events without waiting. Events that do not fit are counted and skipped. An output that
//! fails, for example on a full disk, is an output that is slow: the thread tries again.

use std::collections::HashMap;
use std::convert::Infallible;
use std::io::{self, IsTerminal, Write};
use std::mem;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Once};
use std::thread;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, bounded};
use tcp_chat::protocol::{counted, in_short};
use tcp_chat::room::{Event, Observer};

use super::args::ServerArgs;
use super::streams::Out;
use super::ui::clock;
use super::ui::paint::{self, Palette, Style};
use super::ui::terminal::tty;

/// How many events may wait to be printed, and how much memory they may take, in bytes.
const EVENTS: usize = 4096;
const BYTES: usize = 4 * 1024 * 1024;

/// How long the thread rests after it has printed, or has failed to. While it rests, the room need not
/// wake it for a new event, and a person cannot read faster.
const REST: Duration = Duration::from_millis(10);

/// An event of the room, how many clients were here after it, and its size in bytes of memory.
type Entry = (Event, usize, usize);

/// How much waits and how much was skipped, and who is here. The room and the printer share it.
#[derive(Default)]
struct Meter {
    waiting: AtomicUsize,
    skipped: AtomicUsize,
    messages: AtomicUsize,
    here: AtomicUsize,
}

pub(crate) struct EventLog {
    events: Sender<Entry>,
    meter: Arc<Meter>,
}

impl EventLog {
    /// Starts the thread that prints, unless nothing is to be printed. The channel disconnects when
    /// the room has dropped this end, and all is printed.
    pub(crate) fn start(args: &ServerArgs, port: u16) -> io::Result<(Self, Receiver<Infallible>)> {
        let ((sender, events), (printing, printed)) = (bounded(EVENTS), bounded(0));
        let log = Self { events: sender, meter: Arc::default() };
        let is_terminal = io::stdout().is_terminal();
        let printer = Printer {
            meter: Arc::clone(&log.meter),
            port,
            timestamps: args.timestamps,
            palette: Palette::new(is_terminal, args.light),
            has_title: is_terminal && paint::is_capable(),
            since: HashMap::new(),
            text: String::new(),
        };
        if !args.quiet {
            let print = move || {
                let _printing = printing;
                printer.run(&events);
            };
            thread::Builder::new().name("event-log".to_owned()).spawn(print)?;
        }
        Ok((log, printed))
    }
}

impl Observer for EventLog {
    fn see(&self, event: Event) {
        let meter = &self.meter;
        let (mut size, mut lines) = (size_of::<Entry>(), 1);
        match &event {
            Event::Delivered { batch, .. } => {
                (size, lines) = (size + batch.size(), batch.count());
                meter.messages.fetch_add(lines, Relaxed);
            }
            Event::Joined(_) => _ = meter.here.fetch_add(1, Relaxed),
            Event::Left(..) => _ = meter.here.fetch_sub(1, Relaxed),
            Event::FellBehind { .. } | Event::CaughtUp(_) => {}
        }
        // Counted first: the printer may take the event, and subtract its size, at once.
        let fits = meter.waiting.fetch_add(size, Relaxed) < BYTES;
        let entry = (event, meter.here.load(Relaxed), size);
        if !fits || self.events.try_send(entry).is_err() {
            meter.waiting.fetch_sub(size, Relaxed);
            meter.skipped.fetch_add(lines, Relaxed);
        }
    }
}

struct Printer {
    meter: Arc<Meter>,
    port: u16,
    timestamps: bool,
    palette: Palette,
    has_title: bool,
    /// When each client came. A client whose coming was skipped is not in here.
    since: HashMap<SocketAddr, Instant>,
    text: String,
}

impl Printer {
    fn run(mut self, events: &Receiver<Entry>) {
        self.add_title(tty::KEEP_TITLE);
        self.add_line(Style::Dim, &format!("Server @PORT #{} Online...", self.port));
        self.print();
        let mut taken = 0;
        for (event, here, size) in events {
            taken += size;
            self.add(event, here);
            // What did not fit while the output was slow is told now, and not with the next event.
            while events.is_empty() && (taken > 0 || self.meter.skipped.load(Relaxed) > 0) {
                self.add_title("");
                self.print();
                // Only now, because the events were in memory until they were printed.
                self.meter.waiting.fetch_sub(mem::take(&mut taken), Relaxed);
                thread::sleep(REST);
            }
        }
        self.add_code(tty::GIVE_TITLE_BACK);
        self.print();
    }

    fn add(&mut self, event: Event, here: usize) {
        let (address, what) = match event {
            Event::Delivered { batch, .. } => {
                for (line, is_said) in batch.logged_lines() {
                    let style = if is_said { Style::Plain } else { Style::Dim };
                    self.add_line(style, &String::from_utf8_lossy(line));
                }
                return;
            }
            Event::Joined(address) => {
                self.since.insert(address, Instant::now());
                (address, format!("Has Connected! ({here} here)"))
            }
            Event::Left(address, why) => {
                let stay = self.since.remove(&address).map(|since| in_short(since.elapsed()));
                let stay = stay.map_or(String::new(), |stay| format!(" after {stay}"));
                (address, format!("Has Disconnected! ({why}{stay}, {here} here)"))
            }
            Event::FellBehind { address, .. } => (address, "Is Behind!".to_owned()),
            Event::CaughtUp(address) => (address, "Has Caught Up!".to_owned()),
        };
        self.add_line(Style::Dim, &format!("Client @PORT #{} {what}", address.port()));
    }

    fn add_title(&mut self, lead: &str) {
        let [here, messages] = [&self.meter.here, &self.meter.messages].map(|it| it.load(Relaxed));
        let said = counted(messages, "message", "messages");
        self.add_code(&format!("{lead}\x1b]0;Room @PORT #{}: {here} here, {said}\x07", self.port));
    }

    fn add_code(&mut self, code: &str) {
        if self.has_title {
            self.text += code;
        }
    }

    /// Adds a notice, which is dimmed, or a plain line of the chat, which gets its colours here.
    fn add_line(&mut self, style: Style, line: &str) {
        let is_coloured = style == Style::Plain && self.palette.has_colours();
        let pieces = if is_coloured { paint::pieces(line) } else { vec![(style, line)] };
        let stamp = if self.timestamps { clock::stamp() } else { String::new() };
        for (style, piece) in std::iter::once((Style::Dim, &*stamp)).chain(pieces) {
            self.text += &self.palette.painted(style, piece);
        }
        self.text.push('\n');
    }

    /// Prints the text, however long that takes. Meanwhile events wait, or are skipped.
    fn print(&mut self) {
        static COMPLAINT: Once = Once::new();
        // The lines that did not fit came after those that wait here.
        let skipped = self.meter.skipped.swap(0, Relaxed);
        if skipped > 0 {
            let lines = counted(skipped, "line", "lines");
            let notice = format!("* {lines} skipped: this output is too slow or fails");
            self.add_line(Style::Dim, &notice);
        }
        let text = mem::take(&mut self.text);
        let mut rest = text.as_bytes();
        while !rest.is_empty() {
            match Out(io::stdout()).write(rest) {
                Ok(length) => rest = &rest[length..],
                // The room is gone, and the server ends.
                Err(_) if Arc::strong_count(&self.meter) == 1 => return,
                Err(error) => {
                    COMPLAINT.call_once(|| {
                        log::warn!(
                            "cannot write the event log ({error}); until it works again, lines that \
                             do not fit into memory are skipped and counted"
                        );
                    });
                    thread::sleep(REST);
                }
            }
        }
    }
}
