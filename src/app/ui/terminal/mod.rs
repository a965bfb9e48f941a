//! The client's screen on a terminal: the lines of others at the left, own lines at a fixed place further
//! right, and the line being typed in one row below them.
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

mod decoder;
mod draft;
mod keys;
pub(crate) mod layout;
mod screen;
mod signals;
pub(crate) mod tty;
mod waiting;
mod writer;

use std::io;
use std::thread::{Builder, JoinHandle};

use crossbeam_channel::{Receiver, Sender, bounded, unbounded};
use tcp_chat::client::{self, Input, Show};

use self::screen::{Screen, Sources};

use crate::app::ui::paint::Palette;

/// How a terminal is used.
pub(crate) struct Look {
    pub(crate) timestamps: bool,
    pub(crate) palette: Palette,
    /// Rings when somebody calls the user.
    pub(crate) bell: bool,
    /// The server sends own lines back, so a line under the user's name that is not known as an own line
    /// comes from somebody else.
    pub(crate) has_echo: bool,
}

/// A terminal in use. It is given back on drop.
pub(crate) struct Terminal {
    /// What to show since the last flush.
    shows: Vec<Show>,
    /// The channel to the thread `screen`, which ends when this is dropped.
    screen: Option<Sender<Vec<Show>>>,
    drawing: Option<JoinHandle<()>>,
}

impl Terminal {
    /// Takes the terminal. Returns it, and a channel with the typed input. Also shows the lines
    /// that arrive on `log`. Until the user has a [name](Show::Name), an empty line counts as an
    /// answer.
    pub(crate) fn open(look: Look, log: Receiver<String>) -> io::Result<(Self, Receiver<Input>)> {
        let (to_keys, keys) = bounded(1);
        let (to_writer, frames) = unbounded();
        let (to_written, written) = unbounded();
        let (to_screen, shows) = bounded(1);
        let (to_input, input) = unbounded();
        let sources = Sources { keys, shows, log, signals: signals::watch()?, written };
        let screen = Screen::new(sources, to_writer, to_input, look);
        tty::take()?;
        let start = |name: &str| Builder::new().name(name.to_owned());
        // The thread `screen` draws, so it starts last. Before that, only the modes have changed.
        let drawing = start("writer")
            .spawn(move || writer::run(&frames, &to_written))
            .and_then(|_| start("keys").spawn(move || keys::run(&to_keys)))
            .and_then(|_| start("screen").spawn(|| screen.run()))
            .inspect_err(|_| tty::set_as_before())?;
        let (screen, drawing) = (Some(to_screen), Some(drawing));
        Ok((Self { shows: Vec::new(), screen, drawing }, input))
    }
}

impl client::Screen for Terminal {
    fn show(&mut self, what: Show) {
        self.shows.push(what);
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
