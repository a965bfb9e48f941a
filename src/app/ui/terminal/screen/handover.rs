//! Gives the terminal to the shell, takes it back, and gives it back for good at the end. Here the
//! thread `screen` waits for the writer, but it stops waiting when the terminal takes nothing.

use std::time::{Duration, Instant};

use crossbeam_channel::RecvTimeoutError;
use signal_hook::consts::SIGWINCH;

use super::{PROMPT, Screen, State, tty};

/// If the terminal takes nothing for this long, the thread `screen` treats it as stuck and goes on.
const STUCK: Duration = Duration::from_millis(250);

/// How long the writer may take to give up after the terminal's output was discarded.
const GIVE_UP: Duration = Duration::from_millis(100);

/// How long the last output may take, even while the terminal takes data.
const LAST_WORDS: Duration = Duration::from_secs(2);

impl Screen {
    /// Gives the terminal to the shell, if there is a shell.
    pub(super) fn suspend(&mut self) {
        if self.state != State::Ours || !tty::has_shell() || !tty::is_ours() {
            return;
        }
        self.finish_writing(Instant::now() + STUCK);
        if !self.is_writing {
            let frame = self.lines() + tty::LEAVE;
            self.write(frame);
            self.finish_writing(Instant::now() + STUCK);
            self.has_left = true;
        }
        self.state = State::Shells;
        tty::set_as_before();
        // The signal to the process group arrives here as well. It must not stop the client a
        // second time.
        let signals = &self.sources.signals;
        let deadline = Instant::now() + STUCK;
        tty::stop(|| while let Ok(SIGWINCH) = signals.recv_deadline(deadline) {});
    }

    /// Takes the terminal back, if this program is in the foreground.
    pub(super) fn come_back(&mut self) {
        if self.state == State::Shells && tty::is_ours() {
            self.state = State::Ours;
            let _ = tty::set_raw();
            let keep = if std::mem::take(&mut self.has_left) { tty::KEEP_TITLE } else { "" };
            self.head = format!("{keep}{}{}", tty::ENTER, self.title);
            self.is_stale = true;
        }
    }

    /// Waits until the last frame is written. Stops waiting when the terminal takes nothing, and at
    /// the deadline.
    fn finish_writing(&mut self, deadline: Instant) {
        while self.is_writing && Instant::now() < deadline {
            match self.sources.written.recv_timeout(STUCK) {
                Ok(left) => self.is_writing = left > 0,
                Err(RecvTimeoutError::Timeout) => return,
                Err(RecvTimeoutError::Disconnected) => self.closed(),
            }
        }
    }

    /// The client has ended: prints the remaining lines, and the text that was typed and not sent.
    pub(super) fn end(mut self) {
        let deadline = Instant::now() + LAST_WORDS;
        while let Ok(line) = self.sources.log.try_recv() {
            self.add_log(&line);
        }
        self.finish_writing(deadline);
        while self.state == State::Ours && !self.is_writing {
            let mut frame = self.lines();
            let is_last = self.waiting.is_empty();
            if is_last && !self.draft.text().is_empty() {
                frame.extend([PROMPT, &self.draft.text().replace('\n', "\n  "), "\n"]);
            }
            self.write(frame);
            self.finish_writing(deadline);
            if is_last {
                break;
            }
        }
        if self.is_writing && tty::is_ours() {
            // The terminal is stuck. The writer gives up when its write no longer waits.
            self.frames = None;
            tty::discard();
            let deadline = Instant::now() + GIVE_UP;
            while self.sources.written.recv_deadline(deadline).is_ok() {}
        }
    }
}
