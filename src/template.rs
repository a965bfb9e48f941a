//! `--greet` and `--prefix`: text in which a client's number, address and port are filled in, for
//! programs that expect the server to greet them or to name who speaks.
//!
//! A leaf: no sockets, nothing shared.

use std::net::SocketAddr;
use std::str::FromStr;

use crate::batch::PeerId;
use crate::wire;

/// Text with the placeholders `{number}`, `{address}`, `{port}` and `{name}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template(String);

impl FromStr for Template {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let rest = Self(text.to_owned()).fill(0, SocketAddr::from(([0, 0, 0, 0], 0)), "");
        match rest.find(['{', '}']) {
            Some(_) => Err(
                "the placeholders are {number}, {address}, {port} and, with --name-first, {name}"
                    .to_owned(),
            ),
            None => Ok(Self(wire::repaired(text.as_bytes()))),
        }
    }
}

impl Template {
    /// The text for one client: the `number`-th since the server started, at `address`, which calls
    /// itself `name`.
    pub fn fill(&self, number: PeerId, address: SocketAddr, name: &str) -> String {
        self.0
            .replace("{number}", &number.to_string())
            .replace("{address}", &address.ip().to_string())
            .replace("{port}", &address.port().to_string())
            .replace("{name}", name)
    }

    /// Whether it has a place for a name.
    pub fn names(&self) -> bool {
        self.0.contains("{name}")
    }
}
