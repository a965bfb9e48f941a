//! Where the log goes while the terminal is in use: over a channel, so that it tears no line.

use std::io::{self, Write};

use crossbeam_channel::{Receiver, Sender, unbounded};

/// A place to log to. Each write is a line.
pub struct Log(Sender<String>);

/// A place to log to, and where the lines come out.
pub fn log() -> (Log, Receiver<String>) {
    let (sender, lines) = unbounded();
    (Log(sender), lines)
}

impl Write for Log {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        // When the terminal has been given back, nobody shows it any more.
        let _ = self.0.send(String::from_utf8_lossy(line).into_owned());
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
