//! The protocol: what goes over the wire, as `docs/protocol.md` describes it for other programs.
//!
//! Nothing in this folder knows a socket or a thread.

mod batch;
mod framing;
mod name;
mod sanitize;
mod sentences;
#[cfg(test)]
mod tests;

pub use batch::{Batch, NOBODY, PeerId, Recipient};
pub use framing::{Chunks, Found, Lines};
pub use name::{FAREWELL, IS_NOW, MAX_NAME, Name, NameError, speaker};
pub use sanitize::{sanitize, sanitized, sanitized_raw};
pub use sentences::{
    counted, full, in_short, is_full, is_of_server, is_offline, is_refusal, offline, refusal,
};

/// The longest line a server accepts unless told otherwise, in bytes without the newline.
pub const MAX_LINE: usize = 1024;

/// The most one raw message carries, in bytes: the `recv(1024)` of the assignment's programs.
pub const RAW_MESSAGE: usize = 1024;

/// The host and the port of `HOST:PORT`. An IPv6 address may stand in brackets.
pub fn host_and_port(address: &str) -> Option<(&str, u16)> {
    let (host, port) = address.rsplit_once(':')?;
    let inside = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    let host = inside.unwrap_or(host);
    Some((host, port.parse().ok()?)).filter(|_| !host.is_empty())
}

/// How messages are told apart on a connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Framing {
    /// One message is one line, ended by `\n`
    #[default]
    Lines,
    /// No delimiter: what one read returns is one message, as in the course assignment
    Raw,
}
