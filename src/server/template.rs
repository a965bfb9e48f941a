//! `--greet` and `--prefix`: text with places for a client's number, address, port and name. Some
//! programs expect a greeting, or the speaker's name in front of each message.

use std::net::SocketAddr;
use std::str::FromStr;

use thiserror::Error;

use crate::protocol::{self, PeerId};

/// Text with the placeholders `{number}`, `{address}`, `{port}` and `{name}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template(String);

/// A text has a brace that belongs to no placeholder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the placeholders are {{number}}, {{address}}, {{port}} and, with --name-first, {{name}}")]
pub struct TemplateError;

impl FromStr for Template {
    type Err = TemplateError;

    fn from_str(text: &str) -> Result<Self, TemplateError> {
        let rest = Self(text.to_owned()).fill(0, SocketAddr::from(([0, 0, 0, 0], 0)), "");
        match rest.find(['{', '}']) {
            Some(_) => Err(TemplateError),
            None => Ok(Self(protocol::sanitized(text.as_bytes()))),
        }
    }
}

impl Template {
    /// Whether the text has the client's name.
    pub fn has_name(&self) -> bool {
        self.0.contains("{name}")
    }

    /// The text for one client: its number since the server started, its address, and its name.
    pub fn fill(&self, number: PeerId, address: SocketAddr, name: &str) -> String {
        self.0
            .replace("{number}", &number.to_string())
            .replace("{address}", &address.ip().to_string())
            .replace("{port}", &address.port().to_string())
            .replace("{name}", name)
    }
}
