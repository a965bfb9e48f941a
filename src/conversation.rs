//! The client's one thread that decides: it waits for whatever comes next (input, the connection,
//! a timer) and keeps the promise that nothing said is lost.

use std::io;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, at, never, select};

use crate::client::{self, Config, Failure, Input, Screen, Status};
use crate::connection::{Connection, Ending};
use crate::link::{Link, Received};
use crate::outbox::{Outbox, Own};
use crate::patience::Patience;
use crate::wire::{self, Framing};

/// How long a leaving client waits for the server to close its side.
const GOODBYE: Duration = Duration::from_secs(1);

/// What was said, what is confirmed, and how it ends.
struct Conversation<'a> {
    config: &'a Config,
    screen: &'a mut dyn Screen,
    outbox: Outbox,
    connection: Connection<'a>,
    input_ended: bool,
    refused: usize,
    patience: Patience,
    over: Option<Result<(), Failure>>,
}

/// Runs a client until the input has ended and everything is confirmed, until it fails, or until
/// something comes over `quit`.
///
/// # Errors
/// What was asked for could not be done; see [`Failure`].
pub fn run(
    config: &Config,
    input: &Receiver<Input>,
    quit: &Receiver<()>,
    screen: &mut dyn Screen,
) -> Result<(), Failure> {
    let mut conversation = Conversation {
        config,
        screen,
        outbox: Outbox::default(),
        connection: Connection::new(config),
        input_ended: false,
        refused: 0,
        patience: Patience::new(config.give_up_after),
        over: None,
    };
    while conversation.over.is_none() {
        conversation.step(input, quit);
    }
    conversation.over.unwrap_or(Ok(()))
}

