//! The client's connection: whether there is one, when to try for the next, and when to speak
//! after a return. Decides nothing about what is said over it.

use std::io;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, never};

use crate::client::Config;
use crate::link::{Link, Manner, Received, dial};
use crate::outbox::WINDOW;
use crate::wire::{self, Framing};

/// How long the client rests after its first failed attempt to connect; doubled each time.
const FIRST_REST: Duration = Duration::from_millis(50);

/// The longest rest between two attempts.
const LONGEST_REST: Duration = Duration::from_millis(400);

/// How long after a reconnect lines are sent again: by then the others who lost the same server
/// are back to hear them. Longer than [`LONGEST_REST`].
const GATHER: Duration = Duration::from_millis(600);

/// How far apart raw messages are sent if nothing comes back that could be waited for.
const RAW_GAP: Duration = Duration::from_millis(20);

/// The one connection of a client, over all its ups and downs.
pub(crate) struct Connection<'a> {
    config: &'a Config,
    state: State,
    /// Failed attempts since the last connection.
    attempts: u32,
    was_up: bool,
    /// When lines may be sent: after a reconnect, not before the others are back as well.
    send_from: Instant,
    /// The last line that came over the link.
    last_line: String,
    /// How the last link ended, if there has been none since.
    ending: Option<Ending>,
}

/// How a link ended.
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
    Up(Link),
    Dialing(Receiver<io::Result<Link>>),
    Resting(Instant),
    /// The user hung up.
    Down,
}

impl<'a> Connection<'a> {
    /// No connection yet, and the first attempt due at once.
    pub(crate) fn new(config: &'a Config) -> Self {
        let now = Instant::now();
        Self {
            config,
            state: State::Resting(now),
            attempts: 0,
            was_up: false,
            send_from: now,
            last_line: String::new(),
            ending: None,
        }
    }

    /// The link, while there is one.
    pub(crate) fn link(&self) -> Option<&Link> {
        match &self.state {
            State::Up(link) => Some(link),
            _ => None,
        }
    }

    /// Whether there is a link.
    pub(crate) fn is_up(&self) -> bool {
        self.link().is_some()
    }

    /// Whether there ever was a link.
    pub(crate) fn was_up(&self) -> bool {
        self.was_up
    }

    /// Where everything that comes over the link arrives.
    pub(crate) fn received(&self) -> Receiver<Received> {
        self.link().map_or_else(never, |link| link.received().clone())
    }

    /// Where the outcome of the attempt that is under way arrives.
    pub(crate) fn dialed(&self) -> Receiver<io::Result<Link>> {
        match &self.state {
            State::Dialing(dialed) => dialed.clone(),
            _ => never(),
        }
    }

    /// Tries to connect; the outcome comes over [`dialed`](Self::dialed).
    pub(crate) fn dial(&mut self) -> io::Result<()> {
        let raw_gap = if self.config.local_echo { RAW_GAP } else { Duration::ZERO };
        let manner = Manner { framing: self.config.framing, raw_gap };
        let introduction = self.config.introduce.then(|| self.config.name.to_string());
        self.state = State::Dialing(dial(&self.config.address, manner, introduction)?);
        Ok(())
    }

    /// Tries to connect because the user wants to: the outcome counts as that of a first attempt.
    pub(crate) fn dial_afresh(&mut self) -> io::Result<()> {
        self.attempts = 0;
        self.dial()
    }

    /// An attempt brought this link.
    pub(crate) fn succeeded(&mut self, link: Link) {
        let now = Instant::now();
        self.send_from = if self.was_up { now + GATHER } else { now };
        self.was_up = true;
        self.last_line.clear();
        self.ending = None;
        self.state = State::Up(link);
    }

    /// An attempt brought nothing: rests before the next. Returns how many there were.
    pub(crate) fn failed(&mut self) -> u32 {
        self.attempts += 1;
        let rest = FIRST_REST * 2_u32.saturating_pow(self.attempts - 1).min(64);
        self.state = State::Resting(Instant::now() + rest.min(LONGEST_REST));
        self.attempts
    }

    /// Takes note of what came over the link.
    pub(crate) fn heard(&mut self, line: String) {
        self.last_line = line;
    }

    /// The link is lost: rests, and tries again. Returns how it ended, as its last line tells.
    pub(crate) fn lost(&mut self) -> Ending {
        let ending = if wire::is_offline(&self.last_line) {
            Ending::Stopped
        } else if wire::is_full(&self.last_line) {
            Ending::TurnedAway
        } else {
            Ending::Broken
        };
        if ending == Ending::TurnedAway {
            self.failed();
        } else {
            self.attempts = 0;
            self.state = State::Resting(Instant::now() + FIRST_REST);
        }
        self.ending = Some(ending);
        ending
    }

    /// Whether the server has stopped, and none has answered since.
    pub(crate) fn ended_well(&self) -> bool {
        self.ending == Some(Ending::Stopped)
    }

    /// Why an attempt failed, as the user is told.
    pub(crate) fn why_failed(&self, error: &io::Error) -> String {
        let port = self.config.address.rsplit(':').next().unwrap_or_default();
        format!("Connection to Server @PORT #{port} Failed ({})", in_words(error))
    }

    /// Why the link is lost, if there is one to lose.
    pub(crate) fn why_lost(&self, error: Option<&io::Error>) -> Option<String> {
        let port = self.link()?.server_port;
        let why = error.map_or("the server closed it".to_owned(), in_words);
        Some(format!("Connection to Server @PORT #{port} Lost ({why})"))
    }

    /// Gives the link up, and stays so.
    pub(crate) fn hang_up(&mut self) {
        self.state = State::Down;
    }

    /// Ends sending; what comes in still arrives.
    pub(crate) fn finish(&mut self) {
        if let State::Up(link) = &mut self.state {
            link.finish();
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
fn in_words(error: &io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or_default().to_lowercase()
}
