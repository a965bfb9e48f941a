//! The client: its configuration, its input, its output, and its errors. Its thread is in
//! `event_loop`. The client does not use a terminal itself: the program gives it input and a
//! [`Screen`].

mod connection;
mod dialer;
mod echo;
mod event_loop;
mod outbox;
#[cfg(test)]
mod tests;

use std::io;
use std::time::Duration;

use thiserror::Error;

use crate::protocol::{Framing, Name, counted};

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
    /// Whether the client greets the others when it comes.
    pub greets: bool,
    /// Whether the client sends its name first.
    pub introduce: Introduction,
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

/// Whether a client sends its name first, as a message of its own, on each connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Introduction {
    /// No: each message begins with the name.
    #[default]
    #[value(aliases = ["n", "f", "false", "off", "0"])]
    No,
    /// Yes, and its messages do not begin with it: the server puts it in front.
    #[value(aliases = ["y", "t", "true", "on", "1"])]
    Yes,
    /// Yes, and each message begins with it as well.
    Also,
}

impl Config {
    /// Whether messages are sent without the name.
    pub(crate) fn is_bare(&self) -> bool {
        self.introduce == Introduction::Yes
    }

    /// The server's name in all messages about the connection.
    pub(crate) fn server(&self) -> String {
        let (host, port) = self.address.rsplit_once(':').unwrap_or((&self.address, ""));
        format!("Server @PORT #{port} ({host})")
    }
}

/// A request from the user or a script.
#[derive(Debug)]
pub enum Input {
    /// Say this text.
    Say(String),
    /// A line was over the limit, and its text was not kept.
    TooLong,
    /// The input has ended.
    End,
    /// The rest of the input cannot be read.
    Unreadable(io::Error),
    /// Connect now.
    Connect,
    /// Say goodbye, disconnect, and do not reconnect.
    Disconnect,
    /// Take another name.
    Rename(Name),
    /// Leave.
    Quit,
    /// Show this: an answer to a command.
    Show(Show),
}

/// Something to show.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Show {
    /// An own line that has come back.
    Own(String),
    /// An own line that has not come back yet, and waits.
    Waiting(String),
    /// Another line that arrived.
    Other(String),
    /// A notice about the chat.
    Notice(String),
    /// The client did not do something, and why.
    Complaint(String),
    /// The names that were heard.
    Names,
    /// The user's name from now on, and how many bytes a line may have besides it.
    Name(Name, usize),
    /// The port of the client's side, while there is a connection, and how many lines have not come
    /// back.
    State(Option<u16>, usize),
}

/// Where the client shows what happens.
pub trait Screen {
    /// Shows this, at the next flush at the latest.
    fn show(&mut self, what: Show);
    /// Shows everything that was passed so far.
    ///
    /// # Errors
    /// The output cannot be written. With [`io::ErrorKind::BrokenPipe`], its reader has closed it.
    fn flush(&mut self) -> io::Result<()>;
    /// Shows a notice.
    fn notice(&mut self, notice: String) {
        self.show(Show::Notice(notice));
    }
    /// Shows a complaint.
    fn complaint(&mut self, why: String) {
        self.show(Show::Complaint(why));
    }
}

/// Why a client failed.
#[derive(Debug, Error)]
pub enum Failure {
    /// No connection was made, or it was lost.
    #[error("{why}{}", and(*.unconfirmed))]
    NotConnected {
        /// Why, in words.
        why: String,
        /// How many lines never came back.
        unconfirmed: usize,
    },
    /// The client itself or the server refused these lines.
    #[error("{} too long and not delivered", counted(*.0, "line was", "lines were"))]
    TooLong(usize),
    /// The client could not do all its work for another reason, in words.
    #[error("{0}")]
    Unfinished(String),
    /// The reader of the output has closed it before the end of the input. This needs no words: the
    /// reader has what it wanted.
    #[error("nobody reads the output")]
    Unwanted,
}

/// The end of a sentence: how many lines are unconfirmed, if there are any.
fn and(lines: usize) -> String {
    if lines == 0 { String::new() } else { format!("; {}", unconfirmed(lines)) }
}

fn unconfirmed(lines: usize) -> String {
    counted(lines, "line may not have arrived", "lines may not have arrived")
}
