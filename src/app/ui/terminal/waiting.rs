//! Lines that wait to be written to the terminal. Their number is limited: when the terminal takes
//! nothing for long, the oldest lines are dropped.
//!
//! Plain data: nothing in here is shared between threads.

use std::collections::VecDeque;

use tcp_chat::protocol::counted;

use super::layout;
use crate::app::ui::paint::{self, Palette, Style};

/// How many lines may wait.
pub(super) const MOST: usize = 10_000;

/// How many bytes of text may wait.
const MOST_TEXT: usize = 16 * 1024 * 1024;

/// How many bytes of text one frame takes, at least. A key that is pressed meanwhile is shown after
/// the frame.
const PART: usize = 16 * 1024;

/// The side of the window on which a line is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Left,
    Right,
}

/// A line to be shown.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) side: Side,
    /// None for a chat message, which has its own colours.
    pub(super) style: Option<Style>,
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

    /// Appends the next lines, laid out for a window of this many columns.
    pub(super) fn write(&mut self, columns: usize, palette: Palette, out: &mut String) {
        if self.dropped > 0 {
            let dropped = counted(self.dropped, "line was", "lines were");
            let note = format!("{dropped} not shown: the terminal took nothing");
            layout::left(&[(Style::Alarm, &note)], columns, palette, out);
            self.dropped = 0;
        }
        let enough = out.len() + PART;
        while out.len() < enough
            && let Some(line) = self.take()
        {
            let mut pieces = vec![(Style::Dim, line.stamp.as_str())];
            match line.style {
                Some(style) => pieces.push((style, line.text.as_str())),
                None => pieces.extend(paint::pieces(&line.text)),
            }
            match line.side {
                Side::Left => layout::left(&pieces, columns, palette, out),
                Side::Right => layout::right(&pieces, columns, palette, out),
            }
        }
    }

    fn take(&mut self) -> Option<Line> {
        let line = self.lines.pop_front()?;
        self.size -= line.text.len();
        Some(line)
    }
}
