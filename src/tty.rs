//! The terminal itself, below whoever shows something on it: is there one, how large is it, and how
//! it is given back as it was.

use std::io::{self, IsTerminal};
use std::sync::OnceLock;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::retry_on_intr;
use rustix::termios::{OptionalActions, Termios, tcgetattr, tcgetwinsize, tcsetattr};

use crate::paint;

/// How wide a terminal is that does not say so.
const COLUMNS: usize = 80;

/// How long a terminal may take nothing before it is taken for stopped.
const STUCK: Timespec = Timespec { tv_sec: 0, tv_nsec: 100_000_000 };

/// The terminal's modes as they were before we touched them.
static BEFORE: OnceLock<Termios> = OnceLock::new();

/// Whether a person sits at a terminal that can do more than show one line after the other.
pub fn is_here() -> bool {
    io::stdin().is_terminal() && io::stdout().is_terminal() && paint::is_capable()
}

/// Notes the terminal's modes, to be able to [`restore`] them.
pub(crate) fn remember() -> io::Result<()> {
    let before = tcgetattr(io::stdin())?;
    BEFORE.get_or_init(|| before);
    Ok(())
}

/// Gives the terminal back as it was, whoever uses it at this moment. Does nothing if it was not
/// touched.
pub fn restore() {
    if let Some(before) = BEFORE.get() {
        let _ = tcsetattr(io::stdin(), OptionalActions::Now, before);
        // No bracketed paste, a visible cursor, no title, or the one before if it was kept.
        show_now("\x1b[?2004l\x1b[?25h\x1b]0;\x07\x1b[23;0t");
    }
}

/// Writes to the terminal, past whoever else does; but does not wait for one that takes nothing.
pub(crate) fn show_now(text: &str) {
    let out = io::stdout();
    let mut events = [PollFd::new(&out, PollFlags::OUT)];
    if retry_on_intr(|| poll(&mut events, Some(&STUCK))).is_ok_and(|ready| ready > 0) {
        let _ = retry_on_intr(|| rustix::io::write(&out, text.as_bytes()));
    }
}

/// The columns and rows of the window at this moment.
pub(crate) fn window() -> (usize, usize) {
    let size = tcgetwinsize(io::stdout()).map_or((0, 0), |size| (size.ws_col, size.ws_row));
    match size {
        (0, _) => (COLUMNS, usize::MAX),
        (columns, 0) => (columns.into(), usize::MAX),
        (columns, rows) => (columns.into(), rows.into()),
    }
}
