//! The thread `screen`: it alone decides what the terminal shows. It waits for keys, for lines to
//! show, for signals and for the writer. It never waits for the terminal.
//!
//! The terminal has ordinary lines, which are never changed, and below them one row for the line
//! being typed. A frame erases this row, prints the new lines, and draws the row again.

mod handover;

use std::ffi::c_int;
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, after, never, select};
use signal_hook::consts::{SIGTSTP, SIGWINCH};
use tcp_chat::client::Input;
use tcp_chat::protocol;

use super::decoder::Key;
use super::draft::{Asked, Draft, MAX_DRAFT};
use super::waiting::{Line, Side, Waiting};
use super::{Show, tty};
use crate::app::ui::paint::{Palette, Style};
use crate::app::ui::{clock, command, paint};

const PROMPT: &str = "> ";

/// The width of a terminal that does not report its width.
const COLUMNS: usize = 80;

/// Erases the cursor's row and the rows below it. It erases nothing above, so a message is never
/// erased. This takes two steps: tmux keeps text in its scrollback that is erased from the first
/// row down.
const ERASE: &str = "\r\x1b[K\x1b7\x1b[B\r\x1b[J\x1b8";

/// How often the client checks whether the shell has given the terminal back.
const LOOK: Duration = Duration::from_millis(100);

/// The channels from the other threads.
pub(super) struct Sources {
    pub(super) keys: Receiver<Key>,
    pub(super) shows: Receiver<Vec<Show>>,
    pub(super) log: Receiver<String>,
    pub(super) signals: Receiver<c_int>,
    /// How many parts of the last frame are left.
    pub(super) written: Receiver<usize>,
}

/// The owner of the terminal.
#[derive(Debug, PartialEq, Eq)]
enum State {
    Ours,
    /// The shell has the terminal. The client must not touch it until it continues and is in the
    /// foreground.
    Shells,
    Closed,
}

/// The state of the screen: the text that it shows, and the text that it will show.
pub(super) struct Screen {
    sources: Sources,
    frames: Option<Sender<String>>,
    input: Sender<Input>,
    palette: Palette,
    timestamps: bool,
    state: State,
    /// The window has the shell's title again.
    has_left: bool,
    /// Escape sequences for the start of the next frame.
    head: String,
    title: String,
    waiting: Waiting,
    draft: Draft,
    online: bool,
    /// The user is asked for a name: an empty line is an answer.
    is_asking: bool,
    /// The user wants to leave: later input is dropped.
    is_leaving: bool,
    /// There is something to draw.
    is_stale: bool,
    /// The writer has not finished the last frame.
    is_writing: bool,
}

impl Screen {
    pub(super) fn new(
        sources: Sources,
        frames: Sender<String>,
        input: Sender<Input>,
        timestamps: bool,
    ) -> Self {
        Self {
            sources,
            frames: Some(frames),
            input,
            palette: Palette::new(true),
            timestamps,
            state: State::Ours,
            has_left: false,
            head: format!("{}{}", tty::KEEP_TITLE, tty::ENTER),
            title: String::new(),
            waiting: Waiting::default(),
            draft: Draft::default(),
            online: false,
            is_asking: true,
            is_leaving: false,
            is_stale: true,
            is_writing: false,
        }
    }

    /// Draws until the client has ended.
    pub(super) fn run(mut self) {
        loop {
            self.draw();
            let timer = if self.state == State::Shells { after(LOOK) } else { never() };
            select! {
                recv(self.sources.keys) -> key => match key {
                    Ok(key) => self.press(key),
                    Err(_) => self.closed(),
                },
                recv(self.sources.shows) -> shows => match shows {
                    Ok(shows) => shows.into_iter().for_each(|show| self.show(show)),
                    Err(_) => return self.end(),
                },
                // The logger and the thread `window` live as long as the process.
                recv(self.sources.log) -> line => if let Ok(line) = line { self.add_log(&line) },
                recv(self.sources.signals) -> signal => if let Ok(signal) = signal { self.obey(signal) },
                recv(self.sources.written) -> written => match written {
                    Ok(left) => self.is_writing = left > 0,
                    Err(_) => self.closed(),
                },
                recv(timer) -> _ => self.come_back(),
            }
        }
    }

