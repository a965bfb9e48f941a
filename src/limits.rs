//! What the operating system lets one process have.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// File descriptors that are not clients: standard streams, listeners, pipes, and a margin for
/// telling a surplus client that the server is full.
const RESERVED: u64 = 16;

/// Where "unlimited" is the answer, and where some systems refuse to go higher.
const PLENTY: u64 = 10_240;

/// Raises the soft limit on open files to the hard one.
///
/// Returns how many clients that carries, one descriptor each.
pub fn clients_by_file_limit() -> usize {
    let limit = getrlimit(Resource::Nofile);
    let hard = limit.maximum.unwrap_or(PLENTY);
    for current in [hard, hard.min(PLENTY)] {
        let raised = Rlimit { current: Some(current), maximum: limit.maximum };
        if setrlimit(Resource::Nofile, raised).is_ok() {
            break;
        }
    }
    let files = getrlimit(Resource::Nofile).current.unwrap_or(PLENTY);
    usize::try_from(files.saturating_sub(RESERVED).max(1)).unwrap_or(usize::MAX)
}
