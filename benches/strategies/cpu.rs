//! The CPU time of a process, which only Linux reports here. Elsewhere the tables leave that column
//! empty.

use std::fs;
use std::time::Duration;

/// The kernel's interface counts in hundredths of a second, whatever its own tick is.
const TICK: Duration = Duration::from_millis(10);

/// User and system time of all threads of a process.
pub(crate) fn time_of(pid: u32) -> Option<Duration> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The second field is the program's name, which may contain blanks and parentheses.
    let (_, after_name) = stat.rsplit_once(')')?;
    let mut fields = after_name.split_whitespace().skip(11);
    let user: u32 = fields.next()?.parse().ok()?;
    let system: u32 = fields.next()?.parse().ok()?;
    Some(TICK * (user + system))
}
