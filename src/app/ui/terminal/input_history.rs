//! The lines that were typed before. The arrow keys bring them back.
//!
//! Plain data: nothing in here is shared between threads.

/// How many lines are kept.
const LINES: usize = 1000;

/// The typed lines in their order, and the one that is shown.
#[derive(Debug, Default)]
pub(super) struct InputHistory {
    lines: Vec<String>,
    at: usize,
    /// The line that was being typed when the first older line was shown.
    draft: String,
}

impl InputHistory {
    /// Adds a line, and goes to the end.
    pub(super) fn add(&mut self, line: &str) {
        if self.lines.last().is_none_or(|last| last != line) {
            self.lines.push(line.to_owned());
        }
        if self.lines.len() > LINES {
            self.lines.remove(0);
        }
        self.at = self.lines.len();
        self.draft.clear();
    }

    /// The previous line; `text` is the text that is shown now.
    pub(super) fn older(&mut self, text: &str) -> Option<String> {
        if self.at == self.lines.len() {
            text.clone_into(&mut self.draft);
        }
        self.at = self.at.checked_sub(1)?;
        self.lines.get(self.at).cloned()
    }

    /// The next line. At the end, this is the line that was being typed.
    pub(super) fn newer(&mut self) -> Option<String> {
        if self.at == self.lines.len() {
            return None;
        }
        self.at += 1;
        Some(self.lines.get(self.at).unwrap_or(&self.draft).clone())
    }
}
