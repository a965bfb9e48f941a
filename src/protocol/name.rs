//! A client's name, and how the client's messages begin with it.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

use super::sanitize;

/// The longest name, in characters.
pub const MAX_NAME: usize = 32;

/// The farewell of a client, when the server adds the name.
pub const FAREWELL: &str = "Disconnected!";

/// A client's name: 1 to [`MAX_NAME`] characters, none of them a control character or a `:`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name(String);

/// A text is no [`Name`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum NameError {
    /// It is empty, or too long.
    #[error("a name has 1 to {MAX_NAME} characters, this one has {0}")]
    Length(usize),
    /// It has a character that a name may not have.
    #[error("a name may not contain ':' or control characters")]
    Character,
}

impl FromStr for Name {
    type Err = NameError;

    fn from_str(name: &str) -> Result<Self, NameError> {
        let mut sanitized = Vec::new();
        sanitize(name.as_bytes(), &mut sanitized);
        let length = name.chars().count();
        if length == 0 || length > MAX_NAME {
            return Err(NameError::Length(length));
        }
        if name.contains([':', '\t']) || sanitized != name.as_bytes() {
            return Err(NameError::Character);
        }
        Ok(Self(name.to_owned()))
    }
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

    /// The farewell of the client.
    pub fn farewell(&self) -> String {
        format!("{self} {FAREWELL}")
    }
}
