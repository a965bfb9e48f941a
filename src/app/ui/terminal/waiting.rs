//! Lines that wait to be written to the terminal. Their number is limited: when the terminal takes
//! nothing for long, the oldest lines are dropped.

use std::collections::VecDeque;

use tcp_chat::client::Show;
use tcp_chat::protocol::counted;

use super::layout;
use crate::app::ui::paint::Style::{Alarm, Dim, Plain, Reversed};
use crate::app::ui::paint::{self, Palette};

/// How many lines may wait.
const MOST: usize = 10_000;

/// How many bytes of text may wait.
const MOST_TEXT: usize = 16 * 1024 * 1024;

/// How many bytes of text one frame takes, at least. A key that is pressed meanwhile is shown after
/// the frame.
const PART: usize = 16 * 1024;

/// The place of an own line: a third of the window, and at most so many columns. The place is fixed, so
/// a window that becomes narrower does not tear the line.
const OWN: usize = 24;

/// Lines that wait, each with the time to show in front; empty without `--timestamps`.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    lines: VecDeque<(String, Show)>,
    /// The size of all their texts, in bytes.
    size: usize,
    dropped: usize,
}

impl Waiting {
    /// Adds a line, and drops the oldest if there are too many.
    pub(super) fn add(&mut self, stamp: String, line: Show) {
        self.size += text(&line).len();
        self.lines.push_back((stamp, line));
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
        if self.dropped > 0 {
            let dropped = counted(self.dropped, "line was", "lines were");
            let note = format!("{dropped} not shown: the terminal took nothing");
            self.size += note.len();
            self.lines.push_front((String::new(), Show::Complaint(note)));
            self.dropped = 0;
        }
        let mut is_called = false;
        let enough = out.len() + PART;
        let own = " ".repeat(OWN.min(columns / 3));
        // Only the beginning of a line stands at the left edge.
        let indent = if columns < 20 { " " } else { "  " };
        while out.len() < enough
            && let Some((stamp, line)) = self.take()
        {
            for text in text(&line).split('\n') {
                // The width of a tab depends on its place, so it becomes spaces.
                let text = text.replace('\t', "    ");
                let guarded = paint::from_wire(&text);
                let (lead, pieces) = match line {
                    Show::Own(_) => (&*own, paint::pieces(&text)),
                    Show::Waiting(_) => (&*own, vec![(Dim, &*text), (Dim, " (waiting)")]),
                    Show::Other(_) => (indent, paint::pieces_for(name, &guarded)),
                    Show::Complaint(_) => (indent, vec![(Alarm, "-- "), (Alarm, &text)]),
                    _ => (indent, vec![(Dim, "-- "), (Dim, &text)]),
                };
                is_called |= pieces.iter().any(|(style, _)| *style == Reversed);
                let begin = if lead == own { lead } else { "" };
                let begin = [(Plain, begin), (Dim, &*stamp)];
                layout::lay_out(&[&begin, &pieces[..]].concat(), lead, columns, palette, out);
            }
        }
        is_called
    }

    fn take(&mut self) -> Option<(String, Show)> {
        let line = self.lines.pop_front()?;
        self.size -= text(&line.1).len();
        Some(line)
    }
}

fn text(line: &Show) -> &str {
    match line {
        Show::Own(text)
        | Show::Waiting(text)
        | Show::Other(text)
        | Show::Notice(text)
        | Show::Complaint(text) => text,
        Show::Names | Show::Name(..) | Show::State(..) => "",
    }
}
