//! The client's event loop: one thread makes all decisions. It waits for the next event (input,
//! connection, timer) and keeps the promise that no line is lost.

mod ending;

use std::io;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, at, never, select_biased};

use super::connection::{Connection, Received};
use super::dialer::{Dialer, Ending};
use super::outbox::{Outbox, Own, WINDOW};
use super::progress::ProgressTimer;
use super::{Config, Failure, Input, Introduction, Screen, Show};
use crate::protocol::{self, Framing, Name};

/// If no own line comes back for this many seconds, the client says what may be wrong.
const SILENCE: usize = 5;

/// How long a connection may be silent until it counts as successful. A full server says so at once.
const PROOF: Duration = Duration::from_millis(100);

/// The state of the client: its lines, its connection, and its result.
struct EventLoop<'a> {
    config: &'a Config,
    name: Name,
    input: &'a Receiver<Input>,
    screen: &'a mut dyn Screen,
    outbox: Outbox,
    dialer: Dialer<'a>,
    timer: ProgressTimer,
    input_ended: bool,
    unreadable: Option<io::Error>,
    /// The greeting is still to be said.
    greets: bool,
    said_farewell: bool,
    /// When the user is told about the connection, unless something comes over it before.
    told_at: Option<Instant>,
    /// The user knows that the server is full.
    told_full: bool,
    shown_state: (Option<u16>, usize),
    /// No own line has come back so far, and the user has seen no hint about that.
    unheard: bool,
    refused: usize,
    /// How many lines were given up, because each ended the connection again and again.
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
    let by_name = config.is_bare().then(|| Outbox::of_speaker(config.name.to_string()));
    let mut conversation = EventLoop {
        config,
        name: config.name.clone(),
        input,
        screen,
        outbox: by_name.unwrap_or_default(),
        dialer: Dialer::new(config),
        timer: ProgressTimer::new(config.give_up_after),
        input_ended: false,
        unreadable: None,
        greets: config.greets,
        said_farewell: false,
        told_at: None,
        shown_state: (None, usize::MAX),
        told_full: false,
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
    /// Waits for the next event, and handles it.
    fn step(&mut self, quit: &Receiver<()>) {
        if self.input_ended {
            self.ask_for_proof();
        }
        self.send_waiting_lines();
        self.show_waiting_lines();
        // While more has arrived, one output shows that as well: a paste is thousands of inputs, and a
        // client that is behind has many reads to show.
        let more =
            !self.dialer.received().is_empty() || (self.wants_input() && !self.input.is_empty());
        self.unshown = if more { (self.unshown + 1) % WINDOW } else { 0 };
        let shown = if self.unshown == 0 { self.flush() } else { Ok(()) };
        if shown.is_err() || self.is_done() {
            return self.leave(shown);
        }
        let input = if self.wants_input() { self.input } else { &never() };
        let timer = self.next_timer().map_or_else(never, at);
        // The input comes first: if its end is already there, a connection that is lost now is no
        // failure.
        select_biased! {
            recv(quit) -> _ => self.leave(Ok(())),
            recv(input) -> input => self.obey(input.unwrap_or(Input::End)),
            recv(self.dialer.received()) -> received => {
                self.receive(received.unwrap_or(Received::Closed(None)));
            }
            recv(self.dialer.dialed()) -> connection => match connection {
                Ok(Ok(connection)) => self.connected(connection),
                Ok(Err(error)) => self.not_connected(&error),
                Err(_) => self.not_connected(&io::ErrorKind::Interrupted.into()),
            },
            recv(timer) -> _ => self.time_passed(),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        let connection = self.dialer.connection().filter(|_| self.told_at.is_none());
        // Lines that were given up do not wait.
        let state = (connection.map(|it| it.local_port), self.unconfirmed() - self.given_up);
        if std::mem::replace(&mut self.shown_state, state) != state {
            self.screen.show(Show::State(state.0, state.1));
        }
        self.screen.flush()
    }

    fn wants_input(&self) -> bool {
        !self.input_ended && self.outbox.has_room(self.config.window)
    }

    fn obey(&mut self, input: Input) {
        match input {
            Input::Say(text) => self.say(&text),
            Input::TooLong => self.refuse(None),
            Input::End => self.input_ended = true,
            Input::Unreadable(why) => (self.input_ended, self.unreadable) = (true, Some(why)),
            Input::Connect if self.dialer.is_up() => {
                self.screen.notice(format!("Connected to {} already", self.config.server()));
            }
            Input::Connect => {
                self.told_full = false;
                self.dialer.dial_afresh();
            }
            Input::Disconnect if self.dialer.is_down() => {
                self.screen.notice("Not connected".to_owned());
            }
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
            self.refuse(Some(line.len()));
            return false;
        }
        if self.outbox.is_empty() {
            self.timer.progress();
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
        if self.push(self.name.becomes(&name)) {
            self.name = name;
            self.show_name();
        }
    }

    fn refuse(&mut self, length: Option<usize>) {
        self.refused += 1;
        let most = protocol::counted(self.config.max_line, "byte", "bytes");
        let has = length.map_or("more".to_owned(), |bytes| bytes.to_string());
        self.screen.complaint(format!(
            "Not sent: a line with your name may have at most {most}, yours has {has}"
        ));
    }

    fn send_waiting_lines(&mut self) {
        let Some(connection) = self.dialer.connection() else { return };
        if self.dialer.speaks_later().is_some() || (self.greets && self.told_at.is_some()) {
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
        let window = self.dialer.window(self.timer.overdue());
        while let Some(line) = self.outbox.send(window) {
            connection.send(line);
        }
    }

    /// Shows the user the lines that have not come back. Once, it also says what the reason may be.
    fn show_waiting_lines(&mut self) {
        if self.dialer.is_up() && self.timer.overdue() == 0 {
            return;
        }
        while let Some(line) = self.outbox.show() {
            self.screen.show(Show::Waiting(line.to_owned()));
        }
        if self.unheard
            && self.dialer.is_up()
            && self.outbox.in_flight() > 0
            && !self.outbox.awaits_proof()
            && self.timer.overdue() >= SILENCE
        {
            self.unheard = false;
            let other = match self.config.framing {
                Framing::Lines => "If it does not use lines, use --framing raw.",
                Framing::Raw => "If it expects lines, leave out --framing raw.",
            };
            self.screen.notice(format!(
                "None of your lines has come back. If the server sends them only to the others, \
                 use --local-echo. {other}"
            ));
        }
    }

    fn receive(&mut self, received: Received) {
        match received {
            Received::Messages(messages) => messages.into_iter().for_each(|message| {
                // The server may be full. If the connection goes on, it was somebody's joke.
                let may_be_full = self.told_at.is_some() && self.dialer.received == 0;
                if !(may_be_full && protocol::is_full(&message)) {
                    self.tell_success();
                    self.hear(&message);
                }
                self.dialer.heard(message);
            }),
            Received::Sent(lines) => {
                for line in lines {
                    if self.outbox.hand_over(&line) {
                        self.screen.show(Show::Own(line));
                    }
                }
                self.timer.progress();
            }
            Received::Closed(error) => self.lost(error),
        }
    }

    fn hear(&mut self, message: &str) {
        match self.config.framing {
            _ if self.config.local_echo => {
                let text = message.trim_matches('\n');
                if !text.is_empty() {
                    self.show(text, None);
                }
            }
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
            self.timer.progress();
            self.dialer.of_use = true;
            self.unheard = false;
        }
        match own {
            Some(Own::Confirmed) => self.screen.show(Show::Own(message.to_owned())),
            Some(Own::Again) => {}
            None => self.screen.show(Show::Other(message.to_owned())),
        }
    }

    fn connected(&mut self, connection: Connection) {
        self.timer.connected();
        self.dialer.succeeded(connection);
        let now = Instant::now();
        let later = self.dialer.speaks_later().filter(|_| self.told_full);
        self.told_at = Some(later.unwrap_or(now + PROOF));
    }

    /// The server is not full: tells the user about the connection, once.
    fn tell_success(&mut self) {
        let Some(connection) = self.dialer.connection().filter(|_| self.told_at.is_some()) else {
            return;
        };
        let (server, name, port) = (self.config.server(), &self.name, connection.local_port);
        let welcome = format!("Connection to {server} Successful! You are {name} @PORT #{port}");
        self.screen.notice(welcome);
        (self.told_at, self.told_full) = (None, false);
        if self.dialer.ending() == Ending::TurnedAway {
            let joke = self.dialer.last.clone();
            self.hear(&joke);
        }
    }

    fn next_timer(&self) -> Option<Instant> {
        let unsent = self.greets || self.outbox.len() > self.outbox.in_flight();
        let send = self.dialer.speaks_later().filter(|_| unsent);
        let unheard = self.unheard && self.outbox.in_flight() > 0;
        let waits = unsent || unheard || self.outbox.has_unseen();
        let overdue = waits.then(|| self.timer.next_overdue());
        let timers = [self.dialer.next_attempt(), send, overdue, self.gives_up_at(), self.told_at];
        timers.into_iter().flatten().min()
    }

    fn time_passed(&mut self) {
        let now = Instant::now();
        if self.gives_up_at().is_some_and(|deadline| now >= deadline) {
            self.give_up();
        } else if self.told_at.is_some_and(|due| now >= due) {
            self.tell_success();
        } else if self.dialer.next_attempt().is_some_and(|due| now >= due) {
            self.dialer.dial();
        }
    }
}
