//! The thread `window`: passes on the signals about the terminal.

use std::io;
use std::thread::Builder;

use crossbeam_channel::Receiver;
use signal_hook::consts::{SIGCONT, SIGTSTP, SIGWINCH};
use signal_hook::iterator::Signals;

/// An event of the terminal or of job control.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Signal {
    /// The window has a new size.
    Resized,
    /// The shell asks the client to stop.
    ToStop,
    /// The client was stopped, and continues.
    GoesOn,
}

/// Starts the thread. It ends with the process.
pub(super) fn watch() -> io::Result<Receiver<Signal>> {
    let mut signals = Signals::new([SIGWINCH, SIGTSTP, SIGCONT])?;
    let (sender, signaled) = crossbeam_channel::unbounded();
    Builder::new().name("window".to_owned()).spawn(move || {
        for signal in signals.forever() {
            let signal = match signal {
                SIGWINCH => Signal::Resized,
                SIGTSTP => Signal::ToStop,
                _ => Signal::GoesOn,
            };
            if sender.send(signal).is_err() {
                return;
            }
        }
    })?;
    Ok(signaled)
}
