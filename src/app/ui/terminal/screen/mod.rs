//! The thread `screen`: it alone decides what the terminal shows. It waits for keys, for lines to
//! show, for signals and for the writer. It never waits for the terminal.
//!
//! The terminal has ordinary lines, which are never changed, and below them one row for the line
//! being typed. A frame erases this row, prints the new lines, and draws the row again.

mod handover;

use std::ffi::c_int;
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, after, never, select};
use signal_hook::consts::SIGCONT;
use tcp_chat::client::{Input, Show};
use tcp_chat::protocol::counted;

use super::decoder::Key;
use super::draft::Draft;
use super::waiting::Waiting;
use super::{Look, tty};
use crate::app::ui::paint::Style;
use crate::app::ui::{clock, command};

const PROMPT: &str = "> ";

/// The width of a terminal that does not report its width.
const COLUMNS: usize = 80;

/// Erases the cursor's row and the rows below it. It erases nothing above, so a message is never
/// erased. This takes two steps: tmux keeps text in its scrollback that is erased from the first
/// row down.
const ERASE: &str = "\r\x1b[K\x1b7\x1b[B\r\x1b[J\x1b8";

/// Clears the window. The rows above it stay.
const CLEAR: &str = "\x1b[H\x1b[2J";

/// How often the client checks whether the shell has given the terminal back.
const LOOK: Duration = Duration::from_millis(100);

/// The channels from the other threads, and to them.
pub(super) struct Channels {
    pub(super) keys: Receiver<Key>,
    pub(super) shows: Receiver<Show>,
    pub(super) signals: Receiver<c_int>,
    /// How many parts of the last frame are left.
    pub(super) written: Receiver<usize>,
    pub(super) frames: Sender<String>,
    pub(super) input: Sender<Input>,
}

/// The state of the screen: the text that it shows, and the text that it will show.
pub(super) struct Screen {
    channels: Channels,
    look: Look,
    /// False while the shell has the terminal. The client must not touch it until it continues and is
    /// in the foreground.
    has_terminal: bool,
    /// Escape sequences for the start of the next frame.
    head: String,
    title: String,
    waiting: Waiting,
    draft: Draft,
    /// The port of this side of the connection, and how many lines wait.
    connection: (Option<u16>, usize),
    /// Somebody else writes under the user's name, and the user knows.
    has_namesake: bool,
    /// How many bytes one line may have.
    room: usize,
    is_stale: bool,
    /// The writer has not finished the last frame.
    is_writing: bool,
}

impl Screen {
    pub(super) fn new(channels: Channels, look: Look) -> Self {
        Self {
            channels,
            look,
            has_terminal: true,
            head: format!("{}{}", tty::KEEP_TITLE, tty::ENTER),
            title: String::new(),
            waiting: Waiting::default(),
            draft: Draft::default(),
            connection: (None, 0),
            has_namesake: false,
            room: usize::MAX,
            is_stale: true,
            is_writing: false,
        }
    }

    /// Draws until the client has ended.
    pub(super) fn run(mut self) {
        loop {
            self.draw();
            let timer = if self.has_terminal { never() } else { after(LOOK) };
            select! {
                recv(self.channels.written) -> left => {
                    self.is_writing = left.is_ok_and(|left| left > 0);
                    continue;
                }
                recv(self.channels.keys) -> key => if let Ok(key) = key {
                    self.press(key);
                } else {
                    // The terminal is closed, so the client leaves.
                    self.channels.keys = never();
                    self.pass(Input::Quit);
                },
                recv(self.channels.shows) -> show => match show {
                    Ok(Show::State(port, lines)) if self.connection == (port, lines) => continue,
                    Ok(show) => self.show(show),
                    Err(_) => return self.end(),
                },
                // The thread `window` lives as long as the process.
                recv(self.channels.signals) -> signal => if signal == Ok(SIGCONT) { self.come_back() },
                recv(timer) -> _ => self.come_back(),
            }
            self.is_stale = true;
        }
    }

    /// Draws the changes, unless the writer is still busy. Then the next frame shows them.
    fn draw(&mut self) {
        if self.has_terminal && self.is_stale && !self.is_writing {
            let mut frame = self.lines();
            self.is_stale = !self.waiting.is_empty();
            let prompt = self.prompt();
            let columns = tty::columns(COLUMNS).saturating_sub(prompt.len());
            let (before, behind) = self.draft.visible(columns);
            // Text may be wider than expected, and must not begin another row. So the terminal
            // itself saves the place of the cursor after the first part.
            frame += "\x1b[?7l";
            let style = if self.connection.0.is_some() { Style::Bold } else { Style::Dim };
            frame += &self.look.palette.painted(style, &prompt);
            frame.extend([before.as_str(), "\x1b7", &behind, "\x1b8\x1b[?7h"]);
            self.write(frame);
        }
    }

