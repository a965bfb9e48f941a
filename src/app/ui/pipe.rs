//! Plain input and output, for pipes and scripts: lines in, lines out, no cursor.

use std::io::{self, IsTerminal, Write};
use std::thread;

use crossbeam_channel::{Receiver, Sender};
use tcp_chat::client::{Input, Screen, Show};
use tcp_chat::protocol::{self, Found, Lines};

use super::names::Names;
use super::{clock, command, paint};
use crate::app::stderr;
use crate::app::streams::{self, Stdout};

/// How many lines are read ahead. A client that is stopped knows by them that it has not read all.
const AHEAD: usize = 64;

/// Reads lines of at most `max` bytes from stdin, on a thread of its own. On a terminal, a line may
/// be a command. On a pipe, every line is a message.
pub(crate) fn read_lines(max: usize) -> io::Result<Receiver<Input>> {
    let (sender, input) = crossbeam_channel::bounded(AHEAD);
    let say = |line: &str| Input::Say(line.to_owned());
    let understand = if io::stdin().is_terminal() { command::parse } else { say };
    thread::Builder::new().name("input".to_owned()).spawn(move || {
        if let Err(error) = pass_lines(max, understand, &sender) {
            let _ = sender.send(Input::Unreadable(error));
        }
    })?;
    Ok(input)
}

fn pass_lines(
    max: usize,
    understand: impl Fn(&str) -> Input,
    input: &Sender<Input>,
) -> io::Result<()> {
    let mut lines = Lines::new(max);
    let mut pass = |found: Found| {
        // The send fails only if the client has ended. Then the process ends soon as well.
        let _ = input.send(match found {
            Found::Line(line) => understand(&protocol::sanitized(line)),
            Found::TooLong => Input::TooLong,
        });
    };
    let mut buffer = vec![0; 64 * 1024];
    while let length @ 1.. = streams::read(&mut buffer)? {
        lines.feed(&buffer[..length], &mut pass);
    }
    lines.finish(&mut pass);
    Ok(())
}

/// Shows the chat on stdout, and all notices on stderr.
#[derive(Debug)]
pub(crate) struct Pipe {
    out: Stdout,
    text: Vec<u8>,
    /// The error of an output before a notice.
    failure: Option<io::Error>,
    timestamps: bool,
    /// For a person at a terminal that cannot move its cursor: the notices stand between the lines.
    names: Option<Names>,
}

impl Pipe {
    pub(crate) fn new(out: Stdout, timestamps: bool, for_person: bool) -> Self {
        let names = for_person.then(Names::default);
        Self { out, text: Vec::new(), failure: None, timestamps, names }
    }

    /// On a terminal, a notice stands below the lines that came before it.
    fn tell(&mut self, notice: &str) {
        self.failure = self.flush().err();
        stderr::say_in_order(notice);
    }

    fn line(&mut self, line: &str) {
        let stamp = if self.timestamps { clock::stamp() } else { String::new() };
        // Writing to memory does not fail.
        let _ = writeln!(self.text, "{stamp}{line}");
    }
}

impl Screen for Pipe {
    fn show(&mut self, what: Show) {
        match (what, &mut self.names) {
            (Show::Own(line), _) | (Show::Other(line), None) => self.line(&line),
            (Show::Other(line), Some(names)) => {
                names.hear(&line);
                line.split('\n').for_each(|line| self.line(&paint::from_wire(line)));
            }
            (Show::Notice(notice) | Show::Complaint(notice), None) => self.tell(&notice),
            (Show::Notice(notice) | Show::Complaint(notice), Some(_)) => {
                notice.split('\n').for_each(|line| self.tell(&format!("-- {line}")));
            }
            (Show::Names, Some(names)) => {
                let list = format!("-- {}", names.list());
                self.tell(&list);
            }
            (Show::Name(name, _), Some(names)) => names.own = name.to_string(),
            (Show::Waiting(_) | Show::Names | Show::Name(..) | Show::State(..), _) => {}
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.failure.take().map_or(Ok(()), Err)?;
        let text = std::mem::take(&mut self.text);
        if text.is_empty() { Ok(()) } else { self.out.print(text) }
    }
}
