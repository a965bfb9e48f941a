//! What Tab makes of the beginning of a word: a command, or a name that was heard.
//!
//! A leaf: plain data, nothing shared.

use std::collections::VecDeque;

use crate::app::ui::command;

/// How many names are remembered.
const NAMES: usize = 1000;

/// The names that were heard, the last one first.
#[derive(Debug, Default)]
pub(super) struct Names(VecDeque<String>);

impl Names {
    /// Somebody of this name said something.
    pub(super) fn heard(&mut self, name: &str) {
        let known = self.0.iter().position(|known| known == name);
        let name = known.and_then(|at| self.0.remove(at)).unwrap_or_else(|| name.to_owned());
        self.0.push_front(name);
        self.0.truncate(NAMES);
    }
}

/// A word that is being completed: each Tab puts the next of its candidates there.
#[derive(Debug)]
pub(super) struct Completion {
    /// Where the word begins, in bytes.
    pub(super) start: usize,
    candidates: Vec<String>,
    next: usize,
}

impl Completion {
    /// What the word can be that `text` ends with, if anything.
    pub(super) fn of(text: &str, names: &Names) -> Option<Self> {
        let start = text
            .rfind(char::is_whitespace)
            .map_or(0, |at| at + text[at..].chars().next().map_or(0, char::len_utf8));
        let word = &text[start..];
        let candidates: Vec<String> = if start == 0 && word.starts_with('/') {
            command::beginning_with(word).map(str::to_owned).collect()
        } else {
            let word = word.to_lowercase();
            let fits = |name: &&String| !word.is_empty() && name.to_lowercase().starts_with(&word);
            names.0.iter().filter(fits).cloned().collect()
        };
        (!candidates.is_empty()).then_some(Self { start, candidates, next: 0 })
    }

    /// The next candidate; after the last one, the first.
    pub(super) fn candidate(&mut self) -> &str {
        let index = self.next % self.candidates.len();
        self.next += 1;
        &self.candidates[index]
    }
}
