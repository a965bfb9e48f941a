//! The client's event loop: one thread makes all decisions. It waits for the next event (input,
//! connection, timer) and keeps the promise that no line is lost.

mod ending;

use std::io;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, at, never, select_biased};

use super::connection::Received;
use super::dialer::{Dialer, Ending, PROOF, in_words};
use super::outbox::{Outbox, Own, WINDOW};
use super::{Config, Failure, Input, Introduction, Screen, Show};
use crate::protocol::{self, Framing, Name};

/// If no own line comes back for this many seconds, the client says what may be wrong.
const SILENCE: u64 = 5;

struct EventLoop<'a> {
    config: &'a Config,
    name: Name,
    input: &'a Receiver<Input>,
    screen: &'a mut dyn Screen,
    outbox: Outbox,
    dialer: Dialer<'a>,
    /// When the client last made progress, for example when a line came back. A connection alone is no
    /// progress, because any server can accept a connection.
    progress: Instant,
    input_ended: bool,
    unreadable: Option<io::Error>,
    greets: bool,
    said_farewell: bool,
    /// The user knows of the connection: the server is not full.
    told: bool,
    /// The only message of the connection, if it says that the server is full. If the connection goes
    /// on, it was somebody's joke.
    joke: Option<String>,
    /// No own line has come back so far, and the user has seen no hint about that.
    unheard: bool,
    refused: usize,
    given_up: usize,
    /// How many events are handled and not shown.
    unshown: usize,
    over: Option<Result<(), Failure>>,
}

/// Runs a client. It ends when the input has ended and every line is confirmed, when it fails, or
/// when a message arrives on `quit`.
///
/// # Errors
/// The client could not do its work; see [`Failure`].
pub fn run(
    config: &Config,
    input: &Receiver<Input>,
    quit: &Receiver<()>,
    screen: &mut dyn Screen,
) -> Result<(), Failure> {
    let mut conversation = EventLoop {
        config,
        name: config.name.clone(),
        input,
        screen,
        outbox: Outbox::new(config.is_bare().then(|| config.name.to_string())),
        dialer: Dialer::new(config),
        progress: Instant::now(),
        input_ended: false,
        unreadable: None,
        greets: config.greets,
        said_farewell: false,
        told: false,
        joke: None,
        unheard: !config.local_echo,
        refused: 0,
        given_up: 0,
        unshown: 0,
        over: None,
    };
    conversation.show_name();
    while conversation.over.is_none() {
        conversation.step(quit);
    }
    conversation.over.unwrap_or(Ok(()))
}

