//! Completes the word before the cursor when you press Tab: a command, or the name of a speaker.
//!
//! Plain data: nothing in here is shared between threads.

use std::collections::VecDeque;
use std::iter::Cycle;
use std::vec::IntoIter;

use crate::app::ui::command;

/// How many names are remembered.
const NAMES: usize = 1000;

/// The names of speakers, the latest first.
#[derive(Debug, Default)]
pub(super) struct Names(VecDeque<String>);

impl Names {
    /// A person with this name said something.
    pub(super) fn heard(&mut self, name: &str) {
        let known = self.0.iter().position(|known| known == name);
        let name = known.and_then(|at| self.0.remove(at)).unwrap_or_else(|| name.to_owned());
        self.0.push_front(name);
        self.0.truncate(NAMES);
    }
}

/// A word that is being completed: each Tab inserts its next candidate.
#[derive(Debug)]
pub(super) struct Completion {
    /// The index of the word's first byte.
    pub(super) start: usize,
    candidates: Cycle<IntoIter<String>>,
}

impl Completion {
    /// The completion of the last word of `text`, if there is a candidate.
    pub(super) fn of(text: &str, names: &Names) -> Option<Self> {
        let word = text.rsplit(char::is_whitespace).next().unwrap_or_default();
        let start = text.len() - word.len();
        let candidates: Vec<String> = if start == 0 && word.starts_with('/') {
            command::beginning_with(word).map(str::to_owned).collect()
        } else {
            let word = word.to_lowercase();
            let fits = |name: &&String| !word.is_empty() && name.to_lowercase().starts_with(&word);
            names.0.iter().filter(fits).cloned().collect()
        };
        let is_known = !candidates.is_empty();
        is_known.then(|| Self { start, candidates: candidates.into_iter().cycle() })
    }

    /// The next candidate. After the last candidate comes the first.
    pub(super) fn candidate(&mut self) -> String {
        self.candidates.next().unwrap_or_default()
    }
}
