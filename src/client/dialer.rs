//! The client's connection: whether there is one, when to try for the next, and when to speak
//! after a return. Decides nothing about what is said over it.

use std::io;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, never};

use super::Config;
use super::connection::{Connection, Received, WireOptions, dial};
use super::echo;
use super::outbox::WINDOW;
use crate::protocol::{self, Framing};

/// How long the client rests after its first failed attempt to connect; doubled each time.
const FIRST_REST: Duration = Duration::from_millis(50);

/// The longest rest between two attempts while nobody answers.
const LONGEST_REST: Duration = Duration::from_millis(200);

/// The longest rest if somebody answers, but has no place for us, or does not talk to us.
const LONGEST_REST_OF_UNWANTED: Duration = Duration::from_secs(10);

/// How long after a reconnect lines are sent again: by then the others who lost the same server
/// are back to hear them. Longer than [`LONGEST_REST`].
///
/// A server that has no place for us says so, and hangs up, sooner than that.
const GATHER: Duration = Duration::from_millis(600);

/// How far apart raw messages are sent if nothing comes back that could be waited for.
const RAW_GAP: Duration = Duration::from_millis(20);

/// How much of what came last is kept, in bytes: a sentence of the server is shorter.
const LAST: usize = 128;

/// The one connection of a client, over all its ups and downs.
pub(crate) struct Dialer<'a> {
    config: &'a Config,
    state: State,
    /// Failed attempts since the last connection.
    attempts: u32,
    /// How many connections in a row were of no use.
    useless: u32,
    was_up: bool,
    /// When lines may be sent: after a reconnect, not before the others are back as well.
    send_from: Instant,
    /// What came over the connection last.
    last: String,
    /// How many messages have come over the connection.
    received: u64,
    /// How the last connection ended, if there has been none since.
    ending: Option<Ending>,
}

/// How a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// The server stopped, and said so: it had told everyone what it heard.
    Stopped,
    /// The server had no place for us: this was but a failed attempt.
    TurnedAway,
    /// Who knows.
    Broken,
}

enum State {
    Up {
        connection: Connection,
        since: Instant,
        of_use: bool,
    },
    Dialing(Receiver<io::Result<Connection>>),
    Resting(Instant),
    /// The user hung up.
    Down,
}

impl<'a> Dialer<'a> {
    /// No connection yet, and the first attempt due at once.
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
            ending: None,
        }
    }

    /// The connection, while there is one.
    pub(crate) fn connection(&self) -> Option<&Connection> {
        match &self.state {
            State::Up { connection, .. } => Some(connection),
            _ => None,
        }
    }

    /// Whether there is a connection.
    pub(crate) fn is_up(&self) -> bool {
        self.connection().is_some()
    }

    /// Whether there ever was a connection.
    pub(crate) fn was_up(&self) -> bool {
        self.was_up
    }

    /// Whether the user hung up.
    pub(crate) fn is_down(&self) -> bool {
        matches!(self.state, State::Down)
    }

    /// Where everything that comes over the connection arrives.
    pub(crate) fn received(&self) -> Receiver<Received> {
        self.connection().map_or_else(never, |connection| connection.received().clone())
    }

    /// Where the outcome of the attempt that is under way arrives.
    pub(crate) fn dialed(&self) -> Receiver<io::Result<Connection>> {
        match &self.state {
            State::Dialing(dialed) => dialed.clone(),
            _ => never(),
        }
    }

    /// Tries to connect; the outcome comes over [`dialed`](Self::dialed).
    pub(crate) fn dial(&mut self) -> io::Result<()> {
        let raw_gap = if self.config.local_echo { RAW_GAP } else { Duration::ZERO };
        let options = WireOptions { framing: self.config.framing, raw_gap };
        let introduction = self.config.introduce.then(|| self.config.name.to_string());
        self.state = State::Dialing(dial(&self.config.address, options, introduction)?);
        Ok(())
    }

    /// Tries to connect because the user wants to: the outcome counts as that of a first attempt.
    pub(crate) fn dial_afresh(&mut self) -> io::Result<()> {
        (self.attempts, self.useless) = (0, 0);
        self.dial()
    }

    /// An attempt brought this connection. What does not come back cannot be missed, so without an echo
    /// nothing is said before it is clear that the server has a place for us.
    pub(crate) fn succeeded(&mut self, connection: Connection) {
        let now = Instant::now();
        let waits = self.was_up || self.config.local_echo;
        self.send_from = if waits { now + GATHER } else { now };
        self.was_up = true;
        self.last.clear();
        self.received = 0;
        self.ending = None;
        self.state = State::Up { connection, since: now, of_use: false };
    }

    /// An attempt brought nothing: rests before the next. Returns how many there were.
    pub(crate) fn failed(&mut self) -> u32 {
        self.attempts += 1;
        self.rest(self.attempts - 1, LONGEST_REST);
        self.attempts
    }

    fn rest(&mut self, doublings: u32, longest: Duration) {
        let rest = FIRST_REST * 2_u32.pow(doublings.min(16));
        self.state = State::Resting(Instant::now() + rest.min(longest));
    }

    /// A line of our own came back over the connection.
    pub(crate) fn is_of_use(&mut self) {
        if let State::Up { of_use, .. } = &mut self.state {
            *of_use = true;
        }
    }

    /// Takes note of what came over the connection.
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

    /// How the connection ends if it ends now, as what came last tells.
    pub(crate) fn ending(&self) -> Ending {
        // What came before may stand in front, joined by TCP.
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

    /// The connection is lost: rests, and tries again. Returns how many connections in a row were of no use:
    /// nothing of ours came back, and they ended at once.
    pub(crate) fn lost(&mut self) -> u32 {
        self.ending = Some(self.ending());
        let was_of_use = match self.state {
            State::Up { since, of_use, .. } => of_use || since.elapsed() >= GATHER,
            _ => true,
        };
        self.useless = if was_of_use { 0 } else { self.useless + 1 };
        self.attempts = 0;
        self.rest(self.useless, LONGEST_REST_OF_UNWANTED);
        self.useless
    }

    /// Whether the server has stopped, and none has answered since.
    pub(crate) fn ended_well(&self) -> bool {
        self.ending == Some(Ending::Stopped)
    }

    /// Gives the connection up, and stays so.
    pub(crate) fn hang_up(&mut self) {
        self.state = State::Down;
    }

    /// Ends sending; what comes in still arrives.
    pub(crate) fn finish(&mut self) {
        if let State::Up { connection, .. } = &mut self.state {
            connection.finish();
        }
    }

    /// When the next attempt is due.
    pub(crate) fn next_attempt(&self) -> Option<Instant> {
        match self.state {
            State::Resting(until) => Some(until),
            _ => None,
        }
    }

    /// From when on lines may be sent, if that is still to come.
    pub(crate) fn speaks_later(&self) -> Option<Instant> {
        Some(self.send_from).filter(|&from| from > Instant::now())
    }

    /// How many lines may be in flight. Raw ones have no end of their own, and the other side could
    /// read two as one: so each waits until the one before it has come back, or is `overdue`.
    pub(crate) fn window(&self, overdue: usize) -> usize {
        let one_at_a_time = self.config.framing == Framing::Raw && !self.config.local_echo;
        if one_at_a_time { 1 + overdue } else { WINDOW }
    }
}

/// The error as a person would say it, without the system's number for it.
pub(crate) fn in_words(error: &io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or_default().to_lowercase()
}