    /// Draws the changes, unless the writer is still busy. Then the next frame shows them.
    fn draw(&mut self) {
        if self.state == State::Ours && self.is_stale && !self.is_writing {
            let mut frame = self.lines();
            self.is_stale = !self.waiting.is_empty();
            let columns = tty::columns(COLUMNS).saturating_sub(PROMPT.len());
            let (before, behind) = self.draft.visible(columns);
            // Text may be wider than expected, and must not begin another row. So the terminal
            // itself saves the place of the cursor after the first part.
            frame += "\x1b[?7l";
            let style = if self.online { Style::Bold } else { Style::Dim };
            frame += &self.palette.painted(style, PROMPT);
            frame.extend([before.as_str(), "\x1b7", &behind, "\x1b8\x1b[?7h"]);
            self.write(frame);
        }
    }

    /// A frame without a prompt: it erases the prompt's row and prints the waiting lines.
    fn lines(&mut self) -> String {
        let mut frame = std::mem::take(&mut self.head);
        frame += ERASE;
        self.waiting.write(tty::columns(COLUMNS), self.palette, &mut frame);
        frame
    }

    fn write(&mut self, frame: String) {
        if let Some(frames) = &self.frames {
            self.is_writing = frames.send(frame).is_ok();
        }
    }

    /// The terminal is closed, so the client leaves.
    fn closed(&mut self) {
        self.state = State::Closed;
        self.sources.keys = never();
        self.sources.written = never();
        let _ = self.input.send(Input::Quit);
    }

    fn press(&mut self, key: Key) {
        self.is_stale = true;
        match self.draft.press(key) {
            _ if self.is_leaving => {}
            Asked::Nothing => {}
            Asked::Send(text) => self.send(&text),
            Asked::Quit => self.pass(Input::Quit),
            Asked::Suspend => self.suspend(),
            Asked::TooMuch => self.pass(Input::Mistake(format!(
                "Not taken: you can type and paste at most {MAX_DRAFT} bytes at once"
            ))),
        }
    }

    /// Passes on the typed text. Text with several lines was pasted, so each line is a message, and
    /// none is a command.
    fn send(&mut self, text: &str) {
        if text.contains('\n') {
            let lines = text.lines().filter(|line| !line.trim().is_empty());
            lines.for_each(|line| self.pass(Input::Say(line.to_owned())));
        } else if self.is_asking || !text.trim().is_empty() {
            self.pass(command::parse(text));
        }
    }

    fn pass(&mut self, input: Input) {
        self.is_leaving |= matches!(input, Input::Quit);
        let _ = self.input.send(input);
    }

    fn show(&mut self, show: Show) {
        match show {
            Show::Line { side, style, text } => self.add(side, style, &text),
            Show::Named => {
                self.is_asking = false;
                self.draft.forget_history();
            }
            Show::Status { title, online } => {
                self.head += &title;
                self.title = title;
                self.online = online;
                self.is_stale = true;
            }
        }
    }

    /// Adds text, line by line.
    fn add(&mut self, side: Side, style: Option<Style>, text: &str) {
        if style.is_none()
            && side == Side::Left
            && let Some((Style::Hue(_), name)) = paint::pieces(text).first()
        {
            self.draft.names.heard(name);
        }
        for line in text.split('\n') {
            let stamp = if self.timestamps { clock::stamp() } else { String::new() };
            // The width of a tab depends on its place, so it becomes spaces.
            let text = line.replace('\t', "    ");
            self.waiting.add(Line { side, style, stamp, text });
        }
        self.is_stale = true;
    }

    fn add_log(&mut self, line: &str) {
        self.add(Side::Left, Some(Style::Dim), &protocol::sanitized(line.trim_end().as_bytes()));
    }

    fn obey(&mut self, signal: c_int) {
        match signal {
            SIGWINCH => self.is_stale = true,
            SIGTSTP => self.suspend(),
            _ if self.state == State::Closed => {}
            // The client was stopped, and continues.
            _ => {
                self.state = State::Shells;
                self.come_back();
            }
        }
    }
}
