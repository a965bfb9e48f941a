//! The state of the client's connection: when to connect again, and when to send after a reconnect.
//! It does not decide which lines are sent.

use std::io;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, never};

use super::Config;
use super::connection::{Connection, Received, dial};
use super::echo;
use crate::protocol::{self, Framing};

/// How long the client rests after a connection, and half the time that it rests after an attempt that
/// failed. The time doubles if a server answers, but is full, or closes each connection at once.
const REST: Duration = Duration::from_millis(50);

const LONGEST_REST: Duration = Duration::from_secs(10);

/// How long after a reconnect, or after an attempt that failed, lines are sent. By then the other
/// clients that waited for the server have connected and can receive them. Longer than 2 x [`REST`].
const GATHER: Duration = Duration::from_millis(600);

/// A connection that lasts for this long is a success. A full server says so in less time, and then
/// closes the connection.
///
/// Clients that reconnect speak after [`GATHER`], and the server may be killed again at that moment.
/// A client that came back in time, but later than they did, must not rest longer for it. So half of
/// that time is enough.
pub(super) const PROOF: Duration = Duration::from_millis(300);

/// How many bytes of the last messages are kept. A sentence of the server is shorter.
const LAST: usize = 128;

pub(super) struct Dialer<'a> {
    config: &'a Config,
    pub(super) connection: Option<Connection>,
    /// Brings what the connection receives, or the attempt to make one.
    pub(super) received: Receiver<Received>,
    /// None during an attempt, while there is a connection, and after the user has disconnected.
    pub(super) next_attempt: Option<Instant>,
    pub(super) ended: Option<Ending>,
    /// The server has stopped gracefully, and there was no connection since.
    pub(super) ended_well: bool,
    useless: u32,
    pub(super) was_up: bool,
    /// When the connection was made.
    pub(super) since: Instant,
    /// When lines may be sent. After a reconnect, this is when the other clients are back as well.
    send_from: Instant,
    /// The end of the text that came over the connection last.
    pub(super) last: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    Failed,
    /// The server stopped gracefully: it has delivered every line that it received.
    Stopped,
    /// The server was full, so this counts as a failed attempt.
    TurnedAway,
    Broken,
}

impl<'a> Dialer<'a> {
    /// There is no connection yet, and the first attempt is due at once.
    pub(super) fn new(config: &'a Config) -> Self {
        let now = Instant::now();
        Self {
            config,
            connection: None,
            received: never(),
            next_attempt: Some(now),
            ended: None,
            ended_well: false,
            useless: 0,
            was_up: false,
            since: now,
            send_from: now,
            last: String::new(),
        }
    }

    pub(super) fn is_up(&self) -> bool {
        self.connection.is_some()
    }

    pub(super) fn dial(&mut self) {
        self.hang_up();
        self.received = dial(self.config);
    }

    /// Tries to connect because the user asked for it. It counts as a first attempt.
    pub(super) fn dial_afresh(&mut self) {
        (self.ended, self.useless) = (None, 0);
        self.dial();
    }

    /// An attempt made this connection. If an attempt failed before, other clients may wait for the
    /// same server. Without an echo the client cannot see that a line was lost. So it sends nothing
    /// until it is clear that the server is not full.
    pub(super) fn succeeded(&mut self, connection: Connection) {
        let waits = self.was_up || self.ended.is_some() || self.config.local_echo;
        self.since = Instant::now();
        self.send_from = if waits { self.since + GATHER } else { self.since };
        (self.was_up, self.ended_well) = (true, false);
        self.last.clear();
        self.connection = Some(connection);
    }

    pub(super) fn heard(&mut self, message: &str) {
        if self.config.framing == Framing::Lines {
            self.last.clear();
        }
        self.last += message;
        self.last.drain(..echo::end_of(&self.last, LAST));
    }

    /// Whether the server has stopped gracefully if the connection ends now. The last message shows it.
    pub(super) fn says_goodbye(&self) -> bool {
        // TCP may have joined earlier text in front of the sentence.
        let last = match self.config.framing {
            Framing::Raw => self.last.rfind("Server @PORT #").map_or("", |at| &self.last[at..]),
            Framing::Lines => &self.last,
        };
        protocol::is_offline(last.trim_end())
    }

    /// The connection is lost, or none was made: rests before the next attempt. Returns how many
    /// connections in a row were useless: they ended at once, before there was progress.
    pub(super) fn lost(&mut self, ending: Ending, progress: Instant) -> u32 {
        self.ended = Some(ending);
        let mut rest = 2 * REST;
        if ending != Ending::Failed {
            let is_short = ending == Ending::TurnedAway || self.since.elapsed() < PROOF;
            let is_useless = is_short && progress < self.since;
            self.useless = if is_useless { self.useless + 1 } else { 0 };
            self.ended_well = ending == Ending::Stopped;
            rest = LONGEST_REST.min(REST * 2_u32.pow(self.useless.min(16)));
        }
        self.hang_up();
        self.next_attempt = Some(Instant::now() + rest);
        self.useless
    }

    pub(super) fn hang_up(&mut self) {
        // A connection that nobody has taken from the channel would stay open.
        self.received.try_iter().for_each(drop);
        (self.connection, self.received, self.next_attempt) = (None, never(), None);
    }

    /// The time from which lines may be sent, if it is in the future.
    pub(super) fn speaks_later(&self) -> Option<Instant> {
        Some(self.send_from).filter(|&from| from > Instant::now())
    }
}

/// The error in plain words, without the system's error number.
pub(crate) fn in_words(error: &io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or_default().to_lowercase()
}
