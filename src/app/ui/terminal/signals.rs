//! The thread `window`: passes on the signals about the terminal.

use std::ffi::c_int;
use std::io;
use std::thread::Builder;

use crossbeam_channel::Receiver;
use signal_hook::consts::{SIGCONT, SIGTSTP, SIGWINCH};
use signal_hook::iterator::Signals;

/// Starts the thread. It ends with the process. SIGWINCH: the window has a new size. SIGTSTP: the
/// shell asks the client to stop. SIGCONT: the client was stopped, and continues.
pub(super) fn watch() -> io::Result<Receiver<c_int>> {
    let mut signals = Signals::new([SIGWINCH, SIGTSTP, SIGCONT])?;
    let (sender, signaled) = crossbeam_channel::unbounded();
    let pass_on = move || signals.forever().try_for_each(|signal| sender.send(signal));
    Builder::new().name("window".to_owned()).spawn(pass_on)?;
    Ok(signaled)
}
