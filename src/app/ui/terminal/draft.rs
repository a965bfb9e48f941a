//! The line being typed: the effect of each key, and the part that the prompt's row shows.
//!
//! Plain data: nothing in here is shared between threads.

use tui_input::{Input as Editor, InputRequest};
use unicode_segmentation::UnicodeSegmentation;

use super::completion::{Completion, Names};
use super::decoder::Key;
use super::input_history::InputHistory;
use super::layout::width;

/// The longest draft, in bytes.
pub(super) const MAX_DRAFT: usize = 1024 * 1024;

/// How many bytes before the cursor are looked at for one row, and at most twice as many: more than
/// a row has.
const FAR: usize = 16 * 1024;

/// The line being typed, the lines before it, and the names that Tab can complete.
#[derive(Debug, Default)]
pub(super) struct Draft {
    editor: Editor,
    history: InputHistory,
    completion: Option<Completion>,
    pub(super) names: Names,
}

/// A request that a key makes, besides a change of the draft.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Asked {
    /// No request.
    Nothing,
    /// Enter: send this text.
    Send(String),
    /// Leave.
    Quit,
    /// Give the terminal to the shell.
    Suspend,
    /// The text would make the draft too long, so it was not inserted.
    TooMuch,
}

impl Draft {
    pub(super) fn text(&self) -> &str {
        self.editor.value()
    }

    /// The arrow keys no longer bring back the lines typed so far.
    pub(super) fn forget_history(&mut self) {
        self.history = InputHistory::default();
    }

    pub(super) fn press(&mut self, key: Key) -> Asked {
        if key != Key::Tab {
            self.completion = None;
        }
        match key {
            Key::Text(text) | Key::Paste(text) => return self.insert(&text),
            Key::Enter => {
                let text = self.editor.value_and_reset();
                if !text.trim().is_empty() {
                    self.history.add(&text);
                }
                return Asked::Send(text);
            }
            Key::Interrupt | Key::EndOfInput if self.text().is_empty() => return Asked::Quit,
            Key::Interrupt => {
                let text = self.editor.value_and_reset();
                self.history.add(&text);
            }
            Key::EndOfInput => _ = self.editor.handle(InputRequest::DeleteNextChar),
            Key::Edit(request) => _ = self.editor.handle(request),
            Key::Tab => self.complete(),
            Key::Up => {
                let older = self.history.older(self.editor.value());
                self.replace(older);
            }
            Key::Down => {
                let newer = self.history.newer();
                self.replace(newer);
            }
            Key::Suspend => return Asked::Suspend,
            Key::Redraw => {}
        }
        Asked::Nothing
    }

    fn insert(&mut self, text: &str) -> Asked {
        let (before, after) = self.parts();
        if before.len() + text.len() + after.len() > MAX_DRAFT {
            return Asked::TooMuch;
        }
        let (whole, cursor) = (format!("{before}{text}{after}"), before.len() + text.len());
        self.set(whole, cursor);
        Asked::Nothing
    }

    fn complete(&mut self) {
        let last = self.completion.take();
        let (before, after) = self.parts();
        let completion = last.or_else(|| Completion::of(before, &self.names));
        let Some(mut completion) = completion else { return };
        let before = format!("{}{}", &before[..completion.start], completion.candidate());
        let cursor = before.len();
        let whole = before + after;
        self.set(whole, cursor);
        self.completion = Some(completion);
    }

    fn replace(&mut self, text: Option<String>) {
        if let Some(text) = text {
            let cursor = text.len();
            self.set(text, cursor);
        }
    }

    /// Replaces the text, with the cursor at this byte. Keeps the editor's killed text, so it can
    /// still be yanked.
    fn set(&mut self, text: String, cursor: usize) {
        let cursor = text[..cursor].chars().count();
        let editor = std::mem::take(&mut self.editor);
        self.editor = editor.with_value(text).with_cursor(cursor);
    }

    /// The text before the cursor, and the text after it.
    fn parts(&self) -> (&str, &str) {
        let text = self.editor.value();
        let cursor = text.char_indices().nth(self.editor.cursor()).map_or(text.len(), |(at, _)| at);
        text.split_at(cursor)
    }

    /// The part of the draft that a row of this many columns shows, with one column for the cursor.
    /// Returns the text before the cursor and the text after it. A longer draft scrolls by half a
    /// row at a time, so that you see the text around the cursor.
    pub(super) fn visible(&self, columns: usize) -> (String, String) {
        let columns = columns.max(2);
        let (before, after) = self.parts();
        // The beginning of a long text is hidden in any case. It is left out in large steps, so that
        // the text does not move with each key.
        let from = before.len().saturating_sub(FAR) / FAR * FAR;
        let from =
            (from..=before.len()).find(|&at| before.is_char_boundary(at)).unwrap_or_default();
        let before = &before[from..];
        let hidden = match shown_width(before) {
            wide if wide < columns => 0,
            wide => {
                let step = columns / 2;
                (wide - columns) / step * step + step
            }
        };
        let mut column = 0;
        let visible_from = before.grapheme_indices(true).find(|(_, cluster)| {
            let is_visible = column >= hidden;
            column += shown_width(cluster);
            is_visible
        });
        // Otherwise a last character that is wider than half a row would be hidden as well.
        let last = before.grapheme_indices(true).next_back();
        let last = last.filter(|(_, cluster)| shown_width(cluster) < columns);
        let before = shown(visible_from.or(last).map_or("", |(at, _)| &before[at..]));
        let mut left = columns.saturating_sub(shown_width(&before) + 1);
        let after = after.graphemes(true).take_while(|cluster| {
            let wide = shown_width(cluster);
            let fits = wide <= left;
            left = left.saturating_sub(wide);
            fits
        });
        (before, after.map(shown).collect())
    }
}

/// Text as one row shows it.
fn shown(text: &str) -> String {
    text.replace('\n', "↵").replace('\t', " ")
}

/// How many columns the text takes in that row.
fn shown_width(text: &str) -> usize {
    text.graphemes(true)
        .map(|cluster| if matches!(cluster, "\n" | "\t") { 1 } else { width(cluster) })
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use tui_input::InputRequest::{DeletePrevChar, GoToPrevChar, GoToStart};

    fn typed(text: &str) -> Draft {
        let mut draft = Draft::default();
        assert_eq!(draft.press(Key::Text(text.to_owned())), Asked::Nothing);
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
                assert!(self::shown(all_before).ends_with(&before));
                assert!(self::shown(all_after).starts_with(&after));
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
            draft.names.heard(name);
        }
        for shown in ["hello Bo", "hello Bob", "hello Bo"] {
            draft.press(Key::Tab);
            assert_eq!(draft.text(), shown);
        }
        draft.press(Key::Edit(GoToStart));
        draft.press(Key::Tab);
        assert_eq!(draft.text(), "hello Bo", "there is no word to complete");
    }

    #[test]
    fn a_draft_has_a_limit() {
        let mut draft = typed(&"x".repeat(MAX_DRAFT));
        assert_eq!(draft.press(Key::Paste("y".to_owned())), Asked::TooMuch);
        assert_eq!(draft.text().len(), MAX_DRAFT);
    }
}