    /// The user is asked for a name, so an empty line is an answer.
    fn is_asking(&self) -> bool {
        self.draft.names.own.is_empty()
    }

    /// The state, in words: a paste, or what the missing connection means.
    fn prompt(&self) -> String {
        let text = self.draft.text();
        let state = match self.connection {
            _ if text.contains('\n') => counted(text.lines().count(), "line", "lines"),
            (None, 0) if !self.is_asking() => "offline".to_owned(),
            (None, waiting @ 1..) => format!("{waiting} waiting"),
            _ => String::new(),
        };
        state + PROMPT
    }

    fn title(&self) -> String {
        let name = &self.draft.names.own;
        match self.connection.0 {
            _ if name.is_empty() => String::new(),
            Some(port) => format!("\x1b]0;{name} @PORT #{port}\x07"),
            None => format!("\x1b]0;{name} (not connected)\x07"),
        }
    }

    /// A frame without a prompt: it erases the prompt's row and prints the waiting lines.
    fn lines(&mut self) -> String {
        let mut frame = std::mem::take(&mut self.head);
        let title = self.title();
        if title != self.title {
            frame += &title;
            self.title = title;
        }
        frame += ERASE;
        let (name, palette) = (&self.draft.names.own, self.look.palette);
        if self.waiting.write(name, tty::columns(COLUMNS), palette, &mut frame) && self.look.bell {
            frame.push('\x07');
        }
        frame
    }

    fn write(&mut self, frame: String) {
        self.is_writing = self.channels.frames.send(frame).is_ok();
    }

    fn press(&mut self, key: Key) {
        match key {
            Key::Enter => self.send(),
            Key::Interrupt | Key::EndOfInput if self.draft.text().is_empty() => {
                self.pass(Input::Quit);
            }
            Key::Suspend => self.suspend(),
            Key::Clear => self.head += CLEAR,
            key => self.draft.press(key),
        }
    }

    /// Passes on the typed text. Text with several lines was pasted, so each line is a message, and
    /// none is a command.
    fn send(&mut self) {
        let text = self.draft.text().to_owned();
        let say = |line: &str| Input::Say(line.to_owned());
        let inputs: Vec<Input> = if text.contains('\n') && !self.is_asking() {
            text.lines().map(say).collect()
        } else {
            vec![command::parse(&text)]
        };
        let is_too_long =
            |input: &Input| matches!(input, Input::Say(line) if line.len() > self.room);
        if let Some(at) = inputs.iter().position(is_too_long) {
            let line = if inputs.len() > 1 { &format!("line {}", at + 1) } else { "it" };
            return self.add(Show::Complaint(format!(
                "Not sent: besides your name, a line may have at most {} bytes, and {line} has more",
                self.room
            )));
        }
        self.draft.clear();
        if self.is_asking() || !text.trim().is_empty() {
            for input in inputs {
                self.pass(input);
            }
        }
    }

    fn pass(&mut self, input: Input) {
        // After the end of the client, nobody receives it.
        let _ = self.channels.input.send(input);
    }

    fn show(&mut self, show: Show) {
        match show {
            Show::Names => self.notice(self.draft.names.list()),
            Show::Name(name, room) => {
                if self.is_asking() {
                    let hint = "Type a line and press Enter; /help shows more, /quit leaves";
                    self.notice(hint.to_owned());
                }
                (self.draft.names.own, self.room) = (name.to_string(), room);
                self.has_namesake = false;
            }
            Show::State(port, waiting) => self.connection = (port, waiting),
            Show::Other(line) => {
                let is_namesake = self.draft.names.hear(&line) && self.look.has_echo;
                self.add(Show::Other(line));
                if is_namesake && !std::mem::replace(&mut self.has_namesake, true) {
                    let own = &self.draft.names.own;
                    self.notice(format!("Somebody else writes as {own}; /nick NAME changes yours"));
                }
            }
            line => self.add(line),
        }
    }

    fn notice(&mut self, notice: String) {
        self.add(Show::Notice(notice));
    }

    fn add(&mut self, line: Show) {
        let stamp = if self.look.timestamps { clock::stamp() } else { String::new() };
        self.waiting.add(stamp, line);
    }
}
