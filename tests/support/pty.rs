//! Runs the program on a real pseudo-terminal, and keeps its output as a person would see it.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::process::{Command, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use rustix::fs::{Mode, OFlags};
use rustix::io::{FdFlags, fcntl_setfd};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{
    LocalModes, OptionalActions, Termios, Winsize, tcgetattr, tcsetattr, tcsetwinsize,
};

use super::process::{Process, Signal, program};
use super::server::{Server, connected};
pub(crate) use super::view::View;
use super::{PATIENCE, is_there};

/// How many rows a window has, unless a test sets another number.
const ROWS: u16 = 24;

/// The program on a terminal.
pub(crate) struct Terminal {
    master: File,
    /// Kept open, so that its modes can be read after the program has ended.
    slave: OwnedFd,
    before: Termios,
    view: Arc<(Mutex<View>, Condvar)>,
    pub(crate) process: Process,
}

/// A client on a terminal with this many columns. It is in the room, and has said so.
pub(crate) fn client(server: &Server, name: &str, columns: u16) -> Terminal {
    let terminal = client_with(server, &["--name", name], columns);
    server.event_log().expect(&format!("{name} Connected!"));
    terminal
}

/// The same, with these flags.
pub(crate) fn client_with(server: &Server, flags: &[&str], columns: u16) -> Terminal {
    let terminal = Terminal::in_session(&client_command(server, flags), columns, ROWS);
    terminal.joins(server);
    terminal
}

/// The command that starts a client with these flags.
pub(crate) fn client_command(server: &Server, flags: &[&str]) -> Command {
    let mut command = program();
    command.args(["client", &server.address.to_string()]).args(flags);
    command
}

/// Runs the command as the first process of a session that owns its terminal, as in a terminal
/// emulator. Without `setsid` the terminal has no owner.
fn owner_of_terminal(command: &Command) -> Command {
    let mut owner = Command::new(command.get_program());
    if is_there("setsid") {
        owner = Command::new("setsid");
        owner.arg("-c").arg(command.get_program());
    }
    owner.args(command.get_args());
    for (key, value) in command.get_envs() {
        match value {
            Some(value) => owner.env(key, value),
            None => owner.env_remove(key),
        };
    }
    owner
}

impl Terminal {
    /// Starts the program with all its streams on a terminal.
    pub(crate) fn run(command: Command, columns: u16) -> Self {
        Self::run_with(command, columns, |command, tty| {
            command.stdin(tty()).stdout(tty()).stderr(tty());
        })
    }

    /// Starts the program in a session that owns the terminal.
    pub(crate) fn in_session(command: &Command, columns: u16, rows: u16) -> Self {
        Self::start(owner_of_terminal(command), (columns, rows), |command, tty| {
            command.stdin(tty()).stdout(tty()).stderr(tty());
        })
    }

    /// Starts the program; `streams` decides which of its streams are on the terminal.
    pub(crate) fn run_with(
        command: Command,
        columns: u16,
        streams: impl FnOnce(&mut Command, &dyn Fn() -> Stdio),
    ) -> Self {
        Self::start(command, (columns, ROWS), streams)
    }

    fn start(
        mut command: Command,
        size: (u16, u16),
        streams: impl FnOnce(&mut Command, &dyn Fn() -> Stdio),
    ) -> Self {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("a pseudo-terminal");
        grantpt(&master).and_then(|()| unlockpt(&master)).expect("its other side");
        // Otherwise the programs that it starts would keep the terminal open.
        fcntl_setfd(&master, FdFlags::CLOEXEC).expect("a flag can be set");
        let path = ptsname(&master, Vec::new()).expect("its name");
        let slave =
            rustix::fs::open(path, OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC, Mode::empty())
                .expect("its other side");
        set_size(&master, size);
        let before = tcgetattr(&slave).expect("its modes");
        command.env("TERM", "xterm-256color").env_remove("NO_COLOR");
        streams(&mut command, &|| slave.try_clone().expect("another handle").into());
        let view = Arc::new((Mutex::new(View::new(size.0, size.1)), Condvar::new()));
        let process = Process::start_with(command);
        let master = File::from(master);
        let (shown, from) = (Arc::clone(&view), master.try_clone().expect("another handle"));
        thread::spawn(move || watch(from, &shown));
        Self { master, slave, before, view, process }
    }

    /// Presses keys.
    pub(crate) fn type_in(&mut self, keys: &str) {
        self.master.write_all(keys.as_bytes()).expect("the terminal takes the keys");
    }

    /// Types a line, and Enter.
    pub(crate) fn type_line(&mut self, line: &str) {
        self.type_in(&format!("{line}\r"));
    }

