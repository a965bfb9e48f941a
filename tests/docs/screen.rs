//! A terminal on which a program of a page is run, to show what a person would see: rows, with the
//! own lines on the right.

use std::collections::HashMap;
use std::path::Path;
use std::process::Command;

use rustix::process::Signal;

use super::common::process::clean;
use super::compare::Numbers;
use super::pty::Terminal;
use super::session::Console;

/// How wide the terminals are that the pages show.
const COLUMNS: u16 = 76;

/// A terminal, and how far the page has shown what is on it.
pub(crate) struct Screen {
    terminal: Terminal,
    /// How many of the rows have been compared.
    compared: usize,
    /// The page leaves out what comes next.
    skipping: bool,
}

impl Screen {
    /// A terminal with this one program on it.
    pub(crate) fn run(directory: &Path, command: &str, variables: &HashMap<&str, String>) -> Self {
        let mut shell = clean(Command::new("sh"));
        shell.arg("-c").arg(format!("exec {command}")).current_dir(directory).envs(variables);
        Self { terminal: Terminal::run(shell, COLUMNS), compared: 0, skipping: false }
    }
}

impl Console for Screen {
    fn run(&mut self, place: &str, _: &str) {
        panic!("{place}: another command on the same terminal");
    }

    fn shows(&mut self, place: &str, shown: &str, numbers: &mut Numbers) {
        let Self { terminal, compared, skipping } = self;
        let within = if *skipping { usize::MAX } else { 1 };
        terminal.wait(&format!("{place}: {shown}"), |view| {
            let rows = view.all_rows();
            let mut next = (*compared..).zip(rows.iter().skip(*compared)).take(within);
            let found = next.find(|(_, row)| numbers.agree(shown, row));
            found.inspect(|(row, _)| *compared = row + 1).is_some()
        });
        *skipping = false;
    }

    fn skip(&mut self) {
        self.skipping = true;
    }

    fn types(&mut self, line: &str) {
        self.terminal.type_line(line);
    }

    fn signal(&mut self, signal: Signal) {
        assert_eq!(signal, Signal::INT, "on a terminal, only Ctrl-C is pressed");
        self.terminal.type_in("\x03");
    }

    fn close(&mut self, _: &str) {}
}