impl Conversation<'_> {
    /// Waits for the next thing to happen, and does what it asks for.
    fn step(&mut self, input: &Receiver<Input>, quit: &Receiver<()>) {
        self.send_what_waits();
        self.show_what_waits();
        if self.screen.flush().is_err() || self.is_done() {
            return self.leave();
        }
        let no_input = never();
        let wants_input = !self.input_ended && self.outbox.len() < self.config.window;
        let input = if wants_input { input } else { &no_input };
        let timer = self.next_timer().map_or_else(never, at);
        select! {
            recv(quit) -> _ => self.leave(),
            recv(input) -> input => self.obey(input.unwrap_or(Input::End)),
            recv(self.connection.received()) -> received => {
                self.receive(received.unwrap_or(Received::Closed(None)));
            }
            recv(self.connection.dialed()) -> link => match link {
                Ok(Ok(link)) => self.connected(link),
                Ok(Err(error)) => self.not_connected(&error),
                Err(_) => self.not_connected(&io::ErrorKind::Interrupted.into()),
            },
            recv(timer) -> _ => self.time_passed(),
        }
    }

    /// Whether all that was asked for is done.
    fn is_done(&self) -> bool {
        self.input_ended
            && if self.config.stay {
                self.connection.ended_well() && self.outbox.unconfirmed() == 0
            } else {
                self.connection.was_up() && self.outbox.is_empty()
            }
    }

    fn obey(&mut self, input: Input) {
        match input {
            Input::Say(text) => self.say(&text),
            Input::TooLong => self.refuse(),
            Input::End => self.input_ended = true,
            Input::Connect if self.connection.is_up() => self.screen.notice("Connected already"),
            Input::Connect => {
                if let Err(error) = self.connection.dial_afresh() {
                    self.not_connected(&error);
                }
            }
            Input::Disconnect => self.disconnect(),
            Input::Quit => self.leave(),
            Input::Help(text) => self.screen.notice(&text),
            Input::Mistake(why) => self.screen.complaint(&why),
        }
    }

    fn say(&mut self, text: &str) {
        let line = self.config.line(text);
        if line.len() > self.config.max_line {
            return self.refuse();
        }
        if self.outbox.is_empty() {
            self.patience.progress();
        }
        self.outbox.push(line);
    }

    fn refuse(&mut self) {
        self.refused += 1;
        let max = self.config.max_line;
        self.screen
            .complaint(&format!("Not sent: with your name a line may have at most {max} bytes"));
    }

    fn send_what_waits(&mut self) {
        let Some(link) = self.connection.link() else { return };
        let window = self.connection.window(self.patience.overdue());
        while self.outbox.in_flight() < window
            && self.connection.speaks_later().is_none()
            && let Some(line) = self.outbox.send()
        {
            link.send(line);
        }
    }

    /// Lets the user see what he said and nobody has heard yet.
    fn show_what_waits(&mut self) {
        if !self.connection.is_up() || self.patience.overdue() > 0 {
            while let Some(line) = self.outbox.show() {
                self.screen.waiting(line);
            }
        }
    }

    fn receive(&mut self, received: Received) {
        match received {
            Received::Lines(lines) if self.config.framing == Framing::Raw => {
                for chunk in &lines {
                    for (part, own) in self.outbox.confirm_parts(chunk) {
                        self.hear(part, own);
                    }
                }
            }
            Received::Lines(lines) => lines.into_iter().for_each(|line| {
                let own = self.outbox.confirm(&line);
                self.hear(line, own);
            }),
            Received::Sent(count) if self.config.local_echo => {
                for line in (0..count).map_while(|_| self.outbox.pop()).collect::<Vec<_>>() {
                    self.screen.own(&line);
                }
                self.patience.progress();
            }
            Received::Sent(_) => {}
            Received::Closed(error) => self.lost(error.as_ref()),
        }
    }

    fn hear(&mut self, line: String, own: Option<Own>) {
        if own.is_some() {
            self.patience.progress();
        }
        match own {
            Some(Own::Confirmed) => self.screen.own(&line),
            Some(Own::Again) => {}
            None => self.screen.other(&line),
        }
        if let Some(limit) = wire::refused_over(&line)
            && let Some(dropped) = self.outbox.drop_refused(limit)
        {
            self.refused += 1;
            self.screen.complaint(&format!("Refused by the server, not sent: {dropped}"));
        }
        self.connection.heard(line);
    }

    fn connected(&mut self, link: Link) {
        self.screen.notice(&link.welcome(&self.config.name));
        self.screen.status(Status::Online { port: link.local_port });
        self.patience.progress();
        self.connection.succeeded(link);
    }

    fn not_connected(&mut self, error: &io::Error) {
        let attempts = self.connection.failed();
        let why = self.connection.why_failed(error);
        if !self.config.reconnect {
            self.over = Some(Err(Failure::NotConnected(why, self.outbox.unconfirmed())));
        } else if attempts == 1 {
            self.screen.notice(&format!("{why}; trying again until it answers"));
        } else if attempts >= 8 && attempts.is_power_of_two() {
            self.screen.notice(&format!("{why}, attempt {attempts}"));
        }
    }

    fn lost(&mut self, error: Option<&io::Error>) {
        let Some(why) = self.connection.why_lost(error) else { return };
        self.screen.notice(&why);
        match self.connection.lost() {
            Ending::TurnedAway => self.patience.take_back(),
            Ending::Stopped | Ending::Broken => self.patience.progress(),
        }
        if self.config.reconnect && !self.connection.ended_well() {
            self.outbox.recall();
        }
        self.offline();
        if !self.config.reconnect {
            self.over = Some(match self.outbox.len() {
                0 => client::outcome(0, self.refused),
                lines => Err(Failure::NotConnected("The connection was lost".to_owned(), lines)),
            });
        }
    }

    fn disconnect(&mut self) {
        self.part();
        self.patience.progress();
        self.connection.hang_up();
        self.offline();
        self.screen.notice("Disconnected; /connect to come back");
    }

    /// The link is gone. What was sent over it and not confirmed will be sent again.
    fn offline(&mut self) {
        self.outbox.rewind();
        self.screen.status(Status::Offline);
    }

    fn next_timer(&self) -> Option<Instant> {
        let unsent = self.outbox.len() > self.outbox.in_flight();
        let send = self.connection.speaks_later().filter(|_| unsent);
        let waits = unsent || self.outbox.has_unseen();
        let overdue = waits.then(|| self.patience.next_overdue());
        let timers = [self.connection.next_attempt(), send, overdue, self.gives_up_at()];
        timers.into_iter().flatten().min()
    }

    fn gives_up_at(&self) -> Option<Instant> {
        let content = self.connection.is_up() && self.outbox.is_empty();
        self.patience.end().filter(|_| !content)
    }

    fn time_passed(&mut self) {
        let now = Instant::now();
        if self.gives_up_at().is_some_and(|deadline| now >= deadline) {
            self.over = Some(Err(self.out_of_patience()));
        } else if self.connection.next_attempt().is_some_and(|due| now >= due)
            && let Err(error) = self.connection.dial()
        {
            self.not_connected(&error);
        }
    }

    fn out_of_patience(&self) -> Failure {
        let lines = self.outbox.unconfirmed();
        if self.connection.is_up() {
            return Failure::Unconfirmed(lines);
        }
        Failure::NotConnected(format!("No connection to {}", self.config.address), lines)
    }

    fn leave(&mut self) {
        self.part();
        let _ = self.screen.flush();
        self.over = Some(client::outcome(self.outbox.unconfirmed(), self.refused));
    }

    /// Says goodbye, and shows what still comes until the server closes its side.
    fn part(&mut self) {
        let Some(link) = self.connection.link() else { return };
        link.send(&self.config.name.farewell());
        self.connection.finish();
        let deadline = Instant::now() + GOODBYE;
        while let Ok(received) = self.connection.received().recv_deadline(deadline)
            && !matches!(received, Received::Closed(_))
        {
            self.receive(received);
        }
    }
}
