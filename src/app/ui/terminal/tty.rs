//! The terminal itself: whether there is one, its size, its owner, and how to restore it. Threads
//! share two things here: the original modes, which are saved once, and a lock that is held during
//! a write.

use std::io::{self, IsTerminal, Write};
use std::sync::OnceLock;
use std::time::Duration;
use std::{panic, process, thread};

use parking_lot::{ReentrantMutex, const_reentrant_mutex};
use rustix::event::{PollFlags, Timespec};
use rustix::io::retry_on_intr;
use rustix::process::{Signal, getpgrp, getpid, getsid, kill_current_process_group, kill_process};
use rustix::termios::{
    OptionalActions, OutputModes, QueueSelector, Termios, tcflush, tcgetattr, tcgetpgrp,
    tcgetwinsize, tcsetattr,
};

use crate::app::streams;
use crate::app::ui::paint;

/// How long the terminal may take nothing before its pending output is discarded.
const STUCK: Timespec = Timespec { tv_sec: 0, tv_nsec: 50_000_000 };

/// Makes the terminal save the window's title.
pub(crate) const KEEP_TITLE: &str = "\x1b[22;0t";

/// Makes the terminal mark pastes.
pub(super) const ENTER: &str = "\x1b[?2004h";

/// The saved title, or none.
pub(crate) const GIVE_TITLE_BACK: &str = "\x1b]0;\x07\x1b[23;0t";

/// No marks around pastes; a visible cursor; lines wrap; the saved title, or none.
pub(super) const LEAVE: &str = "\x1b[?2004l\x1b[?25h\x1b[?7h\x1b]0;\x07\x1b[23;0t";

/// The modes of the terminal as they were before this program changed them.
static BEFORE: OnceLock<Termios> = OnceLock::new();

/// Held during a write to the terminal. A panic takes it for good, so that no frame erases the
/// error message.
pub(super) static WRITING: ReentrantMutex<()> = const_reentrant_mutex(());

/// How long a panic waits for a thread that is writing.
const WRITE: Duration = Duration::from_millis(100);

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
        let alone = WRITING.try_lock_for(WRITE);
        restore();
        // A thread that waited for the stuck terminal has continued by now.
        let _alone = alone.or_else(|| WRITING.try_lock_for(WRITE));
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

/// Restores the terminal. Does nothing if it was not changed, or if this program is in the
/// background.
pub(crate) fn restore() {
    if BEFORE.get().is_none() || !is_ours() {
        return;
    }
    set_as_before();
    let mut last_words = format!("\r{LEAVE}");
    if !takes_more() {
        discard();
        // The discarded output may have ended inside an escape sequence. This character cancels the
        // sequence.
        last_words.insert(0, '\x18');
    }
    if takes_more() {
        let _ = retry_on_intr(|| rustix::io::write(io::stdout(), last_words.as_bytes()));
    }
}

/// Discards the output that is not shown yet. A thread that waits in a write continues.
pub(super) fn discard() {
    let _ = tcflush(io::stdout(), QueueSelector::OFlush);
    // This wakes the thread, even if the terminal was stopped.
    set_as_before();
}

/// Whether the terminal takes more output now or very soon.
fn takes_more() -> bool {
    streams::is_ready(&io::stdout(), PollFlags::OUT, Some(&STUCK))
}

/// Whether this program is in the foreground. Without job control, it always is.
pub(super) fn is_ours() -> bool {
    tcgetpgrp(io::stdin()).map_or(true, |group| group == getpgrp())
}

/// Stops this program, as a shell expects after Ctrl-Z. Returns when the program continues, or a
/// moment before it stops.
pub(super) fn stop(stopped: impl FnOnce()) {
    // Programs such as `cargo run` are in the same group, and the shell waits for them.
    let _ = kill_current_process_group(Signal::TSTP);
    stopped();
    let _ = kill_process(getpid(), Signal::STOP);
}

/// Whether a shell can continue this program later: it has put the program into its own process
/// group.
pub(super) fn has_shell() -> bool {
    getsid(None).is_ok_and(|session| session != getpgrp()) && tcgetpgrp(io::stdin()).is_ok()
}

/// How many columns the window has now, or `unknown` if nothing reports it.
pub(crate) fn columns(unknown: usize) -> usize {
    tcgetwinsize(io::stdout())
        .ok()
        .map(|size| usize::from(size.ws_col))
        .filter(|columns| *columns > 0)
        .unwrap_or(unknown)
}
