//! A shell in which the commands of a page are run, one after the other, as a reader would.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};

use rustix::process::{Pid, Signal, kill_process_group};

use super::common::process::{Process, clean};
use super::compare::Numbers;
use super::session::Console;

/// Printed by the shell when a command has ended: nothing else prints this character.
const DONE: char = '\u{1e}';

/// Runs what comes over a FIFO, so that the standard input is left to the programs it starts.
/// A Ctrl-C ends these, and not the shell.
const SCRIPT: &str = r#"
exec 2>&1 3<"$0"
trap : INT
status=0
while IFS= read -r command <&3; do
    (exit $status)
    eval "$command" 3<&-
    status=$?
    printf '\036\n'
done
"#;

/// A shell, and how far the page has shown what it prints.
pub(crate) struct Shell {
    process: Process,
    group: Pid,
    commands: File,
    /// How many of the printed lines have been compared.
    compared: usize,
    /// How many commands were given, and how many of them have ended as far as was compared.
    started: usize,
    ended: usize,
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
        shell.envs(variables).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let process = Process::start_with(shell);
        let group = i32::try_from(process.id()).ok().and_then(Pid::from_raw).expect("an id");
        Self {
            process,
            group,
            commands,
            compared: 0,
            started: 0,
            ended: 0,
            skipping: false,
            showing: false,
        }
    }

    /// Waits until the last command has ended.
    fn finish(&mut self, place: &str) {
        while self.ended < self.started {
            match self.next(place, "the end of the last command") {
                None => self.ended += 1,
                Some(line) => assert!(self.skipping, "{place}: not on the page: {line:?}"),
            }
        }
    }

    /// Waits for the next line; none is the end of a command.
    fn next(&mut self, place: &str, what: &str) -> Option<String> {
        let index = self.compared;
        let line = self
            .process
            .out
            .wait_for(&format!("{place}: {what}"), |lines, _| lines.get(index).cloned());
        self.compared += 1;
        match line.strip_suffix(DONE) {
            None => Some(line),
            Some("") => None,
            Some(unfinished) => {
                self.ended += 1;
                Some(unfinished.to_owned())
            }
        }
    }
}

impl Console for Shell {
    fn run(&mut self, place: &str, command: &str) {
        self.finish(place);
        self.skipping = false;
        self.showing = false;
        self.started += 1;
        writeln!(self.commands, "{command}").expect("the shell reads");
    }

    fn shows(&mut self, place: &str, shown: &str, numbers: &mut Numbers) {
        loop {
            match self.next(place, shown) {
                None => self.ended += 1,
                Some(line) if numbers.agree(shown, &line) => break,
                Some(line) => {
                    assert!(self.skipping, "{place}: shows {shown:?}, but printed is {line:?}");
                }
            }
        }
        self.skipping = false;
        self.showing = true;
    }

    fn skip(&mut self) {
        self.skipping = true;
    }

    fn types(&mut self, line: &str) {
        self.process.type_line(line);
    }

    fn signal(&mut self, signal: Signal) {
        kill_process_group(self.group, signal).expect("the shell is there");
    }

    fn close(&mut self, place: &str) {
        let ended = self.process.out.count(|line| line.ends_with(DONE));
        if self.showing && ended == self.started {
            self.finish(place);
        }
    }
}

/// The folder with the programs that the pages name, as the tests have built them.
pub(crate) fn programs(folder: &Path) {
    fs::create_dir(folder).expect("a folder can be made");
    for (name, script) in [("cargo", include_str!("cargo.sh")), ("pgrep", include_str!("pgrep.sh"))]
    {
        let path = folder.join(name);
        fs::write(&path, script).expect("a file can be written");
        fs::set_permissions(&path, PermissionsExt::from_mode(0o755))
            .expect("it can be made a program");
    }
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_tcp-chat"), folder.join("tcp-chat"))
        .expect("a link can be made");
}
