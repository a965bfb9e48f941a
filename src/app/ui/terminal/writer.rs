//! The thread `writer`: writes frames to the terminal. Only this thread waits for the terminal, for
//! as long as it takes.

use std::io;

use crossbeam_channel::{Receiver, Sender, TryRecvError};
use rustix::event::PollFlags;

use super::tty::WRITING;
use crate::app::streams;

/// How many bytes are written at a time. A terminal whose output was discarded takes this many.
const PART: usize = 1024;

/// Writes frames. After each part it reports how many parts of the frame are left. Ends when the
/// terminal is closed. When no more frames can come, it gives up the frame that it is writing.
pub(super) fn run(frames: &Receiver<String>, written: &Sender<usize>) {
    for frame in frames {
        let parts = frame.as_bytes().chunks(PART);
        for (left, part) in (0..parts.len()).rev().zip(parts) {
            let is_over = frames.try_recv() == Err(TryRecvError::Disconnected);
            if is_over || write_all(part).is_err() || written.send(left).is_err() {
                return;
            }
        }
    }
}

fn write_all(mut bytes: &[u8]) -> io::Result<()> {
    let out = io::stdout();
    while !bytes.is_empty() {
        // Another program may use the same terminal, and change it: then a write does not wait.
        let length = streams::waiting(&out, PollFlags::OUT, || {
            let _alone = WRITING.lock();
            rustix::io::write(&out, bytes)
        })?;
        bytes = &bytes[length..];
    }
    Ok(())
}
