//! Decodes the bytes that a terminal sends into keys.
//!
//! The crate `vte` knows where an escape sequence ends, so a terminal's replies (OSC, DCS and the
//! like) are never typed into the draft. This file says which sequence is which key. It also does
//! three things that `vte` does not, because `vte` reads what programs send, and not what people
//! press. The Escape key is the beginning of a sequence that never ends, and so is Alt-]: a pause
//! ends them. Escape before a control byte is a key with Alt. Pasted text is taken as it is. (No
//! crate for keys fits: crossterm's reader, 0.29, takes all the time of a processor when the terminal
//! is closed, and termina's parser, 0.4, returns nothing any more after Alt-] or a reply such as
//! `ESC [ > 0 c`.)

use std::time::Duration;

use tcp_chat::protocol;
use tui_input::InputRequest::{
    self, DeleteFromStart, DeleteNextChar, DeleteNextWord, DeletePrevChar, DeletePrevWord,
    DeleteTillEnd, GoToEnd, GoToNextChar, GoToNextWord, GoToPrevChar, GoToPrevWord, GoToStart,
    Yank,
};
use vte::{Params, Parser, Perform};

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Key {
    /// Text that was typed or pasted. Pasted text may have several lines.
    Text(String),
    Edit(InputRequest),
    /// Ctrl-W: deletes to the space before the word.
    Rubout,
    Enter,
    Tab,
    Up,
    Down,
    Interrupt,
    EndOfInput,
    Suspend,
    Clear,
}

const PASTE_ENDS: &[u8] = b"\x1b[201~";

/// After this pause, the rest of a key's sequence no longer comes: a person pressed Escape, or Alt-].
const PAUSE: Duration = Duration::from_millis(500);

#[derive(Default)]
pub(super) struct Decoder {
    parser: Parser,
    pressed: Pressed,
    escape: bool,
}

impl Decoder {
    /// The keys in these bytes, which came after a pause.
    pub(super) fn feed(&mut self, bytes: &[u8], pause: Duration) -> Vec<Key> {
        // A slow connection can delay the rest of a sequence. It comes at once, and a person types one
        // byte at a time.
        if pause >= PAUSE && !(bytes.len() > 1 && bytes[0] == b'[') {
            self.forget();
        }
        for &byte in bytes {
            self.take(byte);
        }
        std::mem::take(&mut self.pressed.keys)
    }

    fn take(&mut self, byte: u8) {
        if let Some(paste) = &mut self.pressed.paste {
            paste.push(byte);
            if let Some(pasted) = paste.strip_suffix(PASTE_ENDS) {
                let text =
                    String::from_utf8_lossy(pasted).replace("\r\n", "\n").replace('\r', "\n");
                self.pressed.paste = None;
                self.pressed.add(Key::Text(protocol::sanitized_raw(text.as_bytes())));
            }
            return;
        }
        let after_escape = std::mem::replace(&mut self.escape, byte == 0x1b);
        let is_key = byte < b' ' && !matches!(byte, 0x07 | 0x1b);
        if is_key || (after_escape && byte > b'~') {
            // To `vte`, what has begun would go on.
            self.forget();
        }
        match byte {
            0x08 | 0x7f if after_escape => self.pressed.add(Key::Edit(DeletePrevWord)),
            0x08 | 0x7f => self.pressed.add(Key::Edit(DeletePrevChar)),
            // `ESC O A` is the same key as `ESC [ A`.
            b'O' if after_escape => self.parser.advance(&mut self.pressed, b"["),
            _ => self.parser.advance(&mut self.pressed, &[byte]),
        }
    }

    /// What has begun does not end.
    fn forget(&mut self) {
        (self.parser, self.escape) = (Parser::default(), false);
    }
}

#[derive(Default)]
struct Pressed {
    keys: Vec<Key>,
    /// The bytes of a paste that has not ended.
    paste: Option<Vec<u8>>,
}

impl Pressed {
    fn add(&mut self, key: Key) {
        match (self.keys.last_mut(), key) {
            (Some(Key::Text(text)), Key::Text(more)) => text.push_str(&more),
            (_, key) => self.keys.push(key),
        }
    }
}

impl Perform for Pressed {
    fn print(&mut self, typed: char) {
        self.add(Key::Text(protocol::sanitized(typed.to_string().as_bytes())));
    }

    /// A key that was pressed with Ctrl, or a key that sends the same byte.
    fn execute(&mut self, byte: u8) {
        // Ctrl-A sends 1, Ctrl-B sends 2, and so on.
        let key = match byte | 0x40 {
            b'A' => Key::Edit(GoToStart),
            b'B' => Key::Edit(GoToPrevChar),
            b'C' => Key::Interrupt,
            b'D' => Key::EndOfInput,
            b'E' => Key::Edit(GoToEnd),
            b'F' => Key::Edit(GoToNextChar),
            b'I' => Key::Tab,
            b'J' | b'M' => Key::Enter,
            b'K' => Key::Edit(DeleteTillEnd),
            b'L' => Key::Clear,
            b'N' => Key::Down,
            b'P' => Key::Up,
            b'U' => Key::Edit(DeleteFromStart),
            b'W' => Key::Rubout,
            b'Y' => Key::Edit(Yank),
            b'Z' => Key::Suspend,
            _ => return,
        };
        self.add(key);
    }

