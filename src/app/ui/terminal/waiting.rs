//! Lines that wait to be written to the terminal. Their number is limited: when the terminal takes
//! nothing for long, the oldest lines are dropped.
//!
//! Plain data: nothing in here is shared between threads.

use std::collections::VecDeque;

use tcp_chat::protocol::counted;

use super::layout::{self, Margin};
use crate::app::ui::paint::{self, Palette, Style};

/// How many lines may wait.
pub(super) const MOST: usize = 10_000;

/// How many bytes of text may wait.
const MOST_TEXT: usize = 16 * 1024 * 1024;

/// How many bytes of text one frame takes, at least. A key that is pressed meanwhile is shown after
/// the frame.
const PART: usize = 16 * 1024;

/// Where a line comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum From {
    /// The user said it, and it came back.
    User,
    /// The user said it, and it waits.
    Outbox,
    /// Somebody else said it.
    Others,
    /// The client itself, in this style.
    Client(Style),
}

/// A line to be shown.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) from: From,
    /// The time to show in front; empty without `--timestamps`.
    pub(super) stamp: String,
    pub(super) text: String,
}

/// Lines that wait.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    lines: VecDeque<Line>,
    /// The size of all their texts, in bytes.
    size: usize,
    dropped: usize,
}

impl Waiting {
    /// Adds a line, and drops the oldest if there are too many.
    pub(super) fn add(&mut self, line: Line) {
        self.size += line.text.len();
        self.lines.push_back(line);
        while self.lines.len() > MOST || self.size > MOST_TEXT {
            self.take();
            self.dropped += 1;
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.lines.is_empty() && self.dropped == 0
    }

    /// Appends the next lines, laid out for a window of this many columns. Returns whether somebody
    /// calls the user by `name`.
    pub(super) fn write(
        &mut self,
        name: &str,
        columns: usize,
        palette: Palette,
        out: &mut String,
    ) -> bool {
        let mut is_called = false;
        if self.dropped > 0 {
            let dropped = counted(self.dropped, "line was", "lines were");
            let note = format!("-- {dropped} not shown: the terminal took nothing");
            layout::lay_out(&[(Style::Alarm, &note)], Margin::left(columns), columns, palette, out);
            self.dropped = 0;
        }
        let enough = out.len() + PART;
        while out.len() < enough
            && let Some(line) = self.take()
        {
            let mut pieces = vec![(Style::Dim, line.stamp.as_str())];
            let mut margin = Margin::left(columns);
            match line.from {
                From::Client(style) => pieces.extend([(style, "-- "), (style, &line.text)]),
                From::Others => {
                    pieces.extend(paint::pieces_for(name, &line.text));
                    is_called |= pieces.iter().any(|(style, _)| *style == Style::Reversed);
                }
                From::User | From::Outbox => {
                    margin = Margin::own(columns);
                    let waits = line.from == From::Outbox;
                    let plain = if waits {
                        vec![(Style::Dim, line.text.as_str())]
                    } else {
                        paint::pieces(&line.text)
                    };
                    pieces.extend(plain);
                }
            }
            layout::lay_out(&pieces, margin, columns, palette, out);
        }
        is_called
    }

    fn take(&mut self) -> Option<Line> {
        let line = self.lines.pop_front()?;
        self.size -= line.text.len();
        Some(line)
    }
}
