//! The few sentences that the server says, and how a client knows them again.

use std::net::SocketAddr;

/// What the server says to everyone when it stops.
pub fn offline(port: u16) -> String {
    format!("Server @PORT #{port} Offline...")
}

/// Whether `line` is what a server says when it stops; its port may be that of its
/// other address.
pub fn is_offline(line: &str) -> bool {
    let port =
        line.strip_prefix("Server @PORT #").and_then(|rest| rest.strip_suffix(" Offline..."));
    port.is_some_and(|port| port.parse::<u16>().is_ok())
}

/// What the server's event log shows when a client has not taken everything.
pub fn fell_behind(address: SocketAddr) -> String {
    format!("Client @PORT #{} Is Behind!", address.port())
}

/// What the server's event log shows when such a client has everything again.
pub fn caught_up(address: SocketAddr) -> String {
    format!("Client @PORT #{} Has Caught Up!", address.port())
}

/// What the server's event log shows when a client came.
pub fn connected(address: SocketAddr) -> String {
    format!("Client @PORT #{} Has Connected!", address.port())
}

/// What the server's event log shows when a client went, and why.
pub fn disconnected(address: SocketAddr, reason: &str) -> String {
    format!("Client @PORT #{} Has Disconnected! ({reason})", address.port())
}

/// What the server tells the sender of a line over its limit.
pub fn refusal(max: usize) -> String {
    format!("* Line refused: a line may have at most {max} bytes, yours had more")
}

/// The limit that a [`refusal`] names, if `line` is one.
pub fn refused_over(line: &str) -> Option<usize> {
    let rest = line.strip_prefix("* Line refused: a line may have at most ")?;
    rest.split(' ').next()?.parse().ok()
}

/// What the server tells a client for which there is no place.
pub fn full(max: usize) -> String {
    format!("* Server full: {max} clients are connected, try again later")
}

/// Whether `line` says that there was no place for us.
pub fn is_full(line: &str) -> bool {
    line.starts_with("* Server full: ")
}

/// What the server's event log begins with.
pub fn online(port: u16) -> String {
    format!("Server @PORT #{port} Online...")
}

/// So many of something, in the right form.
pub fn counted(count: usize, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}
