//! How a connection ends, and how the client ends. The client must not claim more than it knows.

use std::io;
use std::time::{Duration, Instant};

use super::EventLoop;
use crate::client::connection::Received;
use crate::client::dialer::{Ending, in_words};
use crate::client::{Failure, and, unconfirmed};
use crate::protocol::{self, counted};

/// How long a leaving client waits for the server to close its side.
const GOODBYE: Duration = Duration::from_secs(1);

/// After this many useless connections in a row, the server does not look like a chat server.
const USELESS: u32 = 3;

/// Why lines did not come back over a connection that lasts.
const NO_ANSWER: &str =
    "the server did not answer; if it does not send them back, use --local-echo";

impl EventLoop<'_> {
    pub(super) fn is_done(&self) -> bool {
        let broken = self.unreadable.is_some();
        self.input_ended
            && if self.config.stay && !broken {
                self.dialer.ended_well && self.outbox.unconfirmed() == 0
            } else {
                (self.dialer.was_up || broken) && self.outbox.is_empty()
            }
    }

    pub(super) fn lost(&mut self, error: Option<io::Error>) {
        let reason = error.map_or("the server closed it".to_owned(), |error| in_words(&error));
        match self.joke.take() {
            Some(_) => self.ended(Ending::TurnedAway, "the server is full"),
            None if self.dialer.says_goodbye() => self.ended(Ending::Stopped, &reason),
            None => self.ended(Ending::Broken, &reason),
        }
    }

    pub(super) fn ended(&mut self, ending: Ending, reason: &str) {
        let is_loss = matches!(ending, Ending::Stopped | Ending::Broken);
        let server = self.config.server();
        let what = if is_loss { "Lost" } else { "Failed" };
        let why = format!("Connection to {server} {what} ({reason})");
        if is_loss {
            self.tell_success();
            self.screen.notice(why.clone());
        } else if self.config.reconnect && self.dialer.ended != Some(ending) {
            let until = if ending == Ending::Failed { "" } else { " until there is a place" };
            self.screen.notice(format!("{why}; retrying{until}"));
        }
        let useless = self.dialer.lost(ending, self.progress);
        if is_loss && useless == 0 && self.outbox.is_empty() {
            self.progress = Instant::now();
        }
        if is_loss && useless == USELESS {
            self.screen.notice(format!(
                "{server} ends each connection at once: this does not look like a chat server; \
                 retrying, but less often"
            ));
        }
        match ending {
            Ending::Failed => {}
            Ending::Stopped if !self.config.local_echo => self.outbox.rewind(),
            _ => self.outbox.recall(!self.config.local_echo),
        }
        if ending != Ending::Broken {
            self.outbox.absolve();
        }
        if !self.config.reconnect {
            self.over = Some(match self.unconfirmed() {
                _ if ending == Ending::Failed => Err(self.unreachable(why)),
                0 if self.input_ended && is_loss => self.all_confirmed(),
                unconfirmed => Err(Failure::NotConnected { why, unconfirmed }),
            });
        }
    }

    pub(super) fn disconnect(&mut self) {
        self.part();
        self.progress = Instant::now();
        self.dialer.hang_up();
        self.outbox.rewind();
        self.greets = self.config.greets;
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
        self.progress.checked_add(self.config.give_up_after?).filter(|_| !content)
    }

    pub(super) fn give_up(&mut self) {
        let server = self.config.server();
        self.over = Some(Err(if self.dialer.is_up() {
            unfinished(self.unconfirmed(), NO_ANSWER)
        } else {
            self.unreachable(format!("no connection to {server}"))
        }));
    }

    pub(super) fn unreachable(&self, mut why: String) -> Failure {
        let unconfirmed = self.unconfirmed();
        if !self.dialer.was_up && self.dialer.ended.is_none() {
            why += ": no attempt to connect has ended yet, use a longer --give-up-after";
        } else if unconfirmed == 0 {
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
        let unconnected = format!("no connection to {}", self.config.server());
        let why = if was_up { "the client ended first".to_owned() } else { unconnected };
        let lines = self.unconfirmed();
        let ended = match lines {
            0 => self.all_confirmed(),
            _ if lines == self.given_up => {
                Err(unfinished(lines, "given up, the connection ended each time"))
            }
            _ if lines == self.outbox.unsent() => {
                let lines = counted(lines, "line was", "lines were");
                Err(Failure::Unfinished(format!("{lines} not sent: {why}")))
            }
            // Without an echo, a line that was sent once waits to be sent again.
            _ if !was_up || self.config.local_echo => {
                Err(Failure::NotConnected { why, unconfirmed: lines })
            }
            _ => Err(unfinished(lines, NO_ANSWER)),
        };
        self.over = Some(match shown {
            // The reader of a pipe may close it early, as `| head` does.
            Err(why) if why.kind() == io::ErrorKind::BrokenPipe => {
                ended.map_err(|_| Failure::Unwanted)
            }
            Err(why) => {
                let why = format!("cannot write to stdout ({})", in_words(&why));
                Err(Failure::Unfinished(format!("{why}: redirect it elsewhere{}", and(lines))))
            }
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
    fn all_confirmed(&self) -> Result<(), Failure> {
        if let Some(why) = &self.unreadable {
            let why = in_words(why);
            let advice = format!("cannot read stdin ({why}): redirect it from elsewhere");
            return Err(Failure::Unfinished(advice));
        }
        if self.refused > 0 {
            return Err(Failure::TooLong(self.refused));
        }
        if !self.input_ended && !self.input.is_empty() {
            return Err(Failure::Unfinished("stopped before the end of the input".to_owned()));
        }
        Ok(())
    }

    /// Says goodbye, and shows the messages that arrive until the server closes its side.
    fn part(&mut self) {
        if self.said_farewell {
            self.send_waiting_lines();
        }
        let farewell = self.farewell();
        let Some(connection) = &mut self.dialer.connection else { return };
        if !self.said_farewell {
            connection.send(&farewell);
        }
        connection.outgoing = None;
        let deadline = Instant::now() + GOODBYE;
        while let Ok(received) = self.dialer.received.recv_deadline(deadline)
            && !matches!(received, Received::Closed(_))
        {
            self.receive(received);
        }
        if self.joke.is_none() {
            self.tell_success();
        }
    }
}

fn unfinished(lines: usize, why: &str) -> Failure {
    Failure::Unfinished(format!("{}: {why}", unconfirmed(lines)))
}
