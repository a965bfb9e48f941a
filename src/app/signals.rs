//! The signals that ask the program to stop: SIGINT (Ctrl-C), SIGTERM, and SIGHUP, which a terminal
//! sends when it closes.
//!
//! `ctrlc` handles all three in the same way. It handles them even if the program was started with
//! SIGHUP ignored (`nohup`) or SIGINT (a script's `tcp-chat server &`). In that case the program
//! blocks the signal: a blocked signal waits for ever.

use std::fs;
use std::io;
use std::process;
use std::time::{Duration, Instant};

use crate::app::ui::terminal::tty;
use anyhow::{Context, Result};
use crossbeam_channel::Receiver;
use nix::sys::signal::{SigSet, Signal};

/// Signals that come this soon after the first count as one with it: when a window closes, the shell
/// and the kernel send a SIGHUP each.
const TOGETHER: Duration = Duration::from_millis(500);

/// Blocks SIGHUP and SIGINT in all threads if the program was started with them ignored. Threads
/// inherit the mask, so this must run before the first thread starts.
///
/// Only Linux shows which signals are ignored. Elsewhere, both always stop the program.
pub(crate) fn keep_ignoring() {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let both = [Signal::SIGHUP, Signal::SIGINT];
    let blocked: SigSet = both.into_iter().filter(|&signal| ignores(&status, signal)).collect();
    // The kernel refuses only an unknown operation.
    let _ = blocked.thread_block();
}

/// Whether the signal is in the mask of ignored signals; see `proc_pid_status(5)`.
fn ignores(status: &str, signal: Signal) -> bool {
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    mask.is_some_and(|mask| mask >> (signal as i32 - 1) & 1 == 1)
}

/// Returns a channel that closes when a signal asks the program to stop. A second signal, after
/// [`TOGETHER`] or later, ends the program at once, with status 1.
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
    let set = ctrlc::set_handler(handler).map_err(|error| match error {
        // The thread that handles signals cannot start.
        ctrlc::Error::System(error) => error,
        other => io::Error::other(other),
    });
    set.context("cannot handle signals")?;
    Ok(stop)
}

#[cfg(test)]
mod tests {
    use super::{Signal, ignores};

    #[test]
    fn the_lowest_bits_of_the_mask_are_sighup_and_sigint() {
        for (mask, hangup, interrupt) in [
            ("SigIgn:\t0000000000000001\n", true, false),
            ("SigIgn:\t0000000000001003\n", true, true),
            ("SigIgn:\t0000000000001002\n", false, true),
            ("SigBlk:\t0000000000000003\nSigIgn:\t0000000000000000\n", false, false),
            ("SigIgn:\tnonsense\n", false, false),
            ("", false, false),
        ] {
            let status = format!("Name:\ttcp-chat\n{mask}");
            let ignored = [Signal::SIGHUP, Signal::SIGINT].map(|signal| ignores(&status, signal));
            assert_eq!(ignored, [hangup, interrupt], "{mask}");
        }
    }
}
