//! The signals that ask the program to stop: SIGINT (Ctrl-C), SIGTERM, and SIGHUP, which a terminal
//! sends when it closes.
//!
//! `ctrlc` handles all three in the same way. It handles SIGHUP even if the program was started
//! with SIGHUP ignored (`nohup`). In that case the program blocks SIGHUP: a blocked signal waits
//! for ever.

use std::fs;
use std::process;
use std::time::{Duration, Instant};

use crate::app::ui::terminal::tty;
use anyhow::{Context, Result};
use crossbeam_channel::Receiver;
use nix::sys::signal::{SigSet, Signal};

/// Signals that come this soon after the first count as one with it: when a window closes, the shell
/// and the kernel send a SIGHUP each.
const TOGETHER: Duration = Duration::from_millis(500);

/// Blocks SIGHUP in all threads if the program was started with SIGHUP ignored. Threads inherit the
/// mask, so this must run before the first thread starts.
///
/// Only Linux shows which signals are ignored. Elsewhere, SIGHUP always stops the program.
pub(crate) fn keep_ignoring_hangups() {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    if ignores_hangups(&status) {
        let hangup = SigSet::from(Signal::SIGHUP);
        // The kernel refuses only an unknown operation.
        let _ = hangup.thread_block();
    }
}

/// Whether SIGHUP, signal number 1, is in the mask of ignored signals; see `proc_pid_status(5)`.
fn ignores_hangups(status: &str) -> bool {
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    mask.is_some_and(|mask| mask & 1 == 1)
}

/// Returns a channel that closes when a signal asks the program to stop. A second signal, after
/// [`TOGETHER`] or later, ends the program at once, with status 1.
///
/// # Errors
/// The handler cannot be installed.
pub(crate) fn on_stop() -> Result<Receiver<()>> {
    let (sender, stop) = crossbeam_channel::bounded(0);
    let mut open = Some(sender);
    let mut first = None;
    let handler = move || {
        drop(open.take());
        if first.get_or_insert_with(Instant::now).elapsed() >= TOGETHER {
            tty::restore();
            process::exit(1);
        }
    };
    ctrlc::set_handler(handler).context("cannot handle signals")?;
    Ok(stop)
}

#[cfg(test)]
mod tests {
    use super::ignores_hangups;

    #[test]
    fn the_lowest_bit_of_the_mask_is_sighup() {
        for (mask, ignored) in [
            ("SigIgn:\t0000000000000001\n", true),
            ("SigIgn:\t0000000000001003\n", true),
            ("SigIgn:\t0000000000001002\n", false),
            ("SigBlk:\t0000000000000001\nSigIgn:\t0000000000000000\n", false),
            ("SigIgn:\tnonsense\n", false),
            ("", false),
        ] {
            assert_eq!(ignores_hangups(&format!("Name:\ttcp-chat\n{mask}")), ignored, "{mask}");
        }
    }
}
