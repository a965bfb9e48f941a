//! The terminal itself: is there one, how large is it, whose is it, and how it is given back as it
//! was. Threads share two things here: the modes that it had, which are saved once, and a lock for the
//! moment in which something is written.

use std::io::{self, IsTerminal, Write};
use std::sync::OnceLock;
use std::time::Duration;
use std::{panic, process, thread};

use parking_lot::{ReentrantMutex, const_reentrant_mutex};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::retry_on_intr;
use rustix::process::{Signal, getpgrp, getpid, getsid, kill_current_process_group, kill_process};
use rustix::termios::{
    OptionalActions, OutputModes, QueueSelector, Termios, tcflush, tcgetattr, tcgetpgrp,
    tcgetwinsize, tcsetattr,
};

use crate::app::ui::paint;

/// How wide a terminal is that does not say so.
const COLUMNS: usize = 80;

/// How long a terminal may take nothing before its last words are thrown away.
const STUCK: Timespec = Timespec { tv_sec: 0, tv_nsec: 50_000_000 };

/// Has the terminal keep the title that the window has.
pub(super) const KEEP_TITLE: &str = "\x1b[22;0t";

/// Asks to be told of pastes.
pub(super) const ENTER: &str = "\x1b[?2004h";

/// No more pastes; a visible cursor; lines that wrap; the title from before, or none.
pub(super) const LEAVE: &str = "\x1b[?2004l\x1b[?25h\x1b[?7h\x1b]0;\x07\x1b[23;0t";

/// The modes of the terminal as they were before this program changed them.
static BEFORE: OnceLock<Termios> = OnceLock::new();

/// Held while something is written to the terminal. A panic takes it for good, so that no frame erases
/// why the program ended.
pub(super) static WRITING: ReentrantMutex<()> = const_reentrant_mutex(());

/// How long a panic waits for a thread that writes.
const WRITE: Duration = Duration::from_millis(100);

/// Whether a person sits at a terminal that can do more than show one line after the other.
pub(crate) fn is_here() -> bool {
    io::stdin().is_terminal() && io::stdout().is_terminal() && paint::is_capable()
}

/// Saves the modes of the terminal, and changes them: each key is read as it is pressed. From now
/// on a panic, in whichever thread, gives the terminal back and ends the process.
pub(super) fn take() -> io::Result<()> {
    let before = tcgetattr(io::stdin())?;
    BEFORE.get_or_init(|| before);
    panic::set_hook(Box::new(|panic| {
        let alone = WRITING.try_lock_for(WRITE);
        restore();
        // A thread that waited for a terminal that takes nothing has gone on now.
        let _alone = alone.or_else(|| WRITING.try_lock_for(WRITE));
        let thread = thread::current();
        let name = thread.name().unwrap_or("a thread");
        let why = format!("tcp-chat: a fault in this program ended it ({name}: {panic})");
        let _ = writeln!(io::stderr(), "{}", why.replace('\n', " "));
        process::exit(1);
    }));
    set_raw()
}

/// Reads each key as it is pressed. A newline that some other program prints stays a newline.
pub(super) fn set_raw() -> io::Result<()> {
    let Some(mut modes) = BEFORE.get().cloned() else { return Ok(()) };
    modes.make_raw();
    modes.output_modes |= OutputModes::OPOST | OutputModes::ONLCR;
    Ok(tcsetattr(io::stdin(), OptionalActions::Now, &modes)?)
}

/// Gives the modes back.
pub(super) fn set_as_before() {
    if let Some(before) = BEFORE.get() {
        let _ = tcsetattr(io::stdin(), OptionalActions::Now, before);
    }
}

/// Gives the terminal back as it was. Does nothing if it was not touched, or is not ours now.
pub(crate) fn restore() {
    if BEFORE.get().is_none() || !is_ours() {
        return;
    }
    set_as_before();
    let mut last_words = format!("\r{LEAVE}");
    if !takes_more() {
        discard();
        // What was discarded may have ended within an escape sequence: this cancels it.
        last_words.insert(0, '\x18');
    }
    if takes_more() {
        let _ = retry_on_intr(|| rustix::io::write(io::stdout(), last_words.as_bytes()));
    }
}

/// Throws away what was written and not shown. A thread that was waiting to write goes on.
pub(super) fn discard() {
    let _ = tcflush(io::stdout(), QueueSelector::OFlush);
    // Wakes it, even where the terminal was stopped.
    set_as_before();
}

/// Whether the terminal takes more, at this moment or very soon.
fn takes_more() -> bool {
    let out = io::stdout();
    let mut events = [PollFd::new(&out, PollFlags::OUT)];
    retry_on_intr(|| poll(&mut events, Some(&STUCK))).is_ok_and(|ready| ready > 0)
}

/// Whether this program is in the foreground. It always is where there is no job control.
pub(super) fn is_ours() -> bool {
    tcgetpgrp(io::stdin()).map_or(true, |group| group == getpgrp())
}

/// Stops this program, as a shell expects it after Ctrl-Z; returns when it goes on, or a moment
/// before it stops.
pub(super) fn stop(stopped: impl FnOnce()) {
    // `cargo run` and the like are in the same group: the shell waits for them.
    let _ = kill_current_process_group(Signal::TSTP);
    stopped();
    let _ = kill_process(getpid(), Signal::STOP);
}

/// Whether there is a shell that would let this program go on: it has put it into a process group
/// of its own.
pub(super) fn has_shell() -> bool {
    getsid(None).is_ok_and(|session| session != getpgrp()) && tcgetpgrp(io::stdin()).is_ok()
}

/// How many columns the window has at this moment.
pub(crate) fn columns() -> usize {
    tcgetwinsize(io::stdout())
        .ok()
        .map(|size| usize::from(size.ws_col))
        .filter(|columns| *columns > 0)
        .unwrap_or(COLUMNS)
}
