//! The terminal changes hands: to the shell and back, and for good at the end. Here the thread
//! `screen` does wait for the writer, but never longer than the terminal takes something.

use std::time::{Duration, Instant};

use crossbeam_channel::RecvTimeoutError;

use super::{PROMPT, Screen, Signal, State, tty};

/// How long a terminal may take nothing before it is taken for stuck, by those who must go on.
const STUCK: Duration = Duration::from_millis(250);

/// How long the writer may take to give up when the terminal was emptied.
const GIVE_UP: Duration = Duration::from_millis(100);

/// How long the last words may take, whatever the terminal takes.
const LAST_WORDS: Duration = Duration::from_secs(2);

impl Screen {
    /// Lets the shell have the terminal, if there is one.
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
        // The signal to the group is one to ourselves as well, and must not stop us a second time.
        let signals = &self.sources.signals;
        let deadline = Instant::now() + STUCK;
        tty::stop(|| while let Ok(Signal::Resized) = signals.recv_deadline(deadline) {});
    }

    /// Takes the terminal again, if it is ours.
    pub(super) fn come_back(&mut self) {
        if self.state == State::Shells && tty::is_ours() {
            self.state = State::Ours;
            let _ = tty::set_raw();
            let keep = if std::mem::take(&mut self.has_left) { tty::KEEP_TITLE } else { "" };
            self.head = format!("{keep}{}{}", tty::ENTER, self.title);
            self.is_stale = true;
        }
    }

    /// Waits until the last frame is written; not longer than the terminal takes something, and not
    /// longer than until the deadline.
    fn finish_writing(&mut self, deadline: Instant) {
        while self.is_writing && Instant::now() < deadline {
            match self.sources.written.recv_timeout(STUCK) {
                Ok(written) => self.written(&written),
                Err(RecvTimeoutError::Timeout) => return,
                Err(RecvTimeoutError::Disconnected) => self.closed(),
            }
        }
    }

    /// The client has ended: prints what is left, and what was typed and not sent.
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
            // The terminal is stuck. The writer gives up when it need not wait any more.
            self.frames = None;
            tty::discard();
            let deadline = Instant::now() + GIVE_UP;
            while self.sources.written.recv_deadline(deadline).is_ok() {}
        }
    }
}
