//! The client: its configuration, its input, its output, and its errors. Its thread is in
//! `event_loop`. The client does not use a terminal itself: the program gives it input and a
//! [`Screen`].

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

/// The configuration of a client.
#[derive(Clone, Debug)]
pub struct Config {
    /// The server, as `HOST:PORT`.
    pub address: String,
    /// The name of the speaker.
    pub name: Name,
    /// How messages are told apart.
    pub framing: Framing,
    /// The client sends its name once, and then messages without it. The server puts the name in
    /// front.
    pub introduce: bool,
    /// The server does not send own lines back. A line counts as said when the network has taken
    /// it.
    pub local_echo: bool,
    /// The longest line, in bytes.
    pub max_line: usize,
    /// How many unconfirmed lines there may be. At this number, the client takes no more input.
    pub window: usize,
    /// Whether to go on after the end of the input.
    pub stay: bool,
    /// Whether to connect again when the connection is lost.
    pub reconnect: bool,
    /// How long to try without progress. None: for ever.
    pub give_up_after: Option<Duration>,
}

impl Config {
    /// The line to send for the typed `text`.
    pub(crate) fn line(&self, text: &str) -> String {
        if self.introduce { text.to_owned() } else { self.name.says(text) }
    }

    /// The line to send when the client leaves by itself.
    pub(crate) fn farewell(&self) -> String {
        if self.introduce { protocol::FAREWELL.to_owned() } else { self.name.farewell() }
    }

    /// The server's name in all messages about the connection.
    pub(crate) fn server(&self) -> String {
        let (host, port) = self.address.rsplit_once(':').unwrap_or((&self.address, ""));
        format!("Server @PORT #{port} ({host})")
    }
}

/// A request from the user or a script.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// Say this text.
    Say(String),
    /// A line was over the limit, and its text was not kept.
    TooLong,
    /// The input has ended.
    End,
    /// Connect now.
    Connect,
    /// Say goodbye, disconnect, and do not reconnect.
    Disconnect,
    /// Leave.
    Quit,
    /// Show this help.
    Help(String),
    /// Show why an input is not possible.
    Mistake(String),
}

/// The state of the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// Connected.
    Online {
        /// The client's own port.
        port: u16,
    },
    /// Not connected.
    Offline,
}

/// Where the client shows what happens.
pub trait Screen {
    /// An own line has come back.
    fn own(&mut self, line: &str);
    /// Another line arrived.
    fn other(&mut self, line: &str);
    /// A notice about the chat.
    fn notice(&mut self, notice: &str);
    /// The client did not do something, and why.
    fn complaint(&mut self, why: &str);
    /// An own line has not come back yet, and waits.
    fn waiting(&mut self, line: &str);
    /// The connection was made or lost.
    fn status(&mut self, status: Status);
    /// Shows everything that was passed so far.
    ///
    /// # Errors
    /// The output cannot be written. With [`io::ErrorKind::BrokenPipe`], its reader has closed it.
    fn flush(&mut self) -> io::Result<()>;
}

/// Why a client failed. The numbers are numbers of lines.
#[derive(Debug, PartialEq, Eq, Error)]
pub enum Failure {
    /// No connection was made in time. Holds the reason and the number of unconfirmed lines.
    NotConnected(String, usize),
    /// The connection was lost and the client does not reconnect, or the chat cannot be shown.
    /// Holds the reason and the number of unconfirmed lines.
    Lost(String, usize),
    /// The client is connected, but these lines never came back.
    Unconfirmed(usize),
    /// The client left before these lines were sent. Holds the reason, too.
    Unsent(usize, String),
    /// The client itself or the server refused these lines.
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
