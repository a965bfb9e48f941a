//! What was typed before, to be brought back with the arrow keys.
//!
//! A leaf: plain data, nothing shared.

/// How many lines are kept.
const LINES: usize = 1000;

/// Lines in the order in which they were typed, and which of them is shown.
#[derive(Debug, Default)]
pub(super) struct InputHistory {
    lines: Vec<String>,
    at: usize,
    /// What was being typed before one went back.
    draft: String,
}

impl InputHistory {
    /// Keeps a line, and goes back to the end.
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

    /// The line before this one; `text` is what stands there now.
    pub(super) fn older(&mut self, text: &str) -> Option<String> {
        if self.at == self.lines.len() {
            text.clone_into(&mut self.draft);
        }
        self.at = self.at.checked_sub(1)?;
        self.lines.get(self.at).cloned()
    }

    /// The line after this one; at the end, what was being typed.
    pub(super) fn newer(&mut self) -> Option<String> {
        if self.at == self.lines.len() {
            return None;
        }
        self.at += 1;
        Some(self.lines.get(self.at).unwrap_or(&self.draft).clone())
    }
}
