//! The client's screen on a terminal: own lines on the right, the lines of others on the left, and
//! the line being typed in one row below them.
//!
//! ```text
//! keys    reads the keyboard ───────┐
//! window  resized, stopped, goes on ┤
//! main    what is to be shown ──────┼──▶ screen ── a frame ──▶ writer ──▶ the terminal
//!         what is logged ───────────┘       ▲────── written ─────┘
//! ```
//!
//! The threads share channels and the state in [`tty`]. The thread `screen` waits only for these
//! channels. So a terminal that takes nothing blocks only the thread `writer`.

mod completion;
mod decoder;
mod draft;
mod input_history;
mod keys;
mod layout;
mod screen;
mod signals;
pub(crate) mod tty;
mod waiting;
mod writer;

use std::io;
use std::thread::{Builder, JoinHandle};

use crossbeam_channel::{Receiver, Sender, bounded, unbounded};
use tcp_chat::client::{self, Input};
use tcp_chat::protocol::Name;

use self::screen::{Screen, Sources};
use self::waiting::Side;
use crate::app::ui::paint::Style;

/// A request to the thread `screen`.
enum Show {
    Line {
        side: Side,
        /// None for a chat message, which has its own colours.
        style: Option<Style>,
        text: String,
    },
    /// The name is known: the user is no longer asked for it.
    Named,
    Status {
        title: String,
        online: bool,
    },
}

/// A terminal in use. It is given back on drop.
pub(crate) struct Terminal {
    name: Option<Name>,
    /// The requests since the last flush.
    shows: Vec<Show>,
    /// The channel to the thread `screen`, which ends when this is dropped.
    screen: Option<Sender<Vec<Show>>>,
    drawing: Option<JoinHandle<()>>,
}

impl Terminal {
    /// Takes the terminal. Returns it, and a channel with the typed input. Also shows the lines
    /// that arrive on `log`. Until the user is [`named`](Terminal::named), an empty line counts as
    /// an answer.
    pub(crate) fn open(
        timestamps: bool,
        log: Receiver<String>,
    ) -> io::Result<(Self, Receiver<Input>)> {
        let (to_keys, keys) = bounded(1);
        let (to_writer, frames) = unbounded();
        let (to_written, written) = unbounded();
        let (to_screen, shows) = bounded(1);
        let (to_input, input) = unbounded();
        let sources = Sources { keys, shows, log, signals: signals::watch()?, written };
        let screen = Screen::new(sources, to_writer, to_input, timestamps);
        tty::take()?;
        let start = |name: &str| Builder::new().name(name.to_owned());
        // The thread `screen` draws, so it starts last. Before that, only the modes have changed.
        let drawing = start("writer")
            .spawn(move || writer::run(&frames, &to_written))
            .and_then(|_| start("keys").spawn(move || keys::run(&to_keys)))
            .and_then(|_| start("screen").spawn(|| screen.run()))
            .inspect_err(|_| tty::set_as_before())?;
        let (screen, drawing) = (Some(to_screen), Some(drawing));
        Ok((Self { name: None, shows: Vec::new(), screen, drawing }, input))
    }

    /// Sets the name of the user.
    pub(crate) fn named(&mut self, name: Name) {
        use client::Screen;
        self.shows.push(Show::Named);
        self.notice(&format!(
            "You are {name}: type and press Enter; /help shows more, /quit leaves"
        ));
        self.name = Some(name);
        self.connection(None);
    }

    fn line(&mut self, side: Side, style: Option<Style>, text: &str) {
        self.shows.push(Show::Line { side, style, text: text.to_owned() });
    }
}

impl client::Screen for Terminal {
    fn own(&mut self, line: &str) {
        self.line(Side::Right, None, line);
    }

    fn other(&mut self, line: &str) {
        self.line(Side::Left, None, line);
    }

    fn notice(&mut self, notice: &str) {
        self.line(Side::Left, Some(Style::Dim), notice);
    }

    fn complaint(&mut self, why: &str) {
        self.line(Side::Left, Some(Style::Alarm), why);
    }

    fn waiting(&mut self, line: &str) {
        self.line(Side::Right, Some(Style::Dim), &format!("{line} (waiting)"));
    }

    fn connection(&mut self, port: Option<u16>) {
        let Some(name) = &self.name else { return };
        let state = port.map_or("(not connected)".to_owned(), |port| format!("@PORT #{port}"));
        let title = format!("\x1b]0;{name} {state}\x07");
        self.shows.push(Show::Status { title, online: port.is_some() });
    }

    fn flush(&mut self) -> io::Result<()> {
        let shows = std::mem::take(&mut self.shows);
        let Some(screen) = self.screen.as_ref().filter(|_| !shows.is_empty()) else {
            return Ok(());
        };
        screen.send(shows).map_err(|_| io::ErrorKind::BrokenPipe.into())
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = client::Screen::flush(self);
        self.screen = None;
        // The thread ends soon, even if the terminal takes nothing. The join cannot fail, because a
        // panic ends the process.
        let _ = self.drawing.take().map(JoinHandle::join);
        tty::restore();
    }
}
