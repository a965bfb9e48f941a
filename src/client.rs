//! The client: one thread that waits for whatever comes next (input, the connection, a timer) and
//! keeps the promise that nothing said is lost. Knows no terminal: see `terminal.rs` for those.

use std::time::{Duration, Instant};
use std::{fmt, io};

use crossbeam_channel::{Receiver, at, never, select};

use crate::link::{Link, Manner, Received, dial};
use crate::outbox::Outbox;
use crate::wire::{self, Framing, Name};

/// How many lines may be sent and not confirmed: enough to keep a connection busy, and no more
/// than a room can swallow at once.
pub const WINDOW: usize = 64;

/// How long the client rests after its first failed attempt to connect; doubled each time.
const FIRST_REST: Duration = Duration::from_millis(50);

/// The longest rest between two attempts.
const LONGEST_REST: Duration = Duration::from_millis(400);

/// How long after a reconnect lines are sent again: by then the others who lost the same server
/// are back to hear them. Longer than [`LONGEST_REST`].
const GATHER: Duration = Duration::from_millis(600);

/// How long a leaving client waits for the server to close its side.
const GOODBYE: Duration = Duration::from_secs(1);

/// How far apart raw messages are sent if nothing comes back that could be waited for.
const RAW_GAP: Duration = Duration::from_millis(20);

/// What a client is to be.
#[derive(Clone, Debug)]
pub struct Config {
    /// The server, as `HOST:PORT`.
    pub address: String,
    /// Who speaks.
    pub name: Name,
    /// How messages are told apart.
    pub framing: Framing,
    /// Own lines do not come back: what is sent counts as confirmed.
    pub local_echo: bool,
    /// The longest line, in bytes.
    pub max_line: usize,
    /// How many unconfirmed lines there may be before no more input is taken.
    pub window: usize,
    /// Whether to go on when the input has ended.
    pub stay: bool,
    /// Whether to connect again when the connection is lost.
    pub reconnect: bool,
    /// How long to try without getting anywhere; for ever if nothing is said.
    pub give_up_after: Option<Duration>,
}

/// What the user, or a script, wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// Say this.
    Say(String),
    /// There was a line over the limit; it was not even read.
    TooLong,
    /// There is no more to say.
    End,
    /// Connect now.
    Connect,
    /// Hang up, and stay so.
    Disconnect,
    /// Leave.
    Quit,
}

/// Where the client stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// Connected, from this port of ours.
    Online {
        /// The port of this side.
        port: u16,
    },
    /// Not connected.
    Offline,
}

/// Where the client shows what happens.
pub trait Screen {
    /// A line of our own has come back.
    fn own(&mut self, line: &str);
    /// Somebody said something.
    fn other(&mut self, line: &str);
    /// Something about the chat.
    fn notice(&mut self, notice: &str);
    /// A line waits for a connection.
    fn waiting(&mut self, line: &str);
    /// The connection was made or lost.
    fn status(&mut self, status: Status);
    /// Everything that came so far has been shown.
    ///
    /// # Errors
    /// Nobody watches any more.
    fn flush(&mut self) -> io::Result<()>;
}

/// Why a client did not end as it should.
#[derive(Debug, PartialEq, Eq)]
pub enum Failure {
    /// No connection in time, or it was lost and not to be made again; with the lines unconfirmed.
    NotConnected(String, usize),
    /// Connected, but these lines never came back.
    Unconfirmed(usize),
    /// These lines were refused, by the client itself or by the server.
    Refused(usize),
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Self::NotConnected(why, 0) => write!(f, "{why}; is the server running?"),
            Self::NotConnected(why, lines) => write!(f, "{why}; {lines} lines are unconfirmed"),
            Self::Unconfirmed(lines) => write!(
                f,
                "{lines} lines are unconfirmed; if the server does not send them back, use --local-echo"
            ),
            Self::Refused(lines) => write!(f, "{lines} lines were too long and not delivered"),
        }
    }
}

enum Connection {
    Up(Link),
    Dialing(Receiver<io::Result<Link>>),
    Resting(Instant),
    /// The user hung up.
    Down,
}

struct Client<'a> {
    config: &'a Config,
    screen: &'a mut dyn Screen,
    outbox: Outbox,
    connection: Connection,
    /// Failed attempts since the last connection.
    attempts: u32,
    was_connected: bool,
    /// When lines may be sent: after a reconnect, not before the others are back as well.
    send_from: Instant,
    input_ended: bool,
    refused: usize,
    /// The last line received: a server that stops says so before it closes.
    last_line: String,
    /// The last connection ended with that, and there has been none since.
    server_stopped: bool,
    /// When our efforts last got anywhere.
    progress: Instant,
    over: Option<End>,
}

type End = Result<(), Failure>;

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
    let now = Instant::now();
    let mut client = Client {
        config,
        screen,
        outbox: Outbox::default(),
        connection: Connection::Resting(now),
        attempts: 0,
        was_connected: false,
        send_from: now,
        input_ended: false,
        refused: 0,
        last_line: String::new(),
        server_stopped: false,
        progress: now,
        over: None,
    };
    loop {
        if let Some(end) = client.over.take() {
            return end;
        }
        client.step(input, quit);
    }
}

