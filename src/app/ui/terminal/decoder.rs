//! Decodes the bytes that a terminal sends into keys.
//!
//! The program does not use a crate for this. crossterm's reader (0.29) takes all the time of a
//! processor when the terminal is closed. termina's parser (0.4) has no limit for a key and does not
//! tell whether one has begun: after Alt-], or after a terminal's reply `ESC [ > 0 c`, it returns
//! nothing any more.
//!
//! Plain data: nothing in here is shared between threads.

use tcp_chat::protocol;
use tui_input::InputRequest::{
    self, DeleteFromStart, DeleteNextChar, DeleteNextWord, DeletePrevChar, DeletePrevWord,
    DeleteTillEnd, GoToEnd, GoToNextChar, GoToNextWord, GoToPrevChar, GoToPrevWord, GoToStart,
    Yank,
};

use super::draft::MAX_DRAFT;

/// A key, or a paste.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Key {
    /// Text that was typed.
    Text(String),
    /// Text that was pasted. It may have several lines.
    Paste(String),
    /// Moves the cursor or deletes something.
    Edit(InputRequest),
    Enter,
    Tab,
    Up,
    Down,
    /// Ctrl-C.
    Interrupt,
    /// Ctrl-D.
    EndOfInput,
    /// Ctrl-Z.
    Suspend,
    /// Ctrl-L.
    Redraw,
}

/// The sequences before and after a paste.
const PASTE_BEGINS: &[u8] = b"\x1b[200~";
const PASTE_ENDS: &[u8] = b"\x1b[201~";

/// The longest sequence that a key sends, in bytes.
const LONGEST: usize = 32;

/// How many bytes of a paste are kept: more than a draft can have.
const MOST: usize = 2 * MAX_DRAFT;

/// Takes bytes as they arrive, and returns keys.
#[derive(Debug, Default)]
pub(super) struct Decoder {
    bytes: Vec<u8>,
    /// In so many bytes of a paste there is no end of it.
    searched: usize,
}

impl Decoder {
    pub(super) fn feed(&mut self, bytes: &[u8]) {
        if self.bytes.starts_with(PASTE_BEGINS) {
            // The end of the paste may have begun.
            let begun = PASTE_ENDS.len();
            if self.bytes.len() > MOST {
                // The paste is too long for a draft, and it is still too long without its middle.
                self.bytes.drain(MOST - begun..self.bytes.len() - begun);
            }
            self.searched = self.bytes.len() - begun;
        }
        self.bytes.extend_from_slice(bytes);
    }

    /// Whether an escape sequence has begun. Either the rest follows at once, or a person pressed
    /// the Escape key.
    pub(super) fn has_begun_a_key(&self) -> bool {
        self.bytes.first() == Some(&0x1b) && !self.bytes.starts_with(PASTE_BEGINS)
    }

    /// A person pressed the Escape key, which has no effect.
    pub(super) fn forget_escape(&mut self) {
        self.bytes.clear();
    }
}

impl Iterator for Decoder {
    type Item = Key;

    fn next(&mut self) -> Option<Key> {
        loop {
            let (key, length) = first(&self.bytes, self.searched)?;
            self.bytes.drain(..length);
            self.searched = 0;
            if key.is_some() {
                return key;
            }
        }
    }
}

/// The first key and its length in bytes. The key is empty if these bytes have no effect. None if
/// the key is not complete.
fn first(bytes: &[u8], searched: usize) -> Option<(Option<Key>, usize)> {
    match bytes {
        [] | [0x1b] | [0x1b, b'O'] => None,
        [0x1b, b'[', ..] if bytes.starts_with(PASTE_BEGINS) => paste(bytes, searched),
        [0x1b, b'[', rest @ ..] => {
            match rest.iter().position(|byte| (b'@'..=b'~').contains(byte)) {
                Some(end) => Some((csi(&rest[..end], rest[end]), end + 3)),
                None => (rest.len() > LONGEST).then_some((None, bytes.len())),
            }
        }
        [0x1b, b'O', byte, ..] => Some((csi(b"", *byte), 3)),
        // The Escape key, followed by another key.
        [0x1b, 0x1b | 0x80.., ..] => Some((None, 1)),
        [0x1b, byte, ..] => Some((alt(*byte), 2)),
        [byte @ (0..0x20 | 0x7f), ..] => Some((control(*byte), 1)),
        _ => text(bytes),
    }
}

