//! The client: what it is asked, what it shows, and why it may fail. Its thread is in
//! `event_loop`. It knows no terminal: the program gives it input and a [`Screen`].

mod connection;
mod dialer;
mod echo;
mod event_loop;
mod outbox;
mod progress;
#[cfg(test)]
mod tests;

use std::time::Duration;
use std::{fmt, io};

use thiserror::Error;

use crate::protocol::{self, Framing, Name};

pub use event_loop::run;
pub use outbox::WINDOW;

/// What a client is to be.
#[derive(Clone, Debug)]
pub struct Config {
    /// The server, as `HOST:PORT`.
    pub address: String,
    /// Who speaks.
    pub name: Name,
    /// How messages are told apart.
    pub framing: Framing,
    /// The name is sent once and alone, and what is said without it: the server puts it in front.
    pub introduce: bool,
    /// Own lines do not come back: what the network has taken counts as said.
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

impl Config {
    /// What is sent when somebody typed `text`.
    pub(crate) fn line(&self, text: &str) -> String {
        if self.introduce { text.to_owned() } else { self.name.says(text) }
    }

    /// What is sent when the client leaves of its own accord.
    pub(crate) fn farewell(&self) -> String {
        if self.introduce { protocol::FAREWELL.to_owned() } else { self.name.farewell() }
    }

    /// The server, as all messages about the connection name it.
    pub(crate) fn server(&self) -> String {
        let (host, port) = self.address.rsplit_once(':').unwrap_or((&self.address, ""));
        format!("Server @PORT #{port} ({host})")
    }
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
    /// Say goodbye, hang up, and stay so.
    Disconnect,
    /// Leave.
    Quit,
    /// Explain what can be asked for.
    Help(String),
    /// Something was asked for that cannot be; why.
    Mistake(String),
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
    /// Something was not done, and why.
    fn complaint(&mut self, why: &str);
    /// A line of our own has not come back, and will not at once.
    fn waiting(&mut self, line: &str);
    /// The connection was made or lost.
    fn status(&mut self, status: Status);
    /// Everything that came so far has been shown.
    ///
    /// # Errors
    /// It could not be shown. With [`io::ErrorKind::BrokenPipe`], nobody watches any more.
    fn flush(&mut self) -> io::Result<()>;
}

/// Why a client did not end as it should. The numbers are numbers of lines.
#[derive(Debug, PartialEq, Eq, Error)]
pub enum Failure {
    /// No connection could be made in time; with the lines that are unconfirmed.
    NotConnected(String, usize),
    /// The connection was lost and is not to be made again, or the chat cannot be shown; with the
    /// lines that are unconfirmed.
    Lost(String, usize),
    /// Connected, but these lines never came back.
    Unconfirmed(usize),
    /// The client left before these lines were sent; with the reason.
    Unsent(usize, String),
    /// These lines were refused, by the client itself or by the server.
    Refused(usize),
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Self::NotConnected(why, 0) => write!(f, "{why}; is the server running?"),
            Self::Lost(why, 0) => f.write_str(why),
            Self::NotConnected(why, lines) | Self::Lost(why, lines) => {
                write!(f, "{why}; {}", unconfirmed(*lines))
            }
            Self::Unconfirmed(lines) => write!(
                f,
                "{}; if the server does not send them back, use --local-echo",
                unconfirmed(*lines)
            ),
            Self::Unsent(lines, why) => {
                write!(f, "{} not sent: {why}", protocol::counted(*lines, "line was", "lines were"))
            }
            Self::Refused(lines) => {
                let refused = protocol::counted(*lines, "line was", "lines were");
                write!(f, "{refused} too long and not delivered")
            }
        }
    }
}

fn unconfirmed(lines: usize) -> String {
    protocol::counted(lines, "line is unconfirmed", "lines are unconfirmed")
}
