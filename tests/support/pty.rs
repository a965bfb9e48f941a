//! A terminal with nobody at it: the program runs on a real pseudo-terminal, and what it draws is
//! kept as a person would see it.

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

/// How many rows a window has, where a test does not say so.
const ROWS: u16 = 24;

/// The program on a terminal.
pub(crate) struct Terminal {
    master: File,
    /// Kept open: its modes are looked at when the program has ended.
    slave: OwnedFd,
    before: Termios,
    view: Arc<(Mutex<View>, Condvar)>,
    pub(crate) process: Process,
}

/// A client at a terminal that is so wide. It is in the room.
pub(crate) fn client(server: &Server, name: &str, columns: u16) -> Terminal {
    client_with(server, &["--name", name], columns)
}

/// The same, with these flags.
pub(crate) fn client_with(server: &Server, flags: &[&str], columns: u16) -> Terminal {
    let terminal = Terminal::in_session(&client_command(server, flags), columns, ROWS);
    terminal.joins(server);
    terminal
}

/// What starts a client with these flags.
pub(crate) fn client_command(server: &Server, flags: &[&str]) -> Command {
    let mut command = program();
    command.args(["client", &server.address.to_string()]).args(flags);
    command
}

/// The command as the first process of a session that owns its terminal, as in a terminal emulator.
/// Where there is no `setsid`, nobody owns it.
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
    /// The program with all its streams on a terminal.
    pub(crate) fn run(command: Command, columns: u16) -> Self {
        Self::run_with(command, columns, |command, tty| {
            command.stdin(tty()).stdout(tty()).stderr(tty());
        })
    }

    /// The program in a session that owns the terminal.
    pub(crate) fn in_session(command: &Command, columns: u16, rows: u16) -> Self {
        Self::start(owner_of_terminal(command), (columns, rows), |command, tty| {
            command.stdin(tty()).stdout(tty()).stderr(tty());
        })
    }

    /// With those streams on the terminal that `streams` puts there.
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
        // Or the programs that are started would keep it open.
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
        self.master.write_all(keys.as_bytes()).expect("the terminal takes what is typed");
    }

    /// Types a line, and Enter.
    pub(crate) fn type_line(&mut self, line: &str) {
        self.type_in(&format!("{line}\r"));
    }

    /// Shows what is printed, and not what is typed.
    pub(crate) fn stop_echo(&self) {
        let mut modes = tcgetattr(&self.slave).expect("the modes");
        modes.local_modes.remove(LocalModes::ECHO);
        tcsetattr(&self.slave, OptionalActions::Now, &modes).expect("modes can be set");
    }

    /// Whether a Ctrl-C is a signal, and no key that the program reads.
    pub(crate) fn makes_signals(&self) -> bool {
        tcgetattr(&self.slave).expect("the modes").local_modes.contains(LocalModes::ISIG)
    }

    /// Whether keys are read one by one: what is typed is not shown by the terminal itself.
    pub(crate) fn is_raw(&self) -> bool {
        let modes = tcgetattr(&self.slave).expect("the modes").local_modes;
        !modes.intersects(LocalModes::ICANON | LocalModes::ECHO | LocalModes::ISIG)
    }

    /// Sets the modes as they were before the program ran, as a shell does.
    pub(crate) fn set_as_before(&self) {
        tcsetattr(&self.slave, OptionalActions::Now, &self.before).expect("modes can be set");
    }

    /// Takes nothing of what is written, as a terminal that was stopped.
    pub(crate) fn stop(&self) {
        self.look(|view| view.is_stopped = true);
    }

    /// Takes what is written again.
    pub(crate) fn go_on(&self) {
        self.look(|view| view.is_stopped = false);
        self.view.1.notify_all();
    }

    /// Closes the window; the process is left.
    pub(crate) fn close(mut self) -> Process {
        self.look(|view| view.is_closing = true);
        // What is typed is shown, and with that, the other handle is closed as well.
        self.type_in("x");
        self.process
    }

    /// Gives the window another size.
    pub(crate) fn resize(&self, columns: u16, rows: u16) {
        self.look(|view| view.resize(columns, rows));
        set_size(&self.master, (columns, rows));
        // Only a session that owns its terminal is told by the system.
        self.process.signal(Signal::WINCH);
    }

    /// Whether the modes are what they were before the program ran.
    pub(crate) fn is_as_before(&self) -> bool {
        let now = tcgetattr(&self.slave).expect("the modes");
        format!("{now:?}") == format!("{:?}", self.before)
    }

    /// Waits until `holds` of what is shown, or fails and shows it.
    pub(crate) fn wait(&self, what: &str, holds: impl FnMut(&mut View) -> bool) {
        if !self.wait_for(PATIENCE, holds) {
            let shown = self.look(|view| view.all_rows().join("\n"));
            panic!("timed out: waited to see {what}; what is there:\n{shown}");
        }
    }

    /// Waits until `holds` of what is shown, and says whether it did in time.
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

    /// Waits until some row is exactly this, spaces at its end aside.
    pub(crate) fn wait_row(&self, row: &str) {
        self.wait(&format!("the row {row:?}"), |view| view.rows().iter().any(|r| r == row));
    }

    /// Waits until the client is connected and the server has let it in: whatever is said from now
    /// on, it hears.
    pub(crate) fn joins(&self, server: &Server) {
        self.wait("the title of one connected", |view| view.title().contains("@PORT #"));
        let port = self.look(|view| view.title().split('#').nth(1).and_then(|p| p.parse().ok()));
        server.event_log().expect(&connected(port.expect("a port in the title")));
    }

    /// What is shown now.
    pub(crate) fn look<T>(&self, look: impl FnOnce(&mut View) -> T) -> T {
        look(&mut self.view.0.lock().unwrap())
    }

    /// Waits for the end, and until all that was written last is shown.
    pub(crate) fn ends(&mut self, code: i32) {
        self.process.exits(code);
        self.wait("the title taken back", |view| view.title().is_empty());
    }
}

/// Shows what is written, until the terminal is closed.
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