    fn csi_dispatch(&mut self, parameters: &Params, marks: &[u8], _: bool, last: char) {
        if !marks.is_empty() {
            // A reply or a report: `ESC [ ? 62 c`.
            return;
        }
        // A second parameter means that Ctrl, Alt or Shift was held.
        let is_modified = parameters.len() > 1;
        let number = parameters.iter().next().map_or(0, |first| first[0]);
        let key = match (last, number) {
            ('~', 200) => return self.paste = Some(Vec::new()),
            ('A', _) => Key::Up,
            ('B', _) => Key::Down,
            ('C', _) => Key::Edit(if is_modified { GoToNextWord } else { GoToNextChar }),
            ('D', _) => Key::Edit(if is_modified { GoToPrevWord } else { GoToPrevChar }),
            ('H', _) | ('~', 1 | 7) => Key::Edit(GoToStart),
            ('F', _) | ('~', 4 | 8) => Key::Edit(GoToEnd),
            ('~', 3) => Key::Edit(if is_modified { DeleteNextWord } else { DeleteNextChar }),
            _ => return,
        };
        self.add(key);
    }

    /// A key that was pressed with Alt.
    fn esc_dispatch(&mut self, _: &[u8], _: bool, byte: u8) {
        let key = match byte {
            b'b' => GoToPrevWord,
            b'f' => GoToNextWord,
            b'd' => DeleteNextWord,
            _ => return,
        };
        self.add(Key::Edit(key));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Decodes these bytes, and checks that the keys are the same wherever the bytes are cut in two,
    /// also if a slow connection delays the rest.
    fn keys(bytes: &[u8]) -> Vec<Key> {
        let whole = Decoder::default().feed(bytes, Duration::ZERO);
        for middle in 0..bytes.len() {
            let mut decoder = Decoder::default();
            let mut halves = decoder.feed(&bytes[..middle], Duration::ZERO);
            halves.extend(decoder.feed(&bytes[middle..], Duration::from_millis(80)));
            assert_eq!(joined(halves), whole, "{bytes:?} cut at {middle}");
        }
        whole
    }

    /// Joins text that arrived in two parts.
    fn joined(keys: Vec<Key>) -> Vec<Key> {
        let mut joined = Pressed::default();
        for key in keys {
            joined.add(key);
        }
        joined.keys
    }

    fn text(text: &str) -> Key {
        Key::Text(text.to_owned())
    }

    #[test]
    fn keys_are_told_apart_wherever_a_read_ends() {
        assert_eq!(keys("né👋\r".as_bytes()), [text("né👋"), Key::Enter]);
        assert_eq!(
            keys(b"\x1b[A\x1bOB\x1b[1;5C\x1b[3~\x1bb\x1b\x7f\x17\x03\x7f"),
            [
                Key::Up,
                Key::Down,
                Key::Edit(GoToNextWord),
                Key::Edit(DeleteNextChar),
                Key::Edit(GoToPrevWord),
                Key::Edit(DeletePrevWord),
                Key::Rubout,
                Key::Interrupt,
                Key::Edit(DeletePrevChar),
            ]
        );
        assert_eq!(keys(b"a\x1b[200~one\r\n\x1b[31mtwo\x03\x1b[201~b"), [text("aone\n␛[31mtwo␃b")]);
        assert_eq!(keys("\x1bé\x1b\rx".as_bytes()), [text("é"), Key::Enter, text("x")]);
        assert_eq!(keys(b"\xff\xfe."), [text("\u{fffd}\u{fffd}.")]);
    }

    #[test]
    fn nothing_that_a_terminal_replies_is_typed() {
        for reply in [
            "\x1b]11;rgb:ffff/ffff/ffff\x07",
            "\x1b]10;rgb:0000/0000/0000\x1b\\",
            "\x1bP>|XTerm(390)\x1b\\",
            "\x1bP1$r0m\x1b\\",
            "\x1b_Gi=31;OK\x1b\\",
            "\x1b[>0;276;0c",
            "\x1b[?62;4c",
            "\x1b[12;40R",
            "\x1b[<0;10;20M",
            "\x1b[15~\x1bq\x1bOP",
        ] {
            assert_eq!(keys(format!("a{reply}b").as_bytes()), [text("ab")], "{reply:?}");
        }
    }

    /// Alt-] begins what never ends, and so does the Escape key.
    #[test]
    fn a_person_can_press_any_key() {
        for pressed in ["\x1b", "\x1b]", "\x1bP", "\x1bX", "\x1bO", "\x1b_"] {
            let mut decoder = Decoder::default();
            assert_eq!(decoder.feed(pressed.as_bytes(), Duration::ZERO), []);
            assert_eq!(decoder.feed(b"x", PAUSE), [text("x")], "{pressed:?}");
            decoder.feed(pressed.as_bytes(), Duration::ZERO);
            assert_eq!(
                decoder.feed(b"\rx", Duration::ZERO),
                [Key::Enter, text("x")],
                "{pressed:?}"
            );
        }
    }

    #[test]
    fn a_paste_begins_after_any_pause_and_ends_at_its_end() {
        for length in [0, 5, 4090, 3 << 20] {
            let paste = "x\r".repeat(length);
            let mut decoder = Decoder::default();
            let mut keys = Vec::new();
            for read in ["\x1b", "[200~", &paste, "\x1b", "[201~\rnext"] {
                for part in read.as_bytes().chunks(4096) {
                    keys.extend(decoder.feed(part, PAUSE));
                }
            }
            assert!(keys == [text(&"x\n".repeat(length)), Key::Enter, text("next")], "{length}");
        }
    }
}
