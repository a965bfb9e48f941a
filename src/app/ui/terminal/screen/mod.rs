//! The thread `screen`: the only one that decides what stands on the terminal. It waits for keys,
//! for what is to be shown, for signals and for the writer, and never for the terminal.
//!
//! The terminal has ordinary lines, which stay as they were printed, and below them one row for the
//! line being typed. A frame erases this row, prints the lines that are new, and draws it again.

mod handover;

use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, after, never, select};
use tcp_chat::client::Input;
use tcp_chat::protocol;

use super::decoder::Key;
use super::draft::{Asked, Draft, MAX_DRAFT};
use super::signals::Signal;
use super::waiting::{Line, Side, Waiting};
use super::writer::Written;
use super::{Show, tty};
use crate::app::ui::paint::{Palette, Style};
use crate::app::ui::{clock, command, paint};

const PROMPT: &str = "> ";

/// Erases the cursor's row and those below it, and nothing above: a message is never erased. In two
/// steps, since tmux keeps what is erased from the first row down as if it had been a message.
const ERASE: &str = "\r\x1b[K\x1b7\x1b[B\r\x1b[J\x1b8";

/// How often to look whether the shell has given the terminal back.
const LOOK: Duration = Duration::from_millis(100);

/// Where the screen hears from the other threads.
pub(super) struct Sources {
    pub(super) keys: Receiver<Key>,
    pub(super) shows: Receiver<Vec<Show>>,
    pub(super) log: Receiver<String>,
    pub(super) signals: Receiver<Signal>,
    pub(super) written: Receiver<Written>,
}

/// Whose the terminal is.
#[derive(Debug, PartialEq, Eq)]
enum State {
    Ours,
    /// Until the client has gone on and the terminal is ours again, nothing may be done to it.
    Shells,
    Closed,
}

/// What stands on the terminal, and what is to stand there.
pub(super) struct Screen {
    sources: Sources,
    frames: Option<Sender<String>>,
    input: Sender<Input>,
    palette: Palette,
    timestamps: bool,
    state: State,
    /// The shell has the title that it had before.
    has_left: bool,
    /// Escape sequences that the next frame begins with.
    head: String,
    /// What stands above the window.
    title: String,
    waiting: Waiting,
    draft: Draft,
    online: bool,
    /// The name is asked for: an empty line is an answer.
    is_asking: bool,
    /// The user wants to leave: what is typed from now on goes nowhere.
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
                recv(self.sources.log) -> line => match line {
                    Ok(line) => self.add_log(&line),
                    Err(_) => self.sources.log = never(),
                },
                recv(self.sources.signals) -> signal => match signal {
                    Ok(signal) => self.obey(signal),
                    Err(_) => self.sources.signals = never(),
                },
                recv(self.sources.written) -> written => match written {
                    Ok(written) => self.written(&written),
                    Err(_) => self.closed(),
                },
                recv(timer) -> _ => self.come_back(),
            }
        }
    }

    /// Draws what is new, unless the writer is at it still: then the next frame shows it.
    fn draw(&mut self) {
        if self.state == State::Ours && self.is_stale && !self.is_writing {
            let mut frame = self.lines();
            self.is_stale = !self.waiting.is_empty();
            let columns = tty::columns().saturating_sub(PROMPT.len());
            let (before, behind) = self.draft.visible(columns);
            // What is wider than we think must not begin another row. The cursor stands where the
            // terminal thinks that the first part ends, whatever we think.
            frame += "\x1b[?7l";
            let style = if self.online { Style::Bold } else { Style::Dim };
            self.palette.paint(style, PROMPT, &mut frame);
            frame.extend([before.as_str(), "\x1b7", &behind, "\x1b8\x1b[?7h"]);
            self.write(frame);
        }
    }

    /// A frame without a prompt: its row is erased, and the lines that wait are printed.
    fn lines(&mut self) -> String {
        let mut frame = std::mem::take(&mut self.head);
        frame += ERASE;
        self.waiting.write(tty::columns(), self.palette, &mut frame);
        frame
    }

    fn write(&mut self, frame: String) {
        if let Some(frames) = &self.frames {
            self.is_writing = frames.send(frame).is_ok();
        }
    }

    fn written(&mut self, written: &Written) {
        match written {
            Written::Part => {}
            Written::All => self.is_writing = false,
            Written::Closed => self.closed(),
        }
    }

    /// There is no terminal any more, and nobody at it.
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

    /// Passes on what was typed. Of several lines, each is a message and none is a command: such a
    /// text was pasted.
    fn send(&mut self, text: &str) {
        if text.contains('\n') {
            let lines = text.lines().filter(|line| !line.trim().is_empty());
            lines.for_each(|line| self.pass(Input::Say(line.to_owned())));
        } else if self.is_asking || !text.trim().is_empty() {
            self.pass(command::parse(text));
        }
    }

    fn pass(&mut self, input: Input) {
        self.is_leaving |= input == Input::Quit;
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

    /// Adds what is to be shown, line by line.
    fn add(&mut self, side: Side, style: Option<Style>, text: &str) {
        if style.is_none()
            && side == Side::Left
            && let Some((Style::Hue(_), name)) = paint::pieces(text).first()
        {
            self.draft.names.heard(name);
        }
        for line in text.split('\n') {
            let stamp = if self.timestamps { clock::stamp() } else { String::new() };
            // A tab has no width of its own.
            let text = line.replace('\t', "    ");
            self.waiting.add(Line { side, style, stamp, text });
        }
        self.is_stale = true;
    }

    fn add_log(&mut self, line: &str) {
        self.add(Side::Left, Some(Style::Dim), &protocol::sanitized(line.trim_end().as_bytes()));
    }

    fn obey(&mut self, signal: Signal) {
        match signal {
            Signal::Resized => self.is_stale = true,
            Signal::ToStop => self.suspend(),
            Signal::GoesOn if self.state == State::Closed => {}
            Signal::GoesOn => {
                self.state = State::Shells;
                self.come_back();
            }
        }
    }
}
