//! The thread `writer`: writes what it is given to the terminal, and waits for the terminal as long
//! as it takes. Only this thread does.

use std::io;

use crossbeam_channel::{Receiver, Sender, TryRecvError};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::{Errno, retry_on_intr, write};

use super::tty::WRITING;

/// How much is written at a time, in bytes: a terminal that was emptied takes that much.
const PART: usize = 1024;

/// How far the writer has come.
#[derive(Debug)]
pub(super) enum Written {
    /// A part; there is more.
    Part,
    /// All that it was given.
    All,
    /// The terminal is closed.
    Closed,
}

/// Writes frames, and says how far it has come. When there will be no more frames, it gives up the
/// one that it is writing.
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
            // Another program has the same terminal, and set it so that a write does not wait.
            Err(Errno::AGAIN) => {
                let mut events = [PollFd::new(&out, PollFlags::OUT)];
                retry_on_intr(|| poll(&mut events, None))?;
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
