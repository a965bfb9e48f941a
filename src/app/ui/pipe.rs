//! Plain input and output, for pipes and scripts: lines in, lines out, no cursor.

use std::io::{self, IsTerminal, Write};
use std::thread;

use crossbeam_channel::{Receiver, Sender};
use tcp_chat::client::{Input, Screen};
use tcp_chat::protocol::{self, Found, Lines};

use super::{clock, command};
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
    loop {
        match streams::read(&mut buffer)? {
            0 => break,
            length => lines.feed(&buffer[..length], &mut pass),
        }
    }
    lines.finish(&mut pass);
    Ok(())
}

/// Shows the chat on stdout, and all notices on stderr.
#[derive(Debug)]
pub(crate) struct Pipe {
    out: Stdout,
    /// The lines since the last flush.
    text: Vec<u8>,
    /// The error of an output before a notice.
    failure: Option<io::Error>,
    timestamps: bool,
}

impl Pipe {
    /// Creates a screen, which begins each line with the time if `timestamps` is set.
    pub(crate) fn new(out: Stdout, timestamps: bool) -> Self {
        Self { out, text: Vec::new(), failure: None, timestamps }
    }

    fn line(&mut self, line: &str) {
        let stamp = if self.timestamps { clock::stamp() } else { String::new() };
        // Writing to memory does not fail.
        let _ = writeln!(self.text, "{stamp}{line}");
    }
}

impl Screen for Pipe {
    fn own(&mut self, line: &str) {
        self.line(line);
    }

    fn other(&mut self, line: &str) {
        self.line(line);
    }

    fn notice(&mut self, notice: &str) {
        // On a terminal, the notice stands below the lines that came before it.
        self.failure = self.flush().err();
        stderr::say_in_order(notice);
    }

    fn complaint(&mut self, why: &str) {
        self.notice(why);
    }

    fn flush(&mut self) -> io::Result<()> {
        if let Some(error) = self.failure.take() {
            return Err(error);
        }
        let text = std::mem::take(&mut self.text);
        if text.is_empty() { Ok(()) } else { self.out.print(text) }
    }
}
