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
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{
    LocalModes, OptionalActions, Termios, Winsize, tcgetattr, tcsetattr, tcsetwinsize,
};

use super::PATIENCE;
use super::process::{Process, Signal, program};
use super::server::{Server, connected};

/// How many rows are kept that have left the window.
const SCROLLBACK: usize = 10_000;

/// The program on a terminal.
pub(crate) struct Terminal {
    master: File,
    /// Kept open: its modes are looked at when the program has ended.
    slave: OwnedFd,
    before: Termios,
    view: Arc<(Mutex<View>, Condvar)>,
    pub(crate) process: Process,
}

/// What the terminal shows.
pub(crate) struct View {
    parser: vt100::Parser<Titles>,
    /// All that was ever written to it.
    pub(crate) bytes: Vec<u8>,
    /// It takes nothing more.
    stopped: bool,
}

/// What stands above the window, and below its icon.
#[derive(Default)]
struct Titles {
    window: String,
    icon: String,
}

impl vt100::Callbacks for Titles {
    fn set_window_title(&mut self, _: &mut vt100::Screen, title: &[u8]) {
        self.window = String::from_utf8_lossy(title).into_owned();
    }

    fn set_window_icon_name(&mut self, _: &mut vt100::Screen, name: &[u8]) {
        self.icon = String::from_utf8_lossy(name).into_owned();
    }
}

/// A client at a terminal that is so wide, and 24 rows high. It is in the room.
pub(crate) fn client(server: &Server, name: &str, columns: u16) -> Terminal {
    client_with(server, &["--name", name], columns)
}

/// The same, with these flags.
pub(crate) fn client_with(server: &Server, flags: &[&str], columns: u16) -> Terminal {
    let mut command = program();
    command.args(["client", &server.address.to_string()]).args(flags);
    let terminal = Terminal::run(command, columns);
    terminal.joins(server);
    terminal
}

impl Terminal {
    /// The program with all its streams on a terminal.
    pub(crate) fn run(command: Command, columns: u16) -> Self {
        Self::run_with(command, columns, |command, tty| {
            command.stdin(tty()).stdout(tty()).stderr(tty());
        })
    }

