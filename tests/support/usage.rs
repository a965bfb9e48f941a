//! The resources that a process uses, and its limits. Only Linux shows the use; elsewhere all
//! figures are zero.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;

use rustix::process::{Resource, getrlimit, setrlimit};

use super::process::clean;
use super::{has, skip};

/// A figure in `/proc/PID/status`: kilobytes, or a count.
fn status(id: u32, field: &str) -> u64 {
    let Ok(status) = fs::read_to_string(format!("/proc/{id}/status")) else { return 0 };
    let line = status.lines().find_map(|line| line.strip_prefix(field));
    let figure = line.and_then(|line| line.split_whitespace().next());
    figure.and_then(|figure| figure.parse().ok()).expect("a figure")
}

/// Whether this system shows what a process uses. If not, the test is skipped.
pub(crate) fn is_shown() -> bool {
    if !cfg!(target_os = "linux") {
        skip("this system does not show what a process uses");
    }
    cfg!(target_os = "linux")
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

/// A user who runs no other processes. A limit on the processes of a user does not apply to root.
pub(crate) struct OtherUser {
    id: u32,
    /// A folder with the program, which this user can read.
    folder: PathBuf,
}

impl OtherUser {
    /// The user with this id. If this process may not become another user, the test is skipped.
    pub(crate) fn new(id: u32) -> Option<Self> {
        if !rustix::process::getuid().is_root() || !has("setpriv") || !has("prlimit") {
            skip("it takes root to become another user");
            return None;
        }
        let folder = std::env::temp_dir().join(format!("tcp-chat-{id}-{}", std::process::id()));
        fs::create_dir(&folder).expect("a folder");
        fs::set_permissions(&folder, Permissions::from_mode(0o755)).expect("all may enter it");
        fs::copy(env!("CARGO_BIN_EXE_tcp-chat"), folder.join("tcp-chat")).expect("a copy");
        Some(Self { id, folder })
    }

    /// The program, run by this user with at most this many threads.
    pub(crate) fn program(&self, threads: u64) -> Command {
        let mut command = clean(Command::new("prlimit"));
        command.args([&format!("--nproc={threads}"), "setpriv", "--reuid", &self.id.to_string()]);
        command.arg("--clear-groups").arg(self.folder.join("tcp-chat"));
        command
    }
}

impl Drop for OtherUser {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}
