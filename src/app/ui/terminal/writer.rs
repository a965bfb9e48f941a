//! The thread `writer`: writes frames to the terminal. Only this thread waits for the terminal, for
//! as long as it takes.

use std::io;

use crossbeam_channel::{Receiver, Sender, TryRecvError};
use rustix::event::PollFlags;
use rustix::io::{Errno, retry_on_intr, write};

use super::tty::WRITING;
use crate::app::streams;

/// How many bytes are written at a time. A terminal whose output was discarded takes this many.
const PART: usize = 1024;

/// The progress of the writer.
#[derive(Debug)]
pub(super) enum Written {
    /// It has written a part of the frame.
    Part,
    /// It has written the whole frame.
    All,
    /// The terminal is closed.
    Closed,
}

/// Writes frames, and reports the progress. When no more frames can come, it gives up the frame
/// that it is writing.
pub(super) fn run(frames: &Receiver<String>, written: &Sender<Written>) {
    for frame in frames {
        let mut parts = frame.as_bytes().chunks(PART).peekable();
        while let Some(part) = parts.next() {
            if frames.try_recv() == Err(TryRecvError::Disconnected) {
                return;
            }
            let news = match write_all(part) {
                Err(_) => Written::Closed,
                Ok(()) if parts.peek().is_some() => Written::Part,
                Ok(()) => Written::All,
            };
            if written.send(news).is_err() {
                return;
            }
        }
    }
}

fn write_all(mut bytes: &[u8]) -> rustix::io::Result<()> {
    let out = io::stdout();
    while !bytes.is_empty() {
        let alone = WRITING.lock();
        let written = retry_on_intr(|| write(&out, bytes));
        drop(alone);
        match written {
            Ok(length) => bytes = &bytes[length..],
            // Another program uses the same terminal, and changed it: a write no longer waits.
            Err(Errno::AGAIN) => _ = streams::is_ready(&out, PollFlags::OUT, None),
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
