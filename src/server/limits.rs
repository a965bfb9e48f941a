//! How many clients this machine carries, by the limits of the operating system.
//!
//! A client takes a descriptor and a thread, and a second thread while it is behind. A quarter of the
//! threads is reserved for that. A thread takes four memory maps: its stack, the stack for its signals,
//! and a guard page for each.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use rustix::process::{Resource, Rlimit, getrlimit, getuid, setrlimit};

const MAPS: u64 = 4;

/// Descriptors for other purposes: standard streams, listeners, pipes, and a few to tell callers that
/// the server is full.
const OTHER_FILES: u64 = 16;

const OTHER_THREADS: u64 = 16;

/// Memory maps that are not stacks: the program, its libraries, the heap of each processor.
const OTHER_MAPS: u64 = 1024;

/// The limit where none is known.
const MANY_THREADS: u64 = 16_384;

/// A soft limit on open files that every system allows, where the hard one is "unlimited".
const MANY_FILES: u64 = 10_240;

/// How many clients there may be, and why not more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capacity {
    /// At least one.
    pub clients: usize,
    /// How many catch-up threads there may be; at least one.
    pub catch_up: usize,
    /// The limit that is reached first, and where it is set.
    pub limit: &'static str,
}

/// How much is left of something, if it is known and limited, and the name of the limit.
type Left = (Option<u64>, &'static str);

impl Capacity {
    /// Reads the limits, after raising the soft limit on open files to the hard one.
    pub fn read() -> Self {
        raise_file_limit();
        let maps = number("/proc/sys/vm/max_map_count");
        let by_maps = maps.map(|maps| maps.saturating_sub(OTHER_MAPS) / MAPS);
        Self::by(
            getrlimit(Resource::Nofile).current,
            [
                (by_maps, "memory maps (vm.max_map_count)"),
                (left_on_machine(), "threads of the machine (kernel.threads-max)"),
                (left_in_group(), "threads of the control group (pids.max)"),
                (left_for_user(), "threads of the user (ulimit -u)"),
            ],
        )
    }

    /// What so many files, or any number of them, and threads carry.
    fn by(files: Option<u64>, threads: [Left; 4]) -> Self {
        let known = threads.into_iter().filter_map(|(left, limit)| Some((left?, limit)));
        let least = known.min();
        let (threads, by_threads) = least.unwrap_or((MANY_THREADS, "threads of this system"));
        let threads = threads.saturating_sub(OTHER_THREADS);
        let files = files.unwrap_or(u64::MAX).saturating_sub(OTHER_FILES);
        let most = (threads / 4 * 3, by_threads).min((files, "open files (ulimit -n)"));
        let size = |number: u64| usize::try_from(number.max(1)).unwrap_or(usize::MAX);
        Self { clients: size(most.0), catch_up: size(threads / 4), limit: most.1 }
    }
}

fn raise_file_limit() {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if let Some(wanted) = raised(current, maximum) {
        // Without it there are fewer clients.
        let _ = setrlimit(Resource::Nofile, Rlimit { current: Some(wanted), maximum });
    }
}

/// The soft limit to ask for, unless there is as much already. `None` is "unlimited", which some
/// systems refuse.
fn raised(soft: Option<u64>, hard: Option<u64>) -> Option<u64> {
    let wanted = hard.unwrap_or(MANY_FILES);
    soft.is_some_and(|soft| soft < wanted).then_some(wanted)
}

fn left_on_machine() -> Option<u64> {
    let most = number("/proc/sys/kernel/threads-max")?;
    // Its fourth field: threads that run now, a slash, threads that exist.
    let load = fs::read_to_string("/proc/loadavg").ok()?;
    let exist = load.split(' ').nth(3)?.split_once('/')?.1.parse().ok()?;
    Some(most.saturating_sub(exist))
}

/// A group is bound by those above it as well.
fn left_in_group() -> Option<u64> {
    let groups = fs::read_to_string("/proc/self/cgroup").ok()?;
    let left = |folder: &Path| {
        let most = number(folder.join("pids.max"))?;
        Some(most.saturating_sub(number(folder.join("pids.current"))?))
    };
    let folders = groups.lines().filter_map(group_folder);
    folders.filter_map(|folder| Path::new(&folder).ancestors().filter_map(left).min()).min()
}

/// The folder of the group that a line of `/proc/self/cgroup` names, if it may limit threads:
/// `0::/path` of version 2, `8:pids:/path` of version 1.
fn group_folder(line: &str) -> Option<String> {
    let (_, rest) = line.split_once(':')?;
    match rest.split_once(':')? {
        ("", path) => Some(format!("/sys/fs/cgroup{path}")),
        (controllers, path) if controllers.split(',').any(|name| name == "pids") => {
            Some(format!("/sys/fs/cgroup/pids{path}"))
        }
        _ => None,
    }
}

fn left_for_user() -> Option<u64> {
    let user = getuid();
    let most = getrlimit(Resource::Nproc).current.filter(|_| !user.is_root())?;
    let processes = fs::read_dir("/proc").ok()?.flatten().map(|process| process.path());
    let own = processes.filter(|path| path.metadata().is_ok_and(|it| it.uid() == user.as_raw()));
    let threads: usize =
        own.filter_map(|path| Some(fs::read_dir(path.join("task")).ok()?.count())).sum();
    Some(most.saturating_sub(threads as u64))
}

/// The number that a file consists of. `max` is none.
fn number(path: impl AsRef<Path>) -> Option<u64> {
    fs::read_to_string(path).ok()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::{Capacity, group_folder, raised};

    #[test]
    fn the_smallest_limit_counts_and_is_named() {
        let names = ["maps", "machine", "group", "user"];
        let cases = [
            (Some(1 << 20), [Some(16_126), Some(100_000), None, None], 12_081, 4_027, "maps"),
            (
                Some(64),
                [Some(16_126), Some(100_000), None, None],
                48,
                4_027,
                "open files (ulimit -n)",
            ),
            (None, [Some(16_126), Some(2016), None, None], 1500, 500, "machine"),
            (None, [Some(16_126), Some(2016), Some(116), None], 75, 25, "group"),
            (None, [None, None, None, Some(116)], 75, 25, "user"),
            (Some(3), [None, None, None, Some(3)], 1, 1, "open files (ulimit -n)"),
            (None, [None; 4], 12_276, 4_092, "threads of this system"),
        ];
        for (files, left, clients, catch_up, limit) in cases {
            let threads = std::array::from_fn(|index| (left[index], names[index]));
            let carried = Capacity::by(files, threads);
            assert_eq!(carried, Capacity { clients, catch_up, limit }, "{files:?} {left:?}");
        }
    }

    #[test]
    fn a_soft_limit_is_raised_and_never_lowered() {
        assert_eq!(raised(Some(1024), Some(4096)), Some(4096));
        assert_eq!(raised(Some(1024), None), Some(10_240));
        assert_eq!(raised(Some(20_000), None), None);
        assert_eq!(raised(Some(4096), Some(4096)), None);
        assert_eq!(raised(None, None), None);
    }

    #[test]
    fn the_folder_of_a_group_that_limits_threads() {
        let folder = |line| group_folder(line).unwrap_or_default();
        assert_eq!(folder("0::/user.slice/a:b"), "/sys/fs/cgroup/user.slice/a:b");
        assert_eq!(folder("8:pids:/docker/1"), "/sys/fs/cgroup/pids/docker/1");
        assert_eq!(folder("4:cpu,pids:/"), "/sys/fs/cgroup/pids/");
        assert_eq!(folder("4:memory:/x"), "");
        assert_eq!(folder("nonsense"), "");
    }
}
