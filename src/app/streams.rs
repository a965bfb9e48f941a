//! The standard streams. All programs of a pipeline or a terminal can share a stream, and one of them
//! may have made it non-blocking. Then a read or a write here waits, and does not fail.

use std::io::{self, Write};
use std::os::fd::AsFd;
use std::thread;

use crossbeam_channel::{Receiver, Sender, select_biased};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::{Errno, retry_on_intr};

use super::stderr;

pub(crate) fn read(buffer: &mut [u8]) -> io::Result<usize> {
    let stdin = io::stdin();
    waiting(&stdin, PollFlags::IN, || rustix::io::read(&stdin, &mut *buffer))
}

/// Stdout or stderr, without a buffer.
pub(crate) struct Out<T>(pub(crate) T);

impl<T: AsFd> Write for Out<T> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        waiting(&self.0, PollFlags::OUT, || rustix::io::write(&self.0, bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Acts until the stream takes or gives something, and waits for the stream meanwhile.
fn waiting(
    stream: &impl AsFd,
    event: PollFlags,
    mut act: impl FnMut() -> rustix::io::Result<usize>,
) -> io::Result<usize> {
    loop {
        match retry_on_intr(&mut act) {
            Err(Errno::AGAIN) => _ = is_ready(stream, event, None),
            done => return Ok(done?),
        }
    }
}

/// Whether the next read or write returns at once, even if it fails. Waits for that for a time, or
/// for ever.
pub(crate) fn is_ready(stream: &impl AsFd, event: PollFlags, time: Option<&Timespec>) -> bool {
    let mut events = [PollFd::new(stream, event)];
    retry_on_intr(|| poll(&mut events, time)).is_ok_and(|ready| ready > 0)
}

/// Stdout with a thread that writes to it. If nobody reads the output, only that thread waits, and a
/// signal can still end the program.
#[derive(Debug)]
pub(crate) struct Stdout {
    texts: Sender<Vec<u8>>,
    written: Receiver<io::Result<()>>,
    quit: Receiver<()>,
}

impl Stdout {
    /// Starts the thread. When `quit` is closed, the program wants to end.
    pub(crate) fn start(quit: Receiver<()>) -> io::Result<Self> {
        let (texts, to_write) = crossbeam_channel::bounded::<Vec<u8>>(1);
        let (done, written) = crossbeam_channel::bounded(1);
        thread::Builder::new().name("stdout".to_owned()).spawn(move || {
            for text in to_write {
                let _ = done.send(Out(io::stdout()).write_all(&text));
            }
        })?;
        Ok(Self { texts, written, quit })
    }

    /// Prints the text. Waits for the reader, as other programs do, but not for long if the program
    /// wants to end.
    pub(crate) fn print(&self, text: Vec<u8>) -> io::Result<()> {
        // The send fails only if an earlier text is not written yet.
        let written = self.texts.try_send(text).ok().and_then(|()| {
            select_biased! {
                recv(self.written) -> written => written.ok(),
                recv(self.quit) -> _ => stderr::wait_for(&self.written, io::stdout()),
            }
        });
        written.unwrap_or_else(|| Err(io::ErrorKind::TimedOut.into()))
    }
}
