//! The thread `writer`: writes frames to the terminal. Only this thread waits for the terminal, for
//! as long as it takes.

use std::io::{self, Write};

use crossbeam_channel::{Receiver, Sender};

use super::tty::WRITING;
use crate::app::streams::Out;

/// How many bytes are written at a time. A terminal whose output was discarded takes this many.
const PART: usize = 1024;

/// Writes frames. After each part it reports how many parts of the frame are left. Ends with the thread
/// `screen`, even in the middle of a frame.
pub(super) fn run(frames: &Receiver<String>, written: &Sender<usize>) {
    for frame in frames {
        let parts = frame.as_bytes().chunks(PART);
        for (left, part) in (0..parts.len()).rev().zip(parts) {
            let alone = WRITING.lock();
            // If the terminal is closed, the thread `keys` notices it.
            let _ = Out(io::stdout()).write_all(part);
            drop(alone);
            if written.send(left).is_err() {
                return;
            }
        }
    }
}