impl EventLoop<'_> {
    fn step(&mut self, quit: &Receiver<()>) {
        if self.input_ended {
            self.ask_for_proof();
        }
        self.send_waiting_lines();
        self.show_waiting_lines();
        // While more has arrived, one output shows that as well: a paste is thousands of inputs, and a
        // client that is behind has many reads to show.
        let wants_input = !self.input_ended && self.outbox.has_room(self.config.window);
        let input = if wants_input { self.input } else { &never() };
        let more = !self.dialer.received.is_empty() || !input.is_empty();
        self.unshown = if more { (self.unshown + 1) % WINDOW } else { 0 };
        let shown = if self.unshown == 0 { self.flush() } else { Ok(()) };
        if shown.is_err() || self.is_done() {
            return self.leave(shown);
        }
        let timer = self.next_timer().map_or_else(never, at);
        // The input comes first: if its end is already there, a connection that is lost now is no
        // failure.
        select_biased! {
            recv(quit) -> _ => self.leave(Ok(())),
            recv(input) -> input => self.obey(input.unwrap_or(Input::End)),
            recv(self.dialer.received) -> event => self.receive(event.unwrap_or(Received::Closed(None))),
            recv(timer) -> _ => self.time_passed(),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        let port = self.dialer.connection.as_ref().filter(|_| self.told).map(|it| it.local_port);
        self.screen.show(Show::State(port, self.outbox.unconfirmed()));
        self.screen.flush()
    }

    fn obey(&mut self, input: Input) {
        match input {
            Input::Say(text) => self.say(&text),
            Input::TooLong => self.refuse("more"),
            Input::End => self.input_ended = true,
            Input::Unreadable(why) => (self.input_ended, self.unreadable) = (true, Some(why)),
            Input::Connect if self.dialer.is_up() => {
                self.screen.notice(format!("Connected to {} already", self.config.server()));
            }
            Input::Connect => self.dialer.dial_afresh(),
            Input::Disconnect => self.disconnect(),
            Input::Quit => {
                self.input_ended = true;
                self.leave(Ok(()));
            }
            Input::Rename(name) => self.rename(name),
            Input::Show(what) => self.screen.show(what),
        }
    }

    fn say(&mut self, text: &str) {
        let line = match text {
            // An empty message cannot be seen on the wire.
            "" if self.config.is_bare() => " ".to_owned(),
            _ if self.config.is_bare() => text.to_owned(),
            _ => self.name.says(text),
        };
        self.push(line);
    }

    /// Puts a line into the outbox. Returns false if it is too long.
    fn push(&mut self, line: String) -> bool {
        if line.len() > self.config.max_line {
            self.refuse(&line.len().to_string());
            return false;
        }
        if self.outbox.is_empty() {
            self.progress = Instant::now();
        }
        self.outbox.push(line);
        true
    }

    /// Tells the screen the name, and how much a line may have besides it.
    fn show_name(&mut self) {
        let taken = if self.config.is_bare() { 0 } else { self.name.says("").len() };
        let room = self.config.max_line.saturating_sub(taken);
        self.screen.show(Show::Name(self.name.clone(), room));
    }

    fn rename(&mut self, name: Name) {
        if self.config.introduce != Introduction::No {
            let why = "With --introduce, the server keeps your first name: start again with --name";
            return self.screen.complaint(why.to_owned());
        }
        if name == self.name {
            return self.screen.complaint(format!("You are {name} already"));
        }
        if self.push(self.name.becomes(&name)) {
            self.name = name;
            self.show_name();
        }
    }

    fn refuse(&mut self, length: &str) {
        self.refused += 1;
        let most = protocol::counted(self.config.max_line, "byte", "bytes");
        self.screen.complaint(format!(
            "Not sent: a line with your name may have at most {most}, yours has {length}"
        ));
    }

    fn send_waiting_lines(&mut self) {
        let Some(connection) = &self.dialer.connection else { return };
        if self.dialer.speaks_later().is_some() || (self.greets && !self.told) {
            return;
        }
        if std::mem::take(&mut self.greets) {
            connection.send(&self.name.greeting());
        }
        // Only now, and not when the connection was made: a full server has said so by now.
        if let Some(line) = self.outbox.give_up() {
            self.given_up += 1;
            self.screen.complaint(format!("Given up, it ended the connection each time: {line}"));
        }
        // The other side could read two raw messages as one. So each waits until the message before it
        // has come back, or is overdue.
        let one_at_a_time = self.config.framing == Framing::Raw && !self.config.local_echo;
        let overdue = usize::try_from(self.overdue()).unwrap_or(WINDOW);
        let window = if one_at_a_time { 1 + overdue } else { WINDOW };
        while let Some(line) = self.outbox.send(window) {
            connection.send(line);
        }
    }

    /// Shows the user the lines that have not come back. Once, it also says what the reason may be.
    fn show_waiting_lines(&mut self) {
        if self.dialer.is_up() && self.overdue() == 0 {
            return;
        }
        while let Some(line) = self.outbox.show() {
            self.screen.show(Show::Waiting(line.to_owned()));
        }
        if self.unheard
            && self.outbox.in_flight() > 0
            && !self.outbox.awaits_proof()
            && self.overdue() >= SILENCE
        {
            self.unheard = false;
            let advice = "None of your lines has come back. If the server sends them only to the \
                          others, use --local-echo. If it does not use lines, use --framing raw; \
                          if it does, leave that out.";
            self.screen.notice(advice.to_owned());
        }
    }

    fn receive(&mut self, received: Received) {
        match received {
            Received::Dialed(Ok(connection)) => {
                (self.told, self.joke) = (false, None);
                self.dialer.succeeded(connection);
            }
            Received::Dialed(Err(error)) => self.ended(Ending::Failed, &in_words(&error)),
            Received::Messages(messages) => messages.into_iter().for_each(|message| {
                let may_be_full = self.dialer.last.is_empty() && protocol::is_full(&message);
                self.dialer.heard(&message);
                if !may_be_full {
                    self.tell_success();
                }
                if self.told {
                    self.hear(&message);
                }
                self.joke = Some(message).filter(|_| may_be_full);
            }),
            Received::Sent(lines) => {
                for line in lines {
                    if self.outbox.hand_over(&line) {
                        self.screen.show(Show::Own(line));
                    }
                }
                self.progress = Instant::now();
            }
            Received::Closed(error) => self.lost(error),
        }
    }

    fn hear(&mut self, message: &str) {
        match self.config.framing {
            _ if self.config.local_echo => self.show(message.trim_matches('\n'), None),
            Framing::Raw => {
                for (part, own) in self.outbox.confirm_parts(message) {
                    self.show(&part, own);
                }
            }
            Framing::Lines => {
                let mut refused = Vec::new();
                let own = self.outbox.confirm(message, &mut refused);
                for line in refused {
                    self.refused += 1;
                    self.screen.complaint(format!("Refused by the server, too long: {line}"));
                }
                self.show(message, own);
            }
        }
    }

    fn show(&mut self, message: &str, own: Option<Own>) {
        if own.is_some() {
            self.progress = Instant::now();
            self.unheard = false;
        }
        match own {
            Some(Own::Confirmed) => self.screen.show(Show::Own(message.to_owned())),
            Some(Own::Again) => {}
            None if message.is_empty() => {}
            None => self.screen.show(Show::Other(message.to_owned())),
        }
    }

    /// The server is not full: tells the user about the connection, once.
    fn tell_success(&mut self) {
        let connection = self.dialer.connection.as_ref();
        let Some(connection) = connection.filter(|_| !self.told) else { return };
        let (server, name, port) = (self.config.server(), &self.name, connection.local_port);
        let welcome = format!("Connection to {server} Successful! You are {name} @PORT #{port}");
        self.screen.notice(welcome);
        self.told = true;
        if let Some(joke) = self.joke.clone() {
            self.hear(&joke);
        }
    }

    /// Since when the lines in flight could have come back.
    fn waits_since(&self) -> Instant {
        self.progress.max(self.dialer.since)
    }

    /// For how many seconds no line has come back. After one second the lines are shown as waiting, and
    /// if the framing is raw, the next line is sent as well.
    fn overdue(&self) -> u64 {
        self.waits_since().elapsed().as_secs()
    }

    fn told_at(&self) -> Option<Instant> {
        // A full server may be slow. While it is full, the client must be silent.
        let proof = if self.dialer.ended == Some(Ending::TurnedAway) { 2 * PROOF } else { PROOF };
        (self.dialer.is_up() && !self.told).then(|| self.dialer.since + proof)
    }

    fn next_timer(&self) -> Option<Instant> {
        let overdue = self.waits_since() + Duration::from_secs(self.overdue() + 1);
        let overdue = Some(overdue).filter(|_| self.greets || !self.outbox.is_empty());
        let (dial, speak) = (self.dialer.next_attempt, self.dialer.speaks_later());
        let timers = [dial, speak, self.told_at(), overdue, self.gives_up_at()];
        timers.into_iter().flatten().min()
    }

    fn time_passed(&mut self) {
        let now = Instant::now();
        if self.gives_up_at().is_some_and(|deadline| now >= deadline) {
            self.give_up();
        } else if self.told_at().is_some_and(|due| now >= due) {
            self.tell_success();
        } else if self.dialer.next_attempt.is_some_and(|due| now >= due) {
            self.dialer.dial();
        }
    }
}
