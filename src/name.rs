//! A client's name, and what the client says in it.

use std::fmt;
use std::str::FromStr;

use crate::wire::repair;

/// The longest name, in characters.
pub const MAX_NAME: usize = 32;

/// What is said by a client that leaves, if the server puts the name in front.
pub const FAREWELL: &str = "Disconnected!";

/// A client's name: 1 to [`MAX_NAME`] characters, none of them a control character or a `:`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name(String);

impl FromStr for Name {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let mut repaired = Vec::new();
        repair(name.as_bytes(), &mut repaired);
        let length = name.chars().count();
        if length == 0 || length > MAX_NAME {
            return Err(format!("a name has 1 to {MAX_NAME} characters, this one has {length}"));
        }
        if name.contains([':', '\t']) || repaired != name.as_bytes() {
            return Err("a name may not contain ':' or control characters".to_owned());
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

    /// What the client sends when somebody typed `text`: `NAME: text`.
    pub fn says(&self, text: &str) -> String {
        format!("{self}: {text}")
    }

    /// What the client sends when it leaves of its own accord.
    pub fn farewell(&self) -> String {
        format!("{self} {FAREWELL}")
    }
}
