//! The state of the client's connection: when to connect again, and when to send after a reconnect.
//! It does not decide which lines are sent.

use std::io;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, never};

use super::Config;
use super::connection::{Connection, Received, dial};
use super::echo;
use super::outbox::WINDOW;
use crate::protocol::{self, Framing};

/// How long the client rests after its first failed attempt to connect. The time doubles after each
/// attempt.
const FIRST_REST: Duration = Duration::from_millis(50);

/// The longest rest between two attempts while no server answers.
const LONGEST_REST: Duration = Duration::from_millis(200);

/// The longest rest if a server answers, but is full, or closes each connection at once.
const LONGEST_REST_OF_UNWANTED: Duration = Duration::from_secs(10);

/// How long after a reconnect, or after an attempt that failed, lines are sent. By then the other
/// clients that waited for the server have connected and can receive them. Longer than
/// [`LONGEST_REST`].
///
/// A full server says so, and closes the connection, in less time than this.
const GATHER: Duration = Duration::from_millis(600);

/// How many bytes of the last messages are kept. A sentence of the server is shorter.
const LAST: usize = 128;

/// The one connection of a client, and its state between connections.
pub(crate) struct Dialer<'a> {
    config: &'a Config,
    state: State,
    /// Failed attempts since the last connection.
    attempts: u32,
    /// How many connections in a row were useless.
    useless: u32,
    pub(super) was_up: bool,
    /// When lines may be sent. After a reconnect, this is when the other clients are back as well.
    send_from: Instant,
    /// The end of the text that came over the connection last.
    pub(super) last: String,
    /// How many messages have come over the connection.
    pub(super) received: u64,
    /// An own line came back over the connection.
    pub(super) of_use: bool,
    /// The server has stopped gracefully, and there was no connection since.
    pub(super) ended_well: bool,
}

/// How a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// The server stopped gracefully: it has delivered every line that it received.
    Stopped,
    /// The server was full, so this counts as a failed attempt.
    TurnedAway,
    /// For any other reason.
    Broken,
}

enum State {
    /// There is a connection, since then.
    Up(Connection, Instant),
    Dialing(Receiver<io::Result<Connection>>),
    Resting(Instant),
    /// The user has disconnected.
    Down,
}

impl<'a> Dialer<'a> {
    /// There is no connection yet, and the first attempt is due at once.
    pub(crate) fn new(config: &'a Config) -> Self {
        let now = Instant::now();
        Self {
            config,
            state: State::Resting(now),
            attempts: 0,
            useless: 0,
            was_up: false,
            send_from: now,
            last: String::new(),
            received: 0,
            of_use: false,
            ended_well: false,
        }
    }

    /// The connection, while there is one.
    pub(crate) fn connection(&self) -> Option<&Connection> {
        match &self.state {
            State::Up(connection, _) => Some(connection),
            _ => None,
        }
    }

    pub(crate) fn is_up(&self) -> bool {
        self.connection().is_some()
    }

    /// Whether an attempt to connect has ended, well or not.
    pub(crate) fn has_tried(&self) -> bool {
        self.was_up || self.attempts > 0
    }

    /// Whether the user has disconnected.
    pub(crate) fn is_down(&self) -> bool {
        matches!(self.state, State::Down)
    }

    /// The channel on which the events of the connection arrive.
    pub(crate) fn received(&self) -> Receiver<Received> {
        self.connection().map_or_else(never, |connection| connection.received.clone())
    }

    /// The channel on which the outcome of the running attempt arrives.
    pub(crate) fn dialed(&self) -> Receiver<io::Result<Connection>> {
        match &self.state {
            State::Dialing(dialed) => dialed.clone(),
            _ => never(),
        }
    }

    /// Tries to connect. The outcome arrives on [`dialed`](Self::dialed).
    pub(crate) fn dial(&mut self) {
        self.state = State::Dialing(dial(self.config));
    }

    /// Tries to connect because the user asked for it. It counts as a first attempt.
    pub(crate) fn dial_afresh(&mut self) {
        (self.attempts, self.useless) = (0, 0);
        self.dial();
    }