fn paste(bytes: &[u8], searched: usize) -> Option<(Option<Key>, usize)> {
    let from = PASTE_BEGINS.len();
    let searched = searched.max(from);
    let end = searched + memchr::memmem::find(&bytes[searched..], PASTE_ENDS)?;
    let pasted = String::from_utf8_lossy(&bytes[from..end]);
    let lines = pasted.replace("\r\n", "\n").replace('\r', "\n");
    let key = Key::Paste(protocol::sanitized_raw(lines.as_bytes()));
    Some((Some(key), end + PASTE_ENDS.len()))
}

/// All text up to the next key that is not a character.
fn text(bytes: &[u8]) -> Option<(Option<Key>, usize)> {
    let end = bytes.iter().position(|byte| matches!(byte, 0..0x20 | 0x7f));
    let mut typed = &bytes[..end.unwrap_or(bytes.len())];
    if end.is_none()
        && let Err(error) = std::str::from_utf8(typed)
        && error.error_len().is_none()
    {
        // The rest of the last character has not arrived yet.
        typed = &typed[..error.valid_up_to()];
    }
    let key = Key::Text(protocol::sanitized(typed));
    (!typed.is_empty()).then_some((Some(key), typed.len()))
}

/// Decodes a control sequence from its parameters and its last byte.
fn csi(parameters: &[u8], last: u8) -> Option<Key> {
    // A second parameter means that Ctrl, Alt or Shift was held.
    let is_modified = parameters.contains(&b';');
    let number = parameters.split(|byte| *byte == b';').next().unwrap_or_default();
    Some(match (last, number) {
        (b'A', _) => Key::Up,
        (b'B', _) => Key::Down,
        (b'C', _) => Key::Edit(if is_modified { GoToNextWord } else { GoToNextChar }),
        (b'D', _) => Key::Edit(if is_modified { GoToPrevWord } else { GoToPrevChar }),
        (b'H', _) | (b'~', b"1" | b"7") => Key::Edit(GoToStart),
        (b'F', _) | (b'~', b"4" | b"8") => Key::Edit(GoToEnd),
        (b'~', b"3") => Key::Edit(if is_modified { DeleteNextWord } else { DeleteNextChar }),
        // Enter on the number pad.
        (b'M', b"") => Key::Enter,
        _ => return None,
    })
}

/// Decodes a key that was pressed with Alt.
fn alt(byte: u8) -> Option<Key> {
    Some(Key::Edit(match byte {
        b'b' => GoToPrevWord,
        b'f' => GoToNextWord,
        b'd' => DeleteNextWord,
        0x08 | 0x7f => DeletePrevWord,
        _ => return None,
    }))
}

