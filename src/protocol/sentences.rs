//! The few sentences that the server says to clients, and how a client knows them again.

use std::time::Duration;

/// The farewell of the server to everyone.
pub fn offline(port: u16) -> String {
    format!("Server @PORT #{port} Offline...")
}

/// Whether `line` is the farewell of a server. The port may be that of its second address.
pub fn is_offline(line: &str) -> bool {
    let port =
        line.strip_prefix("Server @PORT #").and_then(|rest| rest.strip_suffix(" Offline..."));
    port.is_some_and(|port| port.parse::<u16>().is_ok())
}

/// The server's answer to a line over its limit.
pub fn refusal(max: usize) -> String {
    format!("* Line refused: a line may have at most {max} bytes, yours had more")
}

/// Whether `line` says that a line was refused.
pub fn is_refusal(line: &str) -> bool {
    line.starts_with("* Line refused: ")
}

/// The server's answer to a client when it is full.
pub fn full(max: usize) -> String {
    format!("* Server full: {max} clients are connected, try again later")
}

/// Whether `line` says that the server is full.
pub fn is_full(line: &str) -> bool {
    line.starts_with("* Server full: ")
}

/// Whether `line` is a sentence of the server, and not of a person.
pub fn is_of_server(line: &str) -> bool {
    line.starts_with("* ") || is_offline(line)
}

/// A time as people say it: `5 s`, `12 min`, `3 h`.
pub fn in_short(time: Duration) -> String {
    match time.as_secs() {
        seconds @ ..60 => format!("{seconds} s"),
        seconds @ ..3600 => format!("{} min", seconds / 60),
        seconds => format!("{} h", seconds / 3600),
    }
}

/// A number and its noun, in the singular or the plural.
pub fn counted(count: usize, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}