    /// An attempt made this connection. If an attempt failed before, other clients may wait for the
    /// same server. Without an echo the client cannot see that a line was lost. So it sends nothing
    /// until it is clear that the server is not full.
    pub(crate) fn succeeded(&mut self, connection: Connection) {
        let now = Instant::now();
        let waits = self.was_up || self.attempts > 0 || self.config.local_echo;
        self.send_from = if waits { now + GATHER } else { now };
        self.was_up = true;
        self.last.clear();
        (self.received, self.of_use, self.ended_well) = (0, false, false);
        self.state = State::Up(connection, now);
    }

    /// An attempt failed: rests before the next attempt. Returns the number of failed attempts.
    pub(crate) fn failed(&mut self) -> u32 {
        self.attempts += 1;
        self.rest(self.attempts - 1, LONGEST_REST);
        self.attempts
    }

    fn rest(&mut self, doublings: u32, longest: Duration) {
        let rest = FIRST_REST * 2_u32.pow(doublings.min(16));
        self.state = State::Resting(Instant::now() + rest.min(longest));
    }

    /// Remembers the message that came over the connection last.
    pub(crate) fn heard(&mut self, message: String) {
        self.received += 1;
        match self.config.framing {
            Framing::Lines => self.last = message,
            Framing::Raw => {
                self.last += &message;
                self.last.drain(..echo::end_of(&self.last, LAST));
            }
        }
    }

    /// How the connection ends if it ends now. The last message shows it.
    pub(crate) fn ending(&self) -> Ending {
        // TCP may have joined earlier text in front of the sentence.
        let last = match self.config.framing {
            Framing::Raw => self.last.rfind("Server @PORT #").map_or("", |at| &self.last[at..]),
            Framing::Lines => &self.last,
        };
        if protocol::is_offline(last.trim_end()) {
            Ending::Stopped
        } else if self.received == 1 && protocol::is_full(&self.last) {
            Ending::TurnedAway
        } else {
            Ending::Broken
        }
    }

    /// The connection is lost: rests before the next attempt. Returns how many connections in a row
    /// were useless: no own line came back, and the server was full, or ended the connection at once.
    ///
    /// Clients that reconnect speak after [`GATHER`], and the server may be killed again at that
    /// moment. A client that came back in time, but later than they did, must not rest longer for it.
    /// So half of that time is enough.
    pub(crate) fn lost(&mut self) -> u32 {
        let ending = self.ending();
        self.ended_well = ending == Ending::Stopped;
        let was_of_use = match self.state {
            State::Up(_, since) => {
                self.of_use || (ending != Ending::TurnedAway && since.elapsed() >= GATHER / 2)
            }
            _ => true,
        };
        self.useless = if was_of_use { 0 } else { self.useless + 1 };
        self.attempts = 0;
        self.rest(self.useless, LONGEST_REST_OF_UNWANTED);
        self.useless
    }

    /// Closes the connection, and does not reconnect.
    pub(crate) fn hang_up(&mut self) {
        self.state = State::Down;
    }

    /// Stops sending. Messages still arrive.
    pub(crate) fn finish(&mut self) {
        if let State::Up(connection, _) = &mut self.state {
            connection.finish();
        }
    }

    pub(crate) fn next_attempt(&self) -> Option<Instant> {
        match self.state {
            State::Resting(until) => Some(until),
            _ => None,
        }
    }

    /// The time from which lines may be sent, if it is in the future.
    pub(crate) fn speaks_later(&self) -> Option<Instant> {
        Some(self.send_from).filter(|&from| from > Instant::now())
    }

    /// How many lines may be in flight. The other side could read two raw messages as one. So each
    /// raw message waits until the message before it has come back, or is `overdue`.
    pub(crate) fn window(&self, overdue: usize) -> usize {
        let one_at_a_time = self.config.framing == Framing::Raw && !self.config.local_echo;
        if one_at_a_time { 1 + overdue } else { WINDOW }
    }
}

/// The error in plain words, without the system's error number.
pub(crate) fn in_words(error: &io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or_default().to_lowercase()
}
