//! How a connection ends, and how the client ends. The client must not claim more than it knows.

use std::io;
use std::time::{Duration, Instant};

use super::EventLoop;
use crate::client::Failure;
use crate::client::connection::Received;
use crate::client::dialer::{Ending, in_words};
use crate::protocol;

/// How long a leaving client waits for the server to close its side.
const GOODBYE: Duration = Duration::from_secs(1);

/// After this many useless connections in a row, the server does not look like a chat server.
const USELESS: u32 = 3;

impl EventLoop<'_> {
    /// Whether all work is done.
    pub(super) fn is_done(&self) -> bool {
        let broken = self.unreadable.is_some();
        self.input_ended
            && if self.config.stay && !broken {
                self.dialer.ended_well && self.outbox.unconfirmed() == 0
            } else {
                (self.dialer.was_up || broken) && self.outbox.is_empty()
            }
    }

    pub(super) fn not_connected(&mut self, error: &io::Error) {
        self.outbox.absolve();
        let attempts = self.dialer.failed();
        self.told_full = false;
        let server = self.config.server();
        let why = format!("Connection to {server} Failed ({})", in_words(error));
        if !self.config.reconnect {
            self.over = Some(Err(self.unreachable(why)));
        } else if attempts == 1 {
            self.screen.notice(format!("{why}; retrying"));
        }
    }

    pub(super) fn lost(&mut self, error: Option<io::Error>) {
        let ending = self.dialer.ending();
        let turned_away = ending == Ending::TurnedAway;
        let reason = error.map_or("the server closed it".to_owned(), |error| in_words(&error));
        let server = self.config.server();
        let why = if turned_away {
            format!("Connection to {server} Failed (the server is full)")
        } else {
            format!("Connection to {server} Lost ({reason})")
        };
        if !turned_away {
            self.tell_success();
            self.screen.notice(why.clone());
        } else if self.config.reconnect && !std::mem::replace(&mut self.told_full, true) {
            self.screen.notice(format!("{why}; retrying until there is a place"));
        }
        self.told_at = None;
        let useless = self.dialer.lost();
        if useless == 0 && self.outbox.is_empty() {
            self.timer.progress();
        }
        if useless == USELESS && !turned_away {
            self.screen.notice(format!(
                "{server} ends each connection at once: this does not look like a chat server; \
                 retrying, but less often"
            ));
        }
        if ending != Ending::Stopped || self.config.local_echo {
            self.outbox.recall(!self.config.local_echo);
        }
        if ending != Ending::Broken {
            self.outbox.absolve();
        }
        self.outbox.rewind();
        if !self.config.reconnect {
            self.over = Some(match self.unconfirmed() {
                0 if self.input_ended && !turned_away => self.all_confirmed(),
                unconfirmed => Err(Failure::NotConnected { why, unconfirmed }),
            });
        }
    }

    pub(super) fn disconnect(&mut self) {
        self.part();
        self.timer.progress();
        self.dialer.hang_up();
        self.outbox.rewind();
        (self.greets, self.told_at) = (self.config.greets, None);
        let server = self.config.server();
        self.screen.notice(format!("Disconnected from {server}; /connect to come back"));
    }

    /// No line follows the last refused line, so no line can prove the refusal by coming back. The
    /// farewell is sent as a line of its own to prove it.
    pub(super) fn ask_for_proof(&mut self) {
        if !self.said_farewell && self.outbox.awaits_proof() {
            self.said_farewell = true;
            self.outbox.push(self.farewell());
        }
    }

    fn farewell(&self) -> String {
        if self.config.is_bare() { protocol::FAREWELL.to_owned() } else { self.name.farewell() }
    }

    pub(super) fn gives_up_at(&self) -> Option<Instant> {
        let content = self.dialer.is_up() && self.outbox.is_empty();
        self.timer.end().filter(|_| !content)
    }

    /// The time limit has passed without progress.
    pub(super) fn give_up(&mut self) {
        let server = self.config.server();
        self.over = Some(Err(if self.dialer.is_up() {
            Failure::Unconfirmed(self.unconfirmed())
        } else if self.dialer.has_tried() {
            self.unreachable(format!("no connection to {server}"))
        } else {
            let unended = format!("no attempt to connect to {server} has ended yet");
            let why = format!("{unended}: use a longer --give-up-after");
            Failure::NotConnected { why, unconfirmed: self.unconfirmed() }
        }));
    }

    /// The failure, with a hint if it concerns no line.
    pub(super) fn unreachable(&self, mut why: String) -> Failure {
        let unconfirmed = self.unconfirmed();
        if unconfirmed == 0 {
            why += "; is the server running?";
        }
        Failure::NotConnected { why, unconfirmed }
    }

    /// Ends the client because the user, the input, the output or a signal ended it. `shown` is the
    /// result of the last output.
    pub(super) fn leave(&mut self, shown: io::Result<()>) {
        let was_up = self.dialer.is_up();
        self.ask_for_proof();
        self.part();
        let shown = shown.and_then(|()| self.screen.flush());
        let (lines, unsent) = (self.unconfirmed(), self.outbox.unsent());
        let unconnected = format!("no connection to {}", self.config.server());
        let why = if was_up { "the client ended first".to_owned() } else { unconnected };
        let ended = match lines {
            0 => self.all_confirmed(),
            _ if lines == self.given_up => Err(Failure::GivenUp(lines)),
            _ if lines == unsent => Err(Failure::Unsent { lines, why }),
            _ if !was_up => Err(Failure::NotConnected { why, unconfirmed: lines }),
            _ if self.config.local_echo => Err(Failure::NotRepeated(lines)),
            _ => Err(Failure::Unconfirmed(lines)),
        };
        self.over = Some(match shown {
            // The reader of a pipe may close it early, as `| head` does.
            Err(why) if why.kind() == io::ErrorKind::BrokenPipe => {
                ended.map_err(|_| Failure::Unwanted)
            }
            Err(why) => Err(Failure::NotShown { why, unconfirmed: lines }),
            Ok(()) => ended,
        });
    }

    /// How many of the user's lines have never come back. A farewell that waits behind them is not
    /// the user's line, so it does not count.
    pub(super) fn unconfirmed(&self) -> usize {
        let farewell = self.said_farewell && !self.outbox.is_empty();
        self.given_up + self.outbox.unconfirmed().saturating_sub(usize::from(farewell))
    }

    /// Every line that was said is confirmed. Whether this is also success depends on the input.
    fn all_confirmed(&mut self) -> Result<(), Failure> {
        match self.unreadable.take() {
            Some(why) => Err(Failure::Unreadable(why)),
            None if self.refused > 0 => Err(Failure::TooLong(self.refused)),
            None if !self.input_ended && !self.input.is_empty() => Err(Failure::Stopped),
            None => Ok(()),
        }
    }

    /// Says goodbye, and shows the messages that arrive until the server closes its side.
    fn part(&mut self) {
        let Some(connection) = self.dialer.connection() else { return };
        if self.said_farewell {
            self.send_waiting_lines();
        } else {
            connection.send(&self.farewell());
        }
        self.dialer.finish();
        let deadline = Instant::now() + GOODBYE;
        while let Ok(received) = self.dialer.received().recv_deadline(deadline)
            && !matches!(received, Received::Closed(_))
        {
            self.receive(received);
        }
        if self.dialer.ending() != Ending::TurnedAway {
            self.tell_success();
        }
    }
}