/// Decodes a key that was pressed with Ctrl, or a key that sends the same byte.
fn control(byte: u8) -> Option<Key> {
    // Ctrl-A sends 1, Ctrl-B sends 2, and so on.
    Some(match byte | 0x40 {
        b'A' => Key::Edit(GoToStart),
        b'B' => Key::Edit(GoToPrevChar),
        b'C' => Key::Interrupt,
        b'D' => Key::EndOfInput,
        b'E' => Key::Edit(GoToEnd),
        b'F' => Key::Edit(GoToNextChar),
        b'H' | 0x7f => Key::Edit(DeletePrevChar),
        b'I' => Key::Tab,
        b'J' | b'M' => Key::Enter,
        b'K' => Key::Edit(DeleteTillEnd),
        b'L' => Key::Redraw,
        b'N' => Key::Down,
        b'P' => Key::Up,
        b'U' => Key::Edit(DeleteFromStart),
        b'W' => Key::Edit(DeletePrevWord),
        b'Y' => Key::Edit(Yank),
        b'Z' => Key::Suspend,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Decodes these bytes, and checks that the keys are the same wherever the bytes are cut in
    /// two.
    fn keys(bytes: &[u8]) -> Vec<Key> {
        let mut decoder = Decoder::default();
        decoder.feed(bytes);
        let whole: Vec<Key> = decoder.collect();
        for middle in 0..bytes.len() {
            let mut decoder = Decoder::default();
            let mut halves = Vec::new();
            for half in [&bytes[..middle], &bytes[middle..]] {
                decoder.feed(half);
                halves.extend(decoder.by_ref());
            }
            assert_eq!(joined(halves), joined(whole.clone()), "{bytes:?} cut at {middle}");
        }
        whole
    }

    /// Joins text that arrived in two parts.
    fn joined(keys: Vec<Key>) -> Vec<Key> {
        let mut joined = Vec::<Key>::new();
        for key in keys {
            match (joined.last_mut(), key) {
                (Some(Key::Text(text)), Key::Text(more)) => text.push_str(&more),
                (_, key) => joined.push(key),
            }
        }
        joined
    }

    #[test]
    fn keys_are_told_apart_wherever_a_read_ends() {
        let text = |text: &str| Key::Text(text.to_owned());
        assert_eq!(keys("né👋\r".as_bytes()), [text("né👋"), Key::Enter]);
        assert_eq!(
            keys(b"\x1b[A\x1bOB\x1b[1;5C\x1b[3~\x1bb\x03"),
            [
                Key::Up,
                Key::Down,
                Key::Edit(GoToNextWord),
                Key::Edit(DeleteNextChar),
                Key::Edit(GoToPrevWord),
                Key::Interrupt,
            ]
        );
        assert_eq!(
            keys(b"a\x1b[200~one\r\n\x1b[31mtwo\x03\x1b[201~b"),
            [text("a"), Key::Paste("one\n␛[31mtwo␃".to_owned()), text("b")]
        );
        // Keys that have no effect, and bytes that are not text.
        assert_eq!(keys(b"\x1b[15~\x1bq\x1b[?62;4c!"), [text("!")]);
        // With termina's parser, there would be no key here.
        assert_eq!(keys(b"\x1b]a\x1b[>0;276;0cb"), [text("a"), text("b")]);
        assert_eq!(keys(b"\xff\xfe."), [text("\u{fffd}\u{fffd}.")]);
    }

    #[test]
    fn a_paste_of_any_length_ends_where_it_ends() {
        for length in [0, 5, 4090, MOST - 20, MOST, MOST + 1, 3 * MOST] {
            let paste = "x".repeat(length);
            let bytes = format!("\x1b[200~{paste}\x1b[201~\rnext");
            let mut decoder = Decoder::default();
            let mut keys = Vec::new();
            for read in bytes.as_bytes().chunks(4096) {
                decoder.feed(read);
                keys.extend(decoder.by_ref());
            }
            let Some(Key::Paste(pasted)) = keys.first() else { panic!("no paste of {length}") };
            assert!(pasted.len() == length || (pasted.len() <= length && pasted.len() > MAX_DRAFT));
            assert_eq!(joined(keys[1..].to_vec()), [Key::Enter, Key::Text("next".to_owned())]);
        }
    }

    #[test]
    fn a_sequence_without_an_end_is_thrown_away() {
        let mut decoder = Decoder::default();
        decoder.feed(b"\x1b[");
        decoder.feed(&[b'1'; 100]);
        assert_eq!(decoder.next(), None);
        decoder.feed(b"x");
        assert_eq!(decoder.next(), Some(Key::Text("x".to_owned())));
        decoder.feed(b"\x1b");
        assert!(decoder.has_begun_a_key());
        decoder.forget_escape();
        decoder.feed(b"y");
        assert_eq!(decoder.next(), Some(Key::Text("y".to_owned())));
    }
}
