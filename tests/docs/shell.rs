//! A shell at a terminal, in which the commands of a page are run one after the other: what a
//! person would see is compared with what the page shows.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};

use super::compare::Numbers;
use super::support::process::clean;
use super::support::pty::{Terminal, View};

/// How wide the terminals are that the pages show. Longer lines are compared as one.
const COLUMNS: u16 = 76;

/// How often Ctrl-C is pressed at the most, and how long a person waits for its effect.
const KEYSTROKES: usize = 40;
const BETWEEN_KEYS: Duration = Duration::from_millis(500);

/// Runs what comes over a FIFO, so that the keyboard is left to the programs it starts. When a
/// command has ended, it says so in the name of the terminal's icon, which nobody sees.
/// A Ctrl-C ends the programs, and not the shell; one that comes late may end a `read`, so there
/// are two.
const SCRIPT: &str = r#"
exec 3<"$0"
trap : INT
status=0
ended=0
while IFS= read -r command <&3 || IFS= read -r command <&3; do
    (exit $status)
    eval "$command" 3<&-
    status=$?
    ended=$((ended + 1))
    printf '\033]1;%d\007' $ended
done
"#;

/// A shell, and how far the page has shown what is on its terminal.
pub(crate) struct Shell {
    terminal: Terminal,
    group: Pid,
    commands: File,
    /// How many of the rows have been compared.
    compared: usize,
    /// How many commands were given.
    started: usize,
    /// The page leaves out what comes next.
    skipping: bool,
    /// The page has shown something of what the last command prints.
    showing: bool,
}

impl Drop for Shell {
    fn drop(&mut self) {
        // All that was started here is in one process group, and nothing else is.
        let _ = kill_process_group(self.group, Signal::KILL);
    }
}

impl Shell {
    /// A shell in this directory, with these variables.
    pub(crate) fn open(directory: &Path, number: &str, variables: &HashMap<&str, String>) -> Self {
        let fifo = directory.join(format!(".shell{number}"));
        let made = Command::new("mkfifo").arg(&fifo).status();
        assert!(made.is_ok_and(|status| status.success()), "a FIFO can be made");
        // For both directions, or opening it would wait for the shell.
        let commands =
            File::options().read(true).write(true).open(&fifo).expect("it can be opened");
        let mut shell = clean(Command::new("sh"));
        shell.arg("-c").arg(SCRIPT).arg(&fifo).current_dir(directory).process_group(0);
        shell.envs(variables);
        let terminal = Terminal::run(shell, COLUMNS);
        terminal.stop_echo();
        let group = i32::try_from(terminal.process.id()).ok().and_then(Pid::from_raw);
        Self {
            terminal,
            group: group.expect("an id"),
            commands,
            compared: 0,
            started: 0,
            skipping: false,
            showing: false,
        }
    }

    /// Runs a command, after the last one has ended and has printed nothing that the page hides.
    pub(crate) fn run(&mut self, place: &str, command: &str) {
        self.finish(place);
        let (row, column) = self.terminal.look(View::cursor);
        let newline = if column > 0 { "echo; " } else { "" };
        self.compared = row + usize::from(column > 0);
        self.skipping = false;
        self.showing = false;
        self.started += 1;
        writeln!(self.commands, "{newline}{command}").expect("the shell reads");
    }

    /// Waits until the last command has ended.
    fn finish(&mut self, place: &str) {
        let started = self.started;
        self.terminal.wait(&format!("the end of the last command, before {place}"), |view| {
            started == 0 || view.icon() == started.to_string()
        });
        let hidden = self.terminal.look(|view| view.lines_from(self.compared));
        let hidden: Vec<_> = hidden.iter().filter(|(_, line)| !line.is_empty()).collect();
        assert!(self.skipping || hidden.is_empty(), "{place}: not on the page: {hidden:?}");
    }

    /// The next line must be the one that the page shows.
    pub(crate) fn shows(&mut self, place: &str, shown: &str, numbers: &mut Numbers) {
        let within = if self.skipping { usize::MAX } else { 1 };
        let compared = &mut self.compared;
        self.terminal.wait(&format!("{place}: {shown}"), |view| {
            let lines = view.lines_from(*compared).into_iter().take(within);
            let found = lines.into_iter().find(|(_, line)| numbers.agree(shown, line));
            found.inspect(|(next, _)| *compared = *next).is_some()
        });
        self.skipping = false;
        self.showing = true;
    }

    /// The page leaves out what is printed until the next line that it shows.
    pub(crate) fn skip(&mut self) {
        self.skipping = true;
    }

    /// Types a line into the running program.
    pub(crate) fn types(&mut self, line: &str) {
        self.terminal.type_line(line);
    }

    /// Presses Ctrl-C or Ctrl-Z, or continues what Ctrl-Z has stopped.
    pub(crate) fn signal(&mut self, signal: Signal) {
        if signal == Signal::INT && !self.terminal.makes_signals() {
            return self.terminal.type_in("\x03");
        }
        kill_process_group(self.group, signal).expect("the shell is there");
    }

    /// The section is at its end: a command that has ended must have printed no more than the page
    /// shows, unless that is nothing at all.
    pub(crate) fn close(&mut self, place: &str) {
        let ended = self.terminal.look(|view| view.icon() == self.started.to_string());
        if self.showing && ended {
            self.finish(place);
        }
    }

    /// Ends what is still running, as a person does before the next lesson: with Ctrl-C, and again
    /// if a loop has gone on.
    pub(crate) fn clear(&mut self, place: &str) {
        self.skipping = true;
        let started = self.started.to_string();
        for _ in 0..KEYSTROKES {
            if self.started == 0
                || self.terminal.wait_for(BETWEEN_KEYS, |view| view.icon() == started)
            {
                break;
            }
            self.signal(Signal::CONT);
            self.signal(Signal::INT);
        }
        self.finish(place);
    }
}

/// The folder with the programs that the pages name, as the tests have built them.
pub(crate) fn programs(folder: &Path) {
    fs::create_dir(folder).expect("a folder can be made");
    let cargo = folder.join("cargo");
    fs::write(&cargo, include_str!("cargo.sh")).expect("a file can be written");
    fs::set_permissions(&cargo, PermissionsExt::from_mode(0o755))
        .expect("it can be made a program");
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_tcp-chat"), folder.join("tcp-chat"))
        .expect("a link can be made");
}
