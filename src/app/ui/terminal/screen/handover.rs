//! Gives the terminal to the shell, takes it back, and gives it back for good at the end. Here the
//! thread `screen` waits for the writer, but it stops waiting when the terminal takes nothing.

use std::time::{Duration, Instant};

use rustix::process::{Signal, kill_current_process_group};

use super::{PROMPT, Screen, tty};

/// If the terminal takes nothing for this long, the thread `screen` treats it as stuck and goes on.
const STUCK: Duration = Duration::from_millis(250);

/// How long the last output may take, even while the terminal takes data.
const LAST_WORDS: Duration = Duration::from_secs(2);

impl Screen {
    /// Gives the terminal to the shell, and stops. Without a shell, the system ignores the signal, and the
    /// client soon takes the terminal back.
    pub(super) fn suspend(&mut self) {
        if !tty::is_ours() {
            return;
        }
        let deadline = Instant::now() + LAST_WORDS;
        self.finish_writing(deadline);
        if !self.is_writing {
            let frame = self.lines() + tty::LEAVE;
            self.write(frame);
            self.finish_writing(deadline);
            self.head += tty::KEEP_TITLE;
        }
        self.has_terminal = false;
        tty::set_as_before();
        // Programs such as `cargo run` are in the same group, and the shell waits for them.
        let _ = kill_current_process_group(Signal::TSTP);
    }

    /// Takes the terminal back, if this program is in the foreground.
    pub(super) fn come_back(&mut self) {
        self.has_terminal = tty::is_ours();
        if self.has_terminal {
            let _ = tty::set_raw();
            self.head += tty::ENTER;
            self.title.clear();
        }
    }

    /// Waits until the last frame is written. Stops waiting when the terminal takes nothing, and at
    /// the deadline.
    fn finish_writing(&mut self, deadline: Instant) {
        while self.is_writing && Instant::now() < deadline {
            let Ok(left) = self.channels.written.recv_timeout(STUCK) else { return };
            self.is_writing = left > 0;
        }
    }

    /// The client has ended: prints the remaining lines, and the text that was typed and not sent.
    pub(super) fn end(mut self) {
        let deadline = Instant::now() + LAST_WORDS;
        if !self.draft.text().is_empty() {
            self.notice(format!("{PROMPT}{}", self.draft.text()));
        }
        self.finish_writing(deadline);
        while self.has_terminal && !self.is_writing && !self.waiting.is_empty() {
            let frame = self.lines();
            self.write(frame);
            self.finish_writing(deadline);
        }
    }
}