impl Client<'_> {
    /// Waits for the next thing to happen, and does what it asks for.
    fn step(&mut self, input: &Receiver<Input>, quit: &Receiver<()>) {
        self.send_what_waits();
        if self.screen.flush().is_err() || self.is_done() {
            return self.leave();
        }
        let (no_input, no_link, no_dial) = (never(), never(), never());
        let wants_input = !self.input_ended && self.outbox.len() < self.config.window;
        let input = if wants_input { input } else { &no_input };
        let (received, dialed) = match &self.connection {
            Connection::Up(link) => (link.received(), &no_dial),
            Connection::Dialing(dialed) => (&no_link, dialed),
            Connection::Resting(_) | Connection::Down => (&no_link, &no_dial),
        };
        let timer = self.next_timer().map_or_else(never, at);
        select! {
            recv(quit) -> _ => self.leave(),
            recv(input) -> input => self.obey(input.unwrap_or(Input::End)),
            recv(received) -> received => self.receive(received.unwrap_or(Received::Closed(None))),
            recv(dialed) -> link => match link {
                Ok(Ok(link)) => self.connected(link),
                Ok(Err(error)) => self.not_connected(&error),
                Err(_) => self.not_connected(&io::ErrorKind::Interrupted.into()),
            },
            recv(timer) -> _ => self.time_passed(),
        }
    }

    /// Whether all that was asked for is done.
    fn is_done(&self) -> bool {
        let heard_all = if self.config.stay { self.server_stopped } else { self.was_connected };
        self.input_ended && self.outbox.is_empty() && heard_all
    }

    fn obey(&mut self, input: Input) {
        match input {
            Input::Say(text) => self.say(&text),
            Input::TooLong => self.refuse(),
            Input::End => self.input_ended = true,
            Input::Connect => match self.connection {
                Connection::Up(_) => self.screen.notice("You are connected already"),
                _ => self.dial(),
            },
            Input::Disconnect => {
                self.hang_up();
                self.connection = Connection::Down;
                self.screen.notice("Disconnected; /connect to come back");
            }
            Input::Quit => self.leave(),
        }
    }

    fn say(&mut self, text: &str) {
        let line = self.config.name.says(text);
        if line.len() > self.config.max_line {
            return self.refuse();
        }
        if self.outbox.is_empty() {
            self.progress = Instant::now();
        }
        if !matches!(self.connection, Connection::Up(_)) {
            self.screen.waiting(&line);
        }
        self.outbox.push(line);
    }

    fn refuse(&mut self) {
        self.refused += 1;
        let max = self.config.max_line;
        self.screen
            .notice(&format!("Not sent: with your name a line may have at most {max} bytes"));
    }

    fn send_what_waits(&mut self) {
        let Connection::Up(link) = &self.connection else { return };
        let echoed_raw = self.config.framing == Framing::Raw && !self.config.local_echo;
        // A raw message that is sent before the last one came back may be read as one with it.
        let window = if echoed_raw { 1 } else { WINDOW };
        while self.outbox.in_flight() < window
            && Instant::now() >= self.send_from
            && let Some(line) = self.outbox.send()
        {
            link.send(line);
        }
    }

    fn receive(&mut self, received: Received) {
        match received {
            Received::Lines(lines) if self.config.framing == Framing::Raw => {
                for chunk in lines {
                    self.hear_raw(&chunk);
                }
            }
            Received::Lines(lines) => lines.into_iter().for_each(|line| self.hear(line)),
            Received::Sent(count) if self.config.local_echo => {
                for line in (0..count).map_while(|_| self.outbox.pop()).collect::<Vec<_>>() {
                    self.screen.own(&line);
                }
                self.progress = Instant::now();
            }
            Received::Sent(_) => {}
            Received::Closed(error) => self.lost(error.as_ref()),
        }
    }

    /// What one read brought may be several messages: TCP joins what follows closely. Our own is
    /// the one that can be told from the rest.
    fn hear_raw(&mut self, chunk: &str) {
        let own = self.outbox.front_in_flight().map(str::to_owned);
        let Some((before, after)) = own.as_ref().and_then(|own| chunk.split_once(own.as_str()))
        else {
            return self.hear(chunk.trim_end_matches('\n').to_owned());
        };
        for part in [before, own.as_deref().unwrap_or_default(), after] {
            let part = part.trim_matches('\n');
            if !part.is_empty() {
                self.hear(part.to_owned());
            }
        }
    }

    fn hear(&mut self, line: String) {
        if self.outbox.confirm(&line) {
            self.progress = Instant::now();
            self.screen.own(&line);
        } else {
            self.screen.other(&line);
        }
        if let Some(limit) = wire::refused_over(&line)
            && let Some(dropped) = self.outbox.drop_refused(limit)
        {
            self.refused += 1;
            self.screen.notice(&format!("The server refused this line, it is not sent: {dropped}"));
        }
        self.last_line = line;
    }

    fn dial(&mut self) {
        let echoes = !self.config.local_echo;
        let raw_gap = if echoes { Duration::ZERO } else { RAW_GAP };
        let manner = Manner { framing: self.config.framing, raw_gap };
        match dial(&self.config.address, manner) {
            Ok(dialed) => self.connection = Connection::Dialing(dialed),
            Err(error) => self.not_connected(&error),
        }
    }

    fn connected(&mut self, link: Link) {
        let (server, port) = (link.server_port, link.local_port);
        let name = &self.config.name;
        self.screen.notice(&format!(
            "Connection to Server @PORT #{server} Successful! You are {name} @PORT #{port}"
        ));
        self.screen.status(Status::Online { port });
        let now = Instant::now();
        self.send_from = if self.was_connected { now + GATHER } else { now };
        self.progress = now;
        self.attempts = 0;
        self.was_connected = true;
        self.last_line.clear();
        self.server_stopped = false;
        self.connection = Connection::Up(link);
    }

    fn not_connected(&mut self, error: &io::Error) {
        self.attempts += 1;
        let attempts = self.attempts;
        let port = self.config.address.rsplit(':').next().unwrap_or_default();
        let why = format!("Connection to Server @PORT #{port} Failed ({})", plain(error));
        if !self.config.reconnect {
            self.over = Some(Err(Failure::NotConnected(why, self.outbox.len())));
        } else if attempts == 1 {
            self.screen.notice(&format!("{why}; trying again until it answers"));
        } else if attempts.is_power_of_two() {
            self.screen.notice(&format!("{why}, attempt {attempts}"));
        }
        let rest = FIRST_REST * 2_u32.saturating_pow(attempts - 1).min(64);
        self.connection = Connection::Resting(Instant::now() + rest.min(LONGEST_REST));
    }

    fn lost(&mut self, error: Option<&io::Error>) {
        let Connection::Up(link) = &self.connection else { return };
        self.server_stopped = wire::is_offline(&self.last_line);
        let why = error.map_or("the server closed it".to_owned(), plain);
        self.screen
            .notice(&format!("Connection to Server @PORT #{} Lost ({why})", link.server_port));
        self.hang_up();
        self.connection = Connection::Resting(Instant::now() + FIRST_REST);
        if !self.config.reconnect && self.outbox.is_empty() {
            self.over = Some(self.outcome());
        } else if !self.config.reconnect {
            let why = "The connection was lost".to_owned();
            self.over = Some(Err(Failure::NotConnected(why, self.outbox.len())));
        }
    }

    /// Gives the connection up. What was sent and not confirmed will be sent again.
    fn hang_up(&mut self) {
        self.connection = Connection::Down;
        self.outbox.rewind();
        self.progress = Instant::now();
        self.screen.status(Status::Offline);
    }

    fn next_timer(&self) -> Option<Instant> {
        let attempt = match self.connection {
            Connection::Resting(until) => Some(until),
            _ => None,
        };
        let sends_later =
            self.outbox.len() > self.outbox.in_flight() && self.send_from > Instant::now();
        let send = sends_later.then_some(self.send_from);
        [attempt, send, self.gives_up_at()].into_iter().flatten().min()
    }

    fn gives_up_at(&self) -> Option<Instant> {
        let content = matches!(self.connection, Connection::Up(_)) && self.outbox.is_empty();
        let patience = self.config.give_up_after.filter(|_| !content)?;
        self.progress.checked_add(patience)
    }

    fn time_passed(&mut self) {
        let now = Instant::now();
        if self.gives_up_at().is_some_and(|deadline| now >= deadline) {
            let lines = self.outbox.len();
            self.over = Some(Err(match self.connection {
                Connection::Up(_) => Failure::Unconfirmed(lines),
                _ => Failure::NotConnected(
                    format!("No connection to {}", self.config.address),
                    lines,
                ),
            }));
        } else if let Connection::Resting(until) = self.connection
            && now >= until
        {
            self.dial();
        }
    }

    /// Says goodbye, and shows what still comes until the server closes its side.
    fn leave(&mut self) {
        let deadline = Instant::now() + GOODBYE;
        if let Connection::Up(link) = &mut self.connection {
            link.send(&self.config.name.farewell());
            link.finish();
        }
        while let Connection::Up(link) = &self.connection
            && let Ok(received) = link.received().recv_deadline(deadline)
            && !matches!(received, Received::Closed(_))
        {
            self.receive(received);
        }
        let _ = self.screen.flush();
        self.over = Some(self.outcome());
    }

    fn outcome(&self) -> Result<(), Failure> {
        match (self.outbox.len(), self.refused) {
            (0, 0) => Ok(()),
            (0, refused) => Err(Failure::Refused(refused)),
            (lines, _) => Err(Failure::Unconfirmed(lines)),
        }
    }
}

/// The error as a person would say it, without the system's number for it.
fn plain(error: &io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or_default().to_lowercase()
}
