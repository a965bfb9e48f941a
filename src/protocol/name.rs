//! A client's name, and how the client's messages begin with it.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;
use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthChar;

use super::{is_of_server, sanitized};

/// The longest name, in characters as a person sees them: Unicode calls them graphemes.
pub const MAX_NAME: usize = 32;

const MAX_BYTES: usize = 128;

const GREETING: &str = "Connected!";

/// The farewell of a client, when the server adds the name.
pub const FAREWELL: &str = "Disconnected!";

/// Stands between the old name and the new name of a client.
pub const IS_NOW: &str = " Is Now ";

/// A client's name: 1 to [`MAX_NAME`] characters, at most 128 bytes. Each of them can be seen, so two
/// names that differ also look different. There are no control characters, no `:`, and no space at
/// either end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name(String);

/// Why a text is no [`Name`], in words.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("a name {0}")]
pub struct NameError(String);

impl FromStr for Name {
    type Err = NameError;

    fn from_str(name: &str) -> Result<Self, NameError> {
        let (length, bytes) = (name.graphemes(true).count(), name.len());
        let wrong = if length == 0 || length > MAX_NAME {
            format!("has 1 to {MAX_NAME} characters, this one has {length}")
        } else if bytes > MAX_BYTES {
            format!("has at most {MAX_BYTES} bytes, this one has {bytes}")
        } else if name.contains([':', '\t']) || sanitized(name.as_bytes()) != name {
            "may not contain ':' or control characters".to_owned()
        } else if name.trim() != name || !name.graphemes(true).all(is_visible) {
            "may not begin or end with a space, or have invisible characters".to_owned()
        } else {
            return Ok(Self(name.to_owned()));
        };
        Err(NameError(wrong))
    }
}

/// Whether a person can see this character. A joiner connects parts of it, as in an emoji of a family;
/// at its end, nobody sees the joiner.
fn is_visible(grapheme: &str) -> bool {
    if matches!(grapheme, " " | "\u{3000}") {
        return true;
    }
    let first = grapheme.chars().next().unwrap_or_default();
    let last = grapheme.chars().next_back().unwrap_or_default();
    // These have a width, and nothing to see.
    let blank = matches!(first, '\u{115f}' | '\u{2800}' | '\u{fff9}'..='\u{fffb}');
    let width = first.width().unwrap_or(0);
    let ends_well = match last {
        '\u{34f}' | '\u{1160}' | '\u{200c}' | '\u{200d}' => false,
        // They choose the form of a picture or of an ideograph. Behind a letter they do nothing.
        '\u{180b}'..='\u{180f}' | '\u{fe00}'..='\u{fe0f}' | '\u{e0000}'..='\u{e0fff}' => {
            width > 1 || !(first.is_ascii() || first.is_alphanumeric())
        }
        _ => true,
    };
    !first.is_whitespace() && !blank && width > 0 && ends_well
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Name {
    /// The name of a client that was given none: `Client<pid>`.
    pub fn of_process(id: u32) -> Self {
        Self(format!("Client{id}"))
    }

    /// The message for `text`: `NAME: text`.
    pub fn says(&self, text: &str) -> String {
        format!("{self}: {text}")
    }

    /// The greeting of the client.
    pub fn greeting(&self) -> String {
        format!("{self} {GREETING}")
    }

    /// Says that the client has another name from now on.
    pub fn becomes(&self, new: &Self) -> String {
        format!("{self}{IS_NOW}{new}")
    }

    /// The farewell of the client.
    pub fn farewell(&self) -> String {
        format!("{self} {FAREWELL}")
    }
}

/// The name of the client that said this line, and the rest: a message, a greeting, a farewell, or a
/// new name. The sentences of the server have no speaker.
pub fn speaker(line: &str) -> Option<(&str, &str)> {
    let is_name = |name: &&str| name.parse::<Name>().is_ok();
    let deed = [GREETING, FAREWELL].into_iter().find_map(|deed| line.strip_suffix(deed));
    let renamed = line.split_once(IS_NOW).filter(|(_, new)| is_name(new));
    let alone = deed.and_then(|name| name.strip_suffix(' ')).or(renamed.map(|(old, _)| old));
    let name = alone.filter(is_name).or_else(|| Some(line.split_once(": ")?.0).filter(is_name));
    name.filter(|_| !is_of_server(line)).map(|name| line.split_at(name.len()))
}
