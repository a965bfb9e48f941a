//! The resources that a process uses, and its limits. Only Linux shows the use; elsewhere all
//! figures are zero.

use std::fs;

use rustix::process::{Resource, getrlimit, setrlimit};

use super::skip;

/// A figure in `/proc/PID/status`: kilobytes, or a count.
fn status(id: u32, field: &str) -> u64 {
    let Ok(status) = fs::read_to_string(format!("/proc/{id}/status")) else { return 0 };
    let line = status.lines().find_map(|line| line.strip_prefix(field));
    let figure = line.and_then(|line| line.split_whitespace().next());
    figure.and_then(|figure| figure.parse().ok()).expect("a figure")
}

/// Memory in use, in KiB.
pub(crate) fn memory(id: u32) -> u64 {
    status(id, "VmRSS:")
}

/// The most memory that was ever in use, in KiB.
pub(crate) fn peak_memory(id: u32) -> u64 {
    status(id, "VmHWM:")
}

pub(crate) fn threads(id: u32) -> u64 {
    status(id, "Threads:")
}

/// Open file descriptors.
pub(crate) fn files(id: u32) -> usize {
    fs::read_dir(format!("/proc/{id}/fd")).map_or(0, Iterator::count)
}

/// How many bytes, and ends, of the peer at this port the server at that port has not read yet. It
/// is 0 if there is no such connection.
pub(crate) fn unread(server: u16, peer: u16) -> u64 {
    let connections = fs::read_to_string("/proc/net/tcp").unwrap_or_default();
    let unread = |line: &str| {
        let fields: Vec<_> = line.split_whitespace().collect();
        let is_at = |field: usize, port: u16| fields[field].ends_with(&format!(":{port:04X}"));
        let (_, unread) = fields[4].split_once(':')?;
        let found = is_at(1, server) && is_at(2, peer);
        found.then(|| u64::from_str_radix(unread, 16).ok()).flatten()
    };
    connections.lines().skip(1).find_map(unread).unwrap_or(0)
}

/// Processor time used so far, in clock ticks.
pub(crate) fn ticks(id: u32) -> u64 {
    let stat = fs::read_to_string(format!("/proc/{id}/stat")).expect("the process is there");
    let (_, fields) = stat.rsplit_once(')').expect("a name in parentheses");
    let field = |index: usize| fields.split_whitespace().nth(index).and_then(|t| t.parse().ok());
    field(11).unwrap_or(0) + field(12).unwrap_or(0)
}

/// Whether the process has ended and its parent has not waited for it. All figures still exist
/// then.
pub(crate) fn is_zombie(id: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
    stat.rsplit_once(')').is_some_and(|(_, fields)| fields.trim_start().starts_with('Z'))
}

/// Whether this process may open this many files. If not, the test is skipped.
pub(crate) fn may_open(files: u64) -> bool {
    let mut limit = getrlimit(Resource::Nofile);
    if limit.current.is_some_and(|current| current < files) {
        limit.current = Some(files);
        if setrlimit(Resource::Nofile, limit).is_err() {
            skip(&format!("the limit on open files does not allow {files}"));
            return false;
        }
    }
    true
}
