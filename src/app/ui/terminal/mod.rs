//! The client's screen on a terminal: the lines of others at the left, own lines at a fixed place further
//! right, and the line being typed in one row below them.
//!
//! ```text
//! keys    reads the keyboard ───────┐
//! window  resized, or goes on ──────┤
//! main    what is to be shown ──────┴──▶ screen ── a frame ──▶ writer ──▶ the terminal
//!                                           ▲────── written ─────┘
//! ```
//!
//! The threads share channels and the state in [`tty`]. The thread `screen` waits only for these
//! channels. So a terminal that takes nothing blocks only the thread `writer`.

mod decoder;
mod draft;
pub(crate) mod layout;
mod screen;
pub(crate) mod tty;
mod waiting;

use std::io::{self, Write};
use std::thread::{Builder, JoinHandle};
use std::time::Instant;

use crossbeam_channel::{Receiver, Sender, bounded, unbounded};
use signal_hook::consts::{SIGCONT, SIGWINCH};
use signal_hook::iterator::Signals;
use tcp_chat::client::{self, Input, Show};

use self::decoder::{Decoder, Key};
use self::screen::{Channels, Screen};
use crate::app::streams::{self, Out};
use crate::app::ui::paint::Palette;

/// How many lines the thread `screen` may be behind the thread `main`, which then waits.
const BEHIND: usize = 1000;

/// How many bytes are written at a time. A terminal whose output was discarded takes this many.
const PART: usize = 1024;

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
    /// The channel to the thread `screen`, which ends when this is dropped.
    screen: Option<Sender<Show>>,
    drawing: Option<JoinHandle<()>>,
}

impl Terminal {
    /// Takes the terminal. Returns it, and a channel with the typed input. Until the user has a
    /// [name](Show::Name), an empty line counts as an answer.
    pub(crate) fn open(look: Look) -> io::Result<(Self, Receiver<Input>)> {
        let (to_keys, keys) = bounded(1);
        let (to_signals, signals) = unbounded();
        let (frames, to_write) = unbounded();
        let (to_written, written) = unbounded();
        let (to_screen, shows) = bounded(BEHIND);
        let (input, typed) = unbounded();
        let channels = Channels { keys, shows, signals, written, frames, input };
        let screen = Screen::new(channels, look);
        let mut caught = Signals::new([SIGWINCH, SIGCONT])?;
        tty::take()?;
        let start = |name: &str| Builder::new().name(name.to_owned());
        // The thread `screen` draws, so it starts last. Before that, only the modes have changed.
        let drawing = start("window")
            .spawn(move || caught.forever().try_for_each(|signal| to_signals.send(signal)))
            .and_then(|_| start("writer").spawn(move || write_frames(&to_write, &to_written)))
            .and_then(|_| start("keys").spawn(move || read_keys(&to_keys)))
            .and_then(|_| start("screen").spawn(|| screen.run()))
            .inspect_err(|_| tty::set_as_before())?;
        Ok((Self { screen: Some(to_screen), drawing: Some(drawing) }, typed))
    }
}

impl client::Screen for Terminal {
    fn show(&mut self, what: Show) {
        // The thread `screen` ends later than this.
        let _ = self.screen.as_ref().map(|screen| screen.send(what));
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        self.screen = None;
        // The thread ends soon, even if the terminal takes nothing. The join cannot fail, because a
        // panic ends the process.
        let _ = self.drawing.take().map(JoinHandle::join);
        tty::restore();
    }
}

/// The thread `keys`. It ends when the terminal is closed or the thread `screen` has ended.
fn read_keys(keys: &Sender<Key>) {
    let mut decoder = Decoder::default();
    let mut buffer = [0; 4096];
    loop {
        let from = Instant::now();
        let Ok(length @ 1..) = streams::read(&mut buffer) else { return };
        let mut decoded = decoder.feed(&buffer[..length], from.elapsed()).into_iter();
        if !decoded.all(|key| keys.send(key).is_ok()) {
            return;
        }
    }
}

/// The thread `writer`: only this thread waits for the terminal, for as long as it takes. After each
/// part it reports how many parts of the frame are left. It ends with the thread `screen`, even in the
/// middle of a frame.
fn write_frames(frames: &Receiver<String>, written: &Sender<usize>) {
    for frame in frames {
        let parts = frame.as_bytes().chunks(PART);
        for (left, part) in (0..parts.len()).rev().zip(parts) {
            let alone = tty::WRITING.lock();
            // If the terminal is closed, the thread `keys` notices it.
            let _ = Out(io::stdout()).write_all(part);
            drop(alone);
            if written.send(left).is_err() {
                return;
            }
        }
    }
}