    /// With those streams on the terminal that `streams` puts there.
    pub(crate) fn run_with(
        mut command: Command,
        columns: u16,
        streams: impl FnOnce(&mut Command, &dyn Fn() -> Stdio),
    ) -> Self {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("a pseudo-terminal");
        grantpt(&master).and_then(|()| unlockpt(&master)).expect("its other side");
        let path = ptsname(&master, Vec::new()).expect("its name");
        let slave = rustix::fs::open(path, OFlags::RDWR | OFlags::NOCTTY, Mode::empty())
            .expect("its other side");
        set_size(&master, columns);
        let before = tcgetattr(&slave).expect("its modes");
        // A plain terminal, that does not wrap lines anew when its width changes.
        command.env("TERM", "xterm-256color").env("XTERM_VERSION", "1");
        for key in ["NO_COLOR", "TMUX", "STY", "TERM_PROGRAM"] {
            command.env_remove(key);
        }
        streams(&mut command, &|| slave.try_clone().expect("another handle").into());
        let parser = vt100::Parser::new_with_callbacks(
            24.try_into().expect("rows"),
            columns.try_into().expect("columns"),
            SCROLLBACK,
            Titles::default(),
        );
        let view = View { parser, bytes: Vec::new(), stopped: false };
        let view = Arc::new((Mutex::new(view), Condvar::new()));
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

    /// Takes nothing more of what is written, as a terminal that was stopped.
    pub(crate) fn stop(&self) {
        self.view.0.lock().unwrap().stopped = true;
    }

    /// Makes the window wider or narrower.
    pub(crate) fn resize(&self, columns: u16) {
        let columns_now = columns.try_into().expect("columns");
        self.view.0.lock().unwrap().parser.set_size(24.try_into().expect("rows"), columns_now);
        set_size(&self.master, columns);
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
            panic!("in vain: waited to see {what}; what is there:\n{shown}");
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
        server.history().expect(&connected(port.expect("a port in the title")));
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

impl View {
    /// The rows in the window.
    pub(crate) fn rows(&self) -> Vec<String> {
        let (_, columns) = self.parser.screen().size();
        let rows = self.parser.screen().rows(0, columns.get());
        rows.map(|row| row.trim_end().to_owned()).collect()
    }

    /// The rows in the window and those that have left it.
    pub(crate) fn all_rows(&mut self) -> Vec<String> {
        let mut rows = Vec::new();
        for back in (1..=self.parser.screen().scrollback_len()).rev() {
            self.parser.screen_mut().set_scrollback(back);
            rows.push(self.rows().swap_remove(0));
        }
        self.parser.screen_mut().set_scrollback(0);
        rows.extend(self.rows());
        rows
    }

    /// How many rows, in the window or above it, contain this.
    pub(crate) fn count(&mut self, text: &str) -> usize {
        self.all_rows().iter().filter(|row| row.contains(text)).count()
    }

    /// The row in which the cursor stands.
    pub(crate) fn cursor_row(&self) -> String {
        self.rows().swap_remove(self.parser.screen().cursor_position().0.into())
    }

    /// Whether this text stands in the window with its end at the right margin.
    pub(crate) fn is_on_the_right(&self, text: &str) -> bool {
        let (_, columns) = self.parser.screen().size();
        let found = self.rows().iter().position(|row| row.trim_start() == text);
        found.is_some_and(|row| {
            let row = u16::try_from(row).unwrap_or(u16::MAX);
            let cell = self.parser.screen().cell(row, columns.get() - 1);
            cell.is_some_and(|cell| cell.has_contents() || cell.is_wide_continuation())
        })
    }

    /// The colour in which a row that begins like this begins.
    pub(crate) fn colour_of(&self, beginning: &str) -> Option<vt100::Color> {
        let rows = self.rows();
        let row = rows.iter().position(|row| row.trim_start().starts_with(beginning))?;
        let indent = rows[row].len() - rows[row].trim_start().len();
        let at = (u16::try_from(row).ok()?, u16::try_from(indent).ok()?);
        Some(self.parser.screen().cell(at.0, at.1)?.fgcolor())
    }

    /// What stands above the window.
    pub(crate) fn title(&self) -> &str {
        &self.parser.callbacks().window
    }

    /// The name of its icon.
    pub(crate) fn icon(&self) -> &str {
        &self.parser.callbacks().icon
    }

    /// Where the cursor stands: the row, counted from the first that was ever shown, and the column.
    pub(crate) fn cursor(&mut self) -> (usize, u16) {
        let (row, column) = self.parser.screen().cursor_position();
        (self.scrollback() + usize::from(row), column)
    }

    /// The lines from a row on, up to where the cursor stands. A line that the terminal has
    /// wrapped is one. With each of them, the row behind it.
    pub(crate) fn lines_from(&mut self, row: usize) -> Vec<(usize, String)> {
        let (last, column) = self.cursor();
        let mut lines = Vec::new();
        let mut line = String::new();
        for row in row..last + usize::from(column > 0) {
            let (text, wrapped) = self.row(row);
            line += &text;
            if !wrapped {
                lines.push((row + 1, std::mem::take(&mut line).trim_end().to_owned()));
            }
        }
        lines
    }

    /// A row, counted from the first that was ever shown, and whether its line goes on in the next.
    fn row(&mut self, row: usize) -> (String, bool) {
        let above = self.scrollback();
        self.parser.screen_mut().set_scrollback(above.saturating_sub(row));
        let screen = self.parser.screen();
        let in_view = row.saturating_sub(above);
        let text = screen.rows(0, screen.size().1.get()).nth(in_view).unwrap_or_default();
        let wrapped = screen.row_wrapped(u16::try_from(in_view).unwrap_or(u16::MAX));
        self.parser.screen_mut().set_scrollback(0);
        (text, wrapped)
    }

    fn scrollback(&self) -> usize {
        self.parser.screen().scrollback_len()
    }

    /// Whether the program would be told of a paste.
    pub(crate) fn wants_pastes(&self) -> bool {
        self.parser.screen().bracketed_paste()
    }
}

/// Shows what is written, until the terminal is closed.
fn watch(mut from: File, view: &(Mutex<View>, Condvar)) {
    let mut buffer = [0; 4096];
    while let Ok(length @ 1..) = from.read(&mut buffer) {
        let mut shown = view.0.lock().unwrap();
        if shown.stopped {
            return;
        }
        shown.parser.process(&buffer[..length]);
        shown.bytes.extend_from_slice(&buffer[..length]);
        view.1.notify_all();
    }
}

fn set_size(master: impl std::os::fd::AsFd, columns: u16) {
    let size = Winsize { ws_row: 24, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
    tcsetwinsize(master, size).expect("a terminal has a size");
}
