//! The line being typed: the effect of each key, and the part that the prompt's row shows.

use std::iter::Cycle;
use std::vec::IntoIter;

use tui_input::{Input as Editor, InputRequest};
use unicode_segmentation::UnicodeSegmentation;

use super::decoder::Key;
use super::layout::width;
use crate::app::ui::names::Names;

/// The line being typed, the lines before it, and the names that Tab can complete.
#[derive(Debug, Default)]
pub(super) struct Draft {
    editor: Editor,
    /// The lines that were typed before, and the number of the one that is shown.
    history: Vec<String>,
    at: usize,
    /// The line that was being typed when an earlier one was shown.
    unsent: String,
    /// Where the word begins that Tab completes, and its candidates.
    completion: Option<(usize, Cycle<IntoIter<String>>)>,
    pub(super) names: Names,
}

impl Draft {
    pub(super) fn text(&self) -> &str {
        self.editor.value()
    }

    pub(super) fn press(&mut self, key: Key) {
        if key != Key::Tab {
            self.completion = None;
        }
        match key {
            Key::Text(text) => {
                let (before, after) = self.parts();
                self.set(before + &text, &after);
            }
            Key::Interrupt => self.clear(),
            Key::Rubout => self.rub_out(),
            Key::EndOfInput => _ = self.editor.handle(InputRequest::DeleteNextChar),
            Key::Edit(request) => _ = self.editor.handle(request),
            Key::Tab => self.complete(),
            Key::Up => self.browse(self.at.wrapping_sub(1)),
            Key::Down => self.browse(self.at + 1),
            // These concern the screen.
            Key::Enter | Key::Suspend | Key::Clear => {}
        }
    }

    /// Empties the draft. The arrow keys bring its text back.
    pub(super) fn clear(&mut self) {
        let text = self.editor.value_and_reset();
        let is_name = self.names.own.is_empty();
        if !is_name && !text.trim().is_empty() && self.history.last() != Some(&text) {
            self.history.push(text);
        }
        self.at = self.history.len();
        self.unsent.clear();
    }

    /// Shows an earlier line. Behind the last of them stands the line that was being typed.
    fn browse(&mut self, to: usize) {
        if self.at == self.history.len() {
            self.unsent = self.text().to_owned();
        }
        let line = self.history.iter().chain([&self.unsent]).nth(to).cloned();
        if let Some(line) = line {
            self.set(line, "");
            self.at = to;
        }
    }

    /// Deletes back to the space before the word. It can be yanked.
    fn rub_out(&mut self) {
        let (before, after) = self.parts();
        let trimmed = before.trim_end();
        let word = trimmed.rsplit(char::is_whitespace).next().unwrap_or_default();
        let (kept, word) = before.split_at(trimmed.len() - word.len());
        self.set(word.to_owned(), "");
        self.editor.handle(InputRequest::DeleteFromStart);
        self.set(kept.to_owned(), &after);
    }

    fn complete(&mut self) {
        let last = self.completion.take();
        let (before, after) = self.parts();
        let (start, mut candidates) = last.unwrap_or_else(|| {
            let (start, candidates) = self.names.complete(&before);
            (start, candidates.into_iter().cycle())
        });
        let Some(candidate) = candidates.next() else { return };
        self.set(before[..start].to_owned() + &candidate, &after);
        self.completion = Some((start, candidates));
    }

    /// Replaces the text before the cursor and after it. Keeps the editor's killed text, so it can still
    /// be yanked.
    fn set(&mut self, before: String, after: &str) {
        let cursor = before.chars().count();
        let editor = std::mem::take(&mut self.editor);
        self.editor = editor.with_value(before + after).with_cursor(cursor);
    }

    /// The text before the cursor, and the text after it.
    fn parts(&self) -> (String, String) {
        let mut text = self.text().chars();
        (text.by_ref().take(self.editor.cursor()).collect(), text.collect())
    }

    /// The part of the draft that a row of this many columns shows: the text before the cursor, and the
    /// text after it. One column is for the cursor, and up to a third of the others for the text after it.
    pub(super) fn visible(&self, columns: usize) -> (String, String) {
        let columns = columns.max(2) - 1;
        let (before, after) = self.parts();
        let (_, reserve) = fitting(after.graphemes(true), columns / 3);
        let (length, wide) = fitting(before.graphemes(true).rev(), columns - reserve);
        let (rest, _) = fitting(after.graphemes(true), columns - wide);
        (shown(&before[before.len() - length..]), shown(&after[..rest]))
    }
}

/// How many bytes and columns the first characters take that fit into this many columns.
fn fitting<'a>(clusters: impl Iterator<Item = &'a str>, columns: usize) -> (usize, usize) {
    let (mut length, mut wide) = (0, 0);
    for cluster in clusters {
        let more = width(cluster);
        if wide + more > columns {
            break;
        }
        (length, wide) = (length + cluster.len(), wide + more);
    }
    (length, wide)
}

/// Text as one row shows it. The width stays the same.
fn shown(text: &str) -> String {
    text.replace('\n', "↵").replace('\t', " ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use tui_input::InputRequest::{DeletePrevChar, GoToPrevChar, GoToStart};

    fn typed(text: &str) -> Draft {
        let mut draft = Draft::default();
        draft.press(Key::Text(text.to_owned()));
        draft
    }

    #[test]
    fn the_cursor_is_visible_wherever_it_stands() {
        let text = "a你👋🏽é\tb👨‍👩‍👧c".repeat(40);
        for columns in [2, 3, 9, 10, 37, 197] {
            let mut draft = typed(&text);
            loop {
                let (before, after) = draft.visible(columns);
                let shown = width(&before) + width(&after);
                assert!(shown < columns.max(7), "{shown} of {columns}: {before}|{after}");
                let (all_before, all_after) = draft.parts();
                assert!(self::shown(&all_before).ends_with(&before));
                assert!(self::shown(&all_after).starts_with(&after));
                if columns > 9 {
                    assert!(all_before.is_empty() || !before.is_empty(), "the last typed text");
                }
                if all_before.is_empty() {
                    break;
                }
                draft.press(Key::Edit(GoToPrevChar));
            }
        }
    }

    #[test]
    fn one_key_deletes_one_visible_character() {
        let mut draft = typed("👨‍👩‍👧🇫🇷e\u{301}");
        for left in ["👨‍👩‍👧🇫🇷", "👨‍👩‍👧", ""] {
            draft.press(Key::Edit(DeletePrevChar));
            assert_eq!(draft.text(), left);
        }
    }

    #[test]
    fn tab_goes_through_the_names_that_were_heard() {
        let mut draft = typed("hello bO");
        for name in ["Bob", "Ann", "Bo"] {
            draft.names.hear(&format!("{name}: hello"));
        }
        for shown in ["hello Bo", "hello Bob", "hello Bo"] {
            draft.press(Key::Tab);
            assert_eq!(draft.text(), shown);
        }
        draft.press(Key::Edit(GoToStart));
        draft.press(Key::Tab);
        assert_eq!(draft.text(), "hello Bo", "there is no word to complete");
    }
}
