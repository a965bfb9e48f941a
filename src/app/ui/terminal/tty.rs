//! The terminal itself: whether there is one, its size, its owner, and how to restore it. Threads
//! share two things here: the original modes, which are saved once, and a lock that is held during
//! a write.

use std::io::{self, IsTerminal, Write};
use std::sync::OnceLock;
use std::time::Duration;
use std::{mem, panic, process, thread};

use parking_lot::{ReentrantMutex, const_reentrant_mutex};
use rustix::event::{PollFlags, Timespec};
use rustix::io::retry_on_intr;
use rustix::process::getpgrp;
use rustix::termios::{
    OptionalActions, OutputModes, QueueSelector, Termios, tcflush, tcgetattr, tcgetpgrp,
    tcgetwinsize, tcsetattr,
};

use crate::app::streams;
use crate::app::ui::paint;

/// How long the end of the program waits for a terminal that takes nothing, and for the thread that
/// writes to it.
const STUCK: Duration = Duration::from_millis(50);

/// Makes the terminal save the window's title.
pub(crate) const KEEP_TITLE: &str = "\x1b[22;0t";

/// Makes the terminal mark pastes.
pub(super) const ENTER: &str = "\x1b[?2004h";

/// The saved title, or none.
pub(crate) const GIVE_TITLE_BACK: &str = "\x1b]0;\x07\x1b[23;0t";

/// No prompt; no marks around pastes; a visible cursor; lines wrap; the saved title, or none.
pub(super) const LEAVE: &str = "\r\x1b[K\x1b[?2004l\x1b[?25h\x1b[?7h\x1b]0;\x07\x1b[23;0t";

/// The modes of the terminal as they were before this program changed them.
static BEFORE: OnceLock<Termios> = OnceLock::new();

/// Held during a write to the terminal. The end of the program takes it for good, so that no frame
/// follows. A thread that panics may hold it already.
pub(super) static WRITING: ReentrantMutex<()> = const_reentrant_mutex(());

/// Whether input and output are a terminal that can move its cursor.
pub(crate) fn is_here() -> bool {
    io::stdin().is_terminal() && io::stdout().is_terminal() && paint::is_capable()
}

/// Saves the modes of the terminal, and changes them so that each key is read when it is pressed.
/// From now on, a panic in any thread restores the terminal and ends the process.
pub(super) fn take() -> io::Result<()> {
    let before = tcgetattr(io::stdin())?;
    BEFORE.get_or_init(|| before);
    panic::set_hook(Box::new(|panic| {
        restore();
        let thread = thread::current();
        let name = thread.name().unwrap_or("a thread");
        let why = format!("tcp-chat: a bug in this program ended it ({name}: {panic})");
        let _ = writeln!(io::stderr(), "{}", why.replace('\n', " "));
        process::exit(1);
    }));
    set_raw()
}

/// Makes the terminal pass on each key at once. A newline from another program is still shown as a
/// newline.
pub(super) fn set_raw() -> io::Result<()> {
    let Some(mut modes) = BEFORE.get().cloned() else { return Ok(()) };
    modes.make_raw();
    modes.output_modes |= OutputModes::OPOST | OutputModes::ONLCR;
    Ok(tcsetattr(io::stdin(), OptionalActions::Now, &modes)?)
}

pub(super) fn set_as_before() {
    if let Some(before) = BEFORE.get() {
        let _ = tcsetattr(io::stdin(), OptionalActions::Now, before);
    }
}

/// Restores the terminal, for good. Does nothing if it was not changed, or if this program is in the
/// background.
pub(crate) fn restore() {
    if BEFORE.get().is_none() || !is_ours() {
        return;
    }
    let mut last_words = LEAVE.to_owned();
    let alone = WRITING.try_lock_for(STUCK);
    if alone.is_none() || !takes_more() {
        // What is not shown yet is discarded, so a thread that waits in a write continues. What was
        // shown may end inside an escape sequence: this character cancels the sequence.
        let _ = tcflush(io::stdout(), QueueSelector::OFlush);
        last_words.insert(0, '\x18');
    }
    // This also wakes the thread if the terminal was stopped.
    set_as_before();
    mem::forget(alone.or_else(|| WRITING.try_lock_for(STUCK)));
    if takes_more() {
        let _ = retry_on_intr(|| rustix::io::write(io::stdout(), last_words.as_bytes()));
    }
}

/// Whether the terminal takes more output now or very soon.
fn takes_more() -> bool {
    streams::is_ready(&io::stdout(), PollFlags::OUT, Timespec::try_from(STUCK).ok().as_ref())
}

/// Whether this program is in the foreground. Without job control, it always is.
pub(super) fn is_ours() -> bool {
    tcgetpgrp(io::stdin()).map_or(true, |group| group == getpgrp())
}

/// How many columns the window has now, or `unknown` if nothing reports it.
pub(crate) fn columns(unknown: usize) -> usize {
    let columns = tcgetwinsize(io::stdout()).map_or(0, |size| usize::from(size.ws_col));
    if columns > 0 { columns } else { unknown }
}