    /// Makes the terminal show output, and hide typed keys.
    pub(crate) fn stop_echo(&self) {
        let mut modes = tcgetattr(&self.slave).expect("the modes");
        modes.local_modes.remove(LocalModes::ECHO);
        tcsetattr(&self.slave, OptionalActions::Now, &modes).expect("modes can be set");
    }

    /// Whether Ctrl-C sends a signal. If not, the program reads it as a key.
    pub(crate) fn makes_signals(&self) -> bool {
        tcgetattr(&self.slave).expect("the modes").local_modes.contains(LocalModes::ISIG)
    }

    /// Whether keys are read one by one, and the terminal itself does not show them.
    pub(crate) fn is_raw(&self) -> bool {
        let modes = tcgetattr(&self.slave).expect("the modes").local_modes;
        !modes.intersects(LocalModes::ICANON | LocalModes::ECHO | LocalModes::ISIG)
    }

    /// Restores the modes from before the program ran, as a shell does.
    pub(crate) fn set_as_before(&self) {
        tcsetattr(&self.slave, OptionalActions::Now, &self.before).expect("modes can be set");
    }

    /// Makes the terminal take no output, as if it was stopped.
    pub(crate) fn stop(&self) {
        self.look(|view| view.is_stopped = true);
    }

    /// Makes the terminal take output again.
    pub(crate) fn go_on(&self) {
        self.look(|view| view.is_stopped = false);
        self.view.1.notify_all();
    }

    /// Closes the window. The process continues.
    pub(crate) fn close(mut self) -> Process {
        self.look(|view| view.is_closing = true);
        // With echo on, typed text is shown, and this closes the other handle as well.
        self.type_in("x");
        self.process
    }

    /// Changes the size of the window.
    pub(crate) fn resize(&self, columns: u16, rows: u16) {
        self.look(|view| view.resize(columns, rows));
        set_size(&self.master, (columns, rows));
        // The system sends a signal only to a session that owns its terminal.
        self.process.signal(Signal::WINCH);
    }

    /// Whether the modes are the same as before the program ran.
    pub(crate) fn is_as_before(&self) -> bool {
        let now = tcgetattr(&self.slave).expect("the modes");
        format!("{now:?}") == format!("{:?}", self.before)
    }

    /// Waits until `holds` is true for the view. On failure, it prints the view.
    pub(crate) fn wait(&self, what: &str, holds: impl FnMut(&mut View) -> bool) {
        if !self.wait_for(PATIENCE, holds) {
            let shown = self.look(|view| view.all_rows().join("\n"));
            panic!("timed out: waited to see {what}; the screen shows:\n{shown}");
        }
    }

    /// Waits until `holds` is true for the view. Returns whether that happened in time.
    pub(crate) fn wait_for(
        &self,
        patience: Duration,
        mut holds: impl FnMut(&mut View) -> bool,
    ) -> bool {
        let deadline = Instant::now() + patience;
        let (view, changed) = &*self.view;
        let mut view = view.lock().unwrap();
        while !holds(&mut view) {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            view = changed.wait_timeout(view, left).unwrap().0;
        }
        true
    }

    /// Waits until some row is exactly this text, except for spaces at its end.
    pub(crate) fn wait_row(&self, row: &str) {
        self.wait(&format!("the row {row:?}"), |view| view.rows().iter().any(|r| r == row));
    }

    /// Waits until the client is connected and in the room. It receives every line from now on.
    pub(crate) fn joins(&self, server: &Server) {
        self.wait("the title when connected", |view| view.title().contains("@PORT #"));
        let port = self.look(|view| view.title().split('#').nth(1).and_then(|p| p.parse().ok()));
        server.event_log().expect_start(&connected(port.expect("a port in the title")));
    }

    /// The view now.
    pub(crate) fn look<T>(&self, look: impl FnOnce(&mut View) -> T) -> T {
        look(&mut self.view.0.lock().unwrap())
    }

    /// Waits until the program has ended and all its output is shown.
    pub(crate) fn ends(&mut self, code: i32) {
        self.process.exits(code);
        self.wait("the title restored", |view| view.title().is_empty());
    }
}

/// Shows the output until the terminal is closed.
fn watch(mut from: File, view: &(Mutex<View>, Condvar)) {
    let mut buffer = [0; 4096];
    while let Ok(length @ 1..) = from.read(&mut buffer) {
        let mut shown = view.0.lock().unwrap();
        while shown.is_stopped {
            shown = view.1.wait(shown).unwrap();
        }
        if shown.is_closing {
            return;
        }
        shown.write(&buffer[..length]);
        view.1.notify_all();
    }
}

fn set_size(master: impl std::os::fd::AsFd, (columns, rows): (u16, u16)) {
    let size = Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
    tcsetwinsize(master, size).expect("a terminal has a size");
}
