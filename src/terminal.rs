//! The client's screen on a terminal: own lines on the right, the others' on the left, and the
//! line being typed below them, never torn.
//!
//! Three threads share the terminal. The client's formats what it has to show and never waits for
//! the terminal longer than for a quit; a printing thread hands it to the editor; and the editor's
//! thread (see `keyboard.rs`) is the only one that writes.

use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::thread::Builder;
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, select};

use crate::client::{Input, Screen, Status};
use crate::keyboard::{self, Keyboard, PROMPT, Printer, Prompt};
use crate::name::Name;
use crate::paint::{self, Palette, Style};
use crate::{clock, layout, tty};

/// How many screenfuls may wait to be printed before the client reads no further.
const WAITING: usize = 64;

/// How long the end waits for the last words to be printed.
const LAST_WORDS: Duration = Duration::from_millis(500);

/// Up, and down again: something to print that shows nothing.
const NOTHING: &str = "\x1b[A\n";

/// A terminal in use. Dropped, it is given back.
pub struct Terminal {
    name: Name,
    timestamps: bool,
    palette: Palette,
    prompt: Arc<Prompt>,
    /// What was shown since the last flush.
    text: String,
    /// To the printing thread.
    texts: Option<Sender<String>>,
    /// Disconnected when the editor writes no more.
    still: Receiver<Infallible>,
    quit: Receiver<()>,
}

impl Terminal {
    /// Takes the terminal; returns it and what is typed on it. A quit ends waiting for it.
    ///
    /// # Errors
    /// There is no terminal, or no thread for it.
    pub fn open(
        name: Name,
        timestamps: bool,
        quit: Receiver<()>,
    ) -> io::Result<(Self, Receiver<Input>)> {
        tty::remember()?;
        let palette = Palette::new(true);
        let prompt = Arc::new(Prompt::new(palette));
        let keyboard = keyboard::start(Arc::clone(&prompt)).map_err(io::Error::other)?;
        let Keyboard { input, printer, ready, still } = keyboard;
        let (sender, texts) = crossbeam_channel::bounded(WAITING);
        let shared = Arc::clone(&prompt);
        Builder::new()
            .name("screen".to_owned())
            .spawn(move || print(printer, &ready, &texts, &shared))?;
        tty::show_now("\x1b[22;0t");
        let text = String::new();
        let texts = Some(sender);
        let mut terminal = Self { name, timestamps, palette, prompt, text, texts, still, quit };
        terminal.status(Status::Offline);
        let name = &terminal.name;
        let hello = format!("You are {name}: type and press Enter; /help shows more, /quit leaves");
        terminal.notice(&hello);
        Ok((terminal, input))
    }

    fn line(&mut self, lay: Lay, line: &str) {
        let line = line.replace('\t', "    ");
        let stamp = if self.timestamps { clock::stamp() } else { String::new() };
        let mut pieces = vec![(Style::Dim, stamp.as_str())];
        pieces.extend(paint::pieces(&line));
        lay(&pieces, tty::window().0, self.palette, &mut self.text);
    }

    fn remark(&mut self, lay: Lay, style: Style, remark: &str) {
        lay(&[(style, remark)], tty::window().0, self.palette, &mut self.text);
    }
}

/// One of the two sides of [`layout`].
type Lay = fn(&layout::Pieces, usize, Palette, &mut String);

/// The printing thread.
fn print(mut printer: Printer, ready: &Receiver<()>, texts: &Receiver<String>, prompt: &Prompt) {
    // Once the prompt stands, the editor prints; before that, it would not know what was printed.
    let _ = ready.recv();
    for text in texts {
        if printer.print(text).is_err() {
            break;
        }
    }
    // When the editor has taken the last words, it has something to print that shows nothing, and
    // at the end of the one or the other it sees that it is over.
    let _ = printer.print(NOTHING.to_owned());
    prompt.over.store(true, Relaxed);
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.flush();
        self.texts = None;
        let _ = self.still.recv_timeout(LAST_WORDS);
        tty::show_now("\r\x1b[J");
        // What was typed and not sent stays to be seen.
        if let Some(draft) = self.prompt.draft.try_lock()
            && !draft.is_empty()
        {
            tty::show_now(&format!("{PROMPT}{draft}\r\n"));
        }
        tty::restore();
    }
}

impl Screen for Terminal {
    fn own(&mut self, line: &str) {
        self.line(layout::right, line);
    }

    fn other(&mut self, line: &str) {
        self.line(layout::left, line);
    }

    fn notice(&mut self, notice: &str) {
        self.remark(layout::left, Style::Dim, notice);
    }

    fn complaint(&mut self, why: &str) {
        self.remark(layout::left, Style::Alarm, why);
    }

    fn waiting(&mut self, line: &str) {
        self.remark(layout::right, Style::Dim, &format!("{line} (waiting)"));
    }

    fn status(&mut self, status: Status) {
        let state = match status {
            Status::Online { port } => format!("@PORT #{port}"),
            Status::Offline => "(not connected)".to_owned(),
        };
        self.prompt.online.store(status != Status::Offline, Relaxed);
        // In front: what is printed must end with a newline.
        self.text.insert_str(0, &format!("\x1b]0;{} {state}\x07", self.name));
    }

    fn flush(&mut self) -> io::Result<()> {
        let text = std::mem::take(&mut self.text);
        let Some(texts) = self.texts.as_ref().filter(|_| !text.is_empty()) else { return Ok(()) };
        select! {
            send(texts, text) -> sent => sent.map_err(io::Error::other),
            recv(self.quit) -> _ => {
                // The terminal takes nothing: what is still said goes unseen.
                self.texts = None;
                Err(io::ErrorKind::Interrupted.into())
            }
        }
    }
}
