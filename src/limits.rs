//! How many clients this machine carries: what the operating system lets one process have.
//!
//! A client takes a descriptor and a thread, and a second thread while it catches up: a quarter of the
//! threads is kept for that. A thread takes four memory maps: its stack, the stack for its signals,
//! and a guard page for each.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use rustix::process::{Resource, Rlimit, getrlimit, getuid, setrlimit};

/// Memory maps of each thread.
const MAPS: u64 = 4;

/// Descriptors that are not clients: standard streams, listeners, pipes, and a margin for telling a
/// surplus client that the server is full.
const OTHER_FILES: u64 = 16;

/// Threads that are not for clients.
const OTHER_THREADS: u64 = 16;

/// Memory maps that are not stacks: the program, its libraries, the heap of each processor.
const OTHER_MAPS: u64 = 1024;

/// Where no limit is known.
const MANY_THREADS: u64 = 16_384;

/// A soft limit on open files that every system allows, where the hard one is "unlimited".
const MANY_FILES: u64 = 10_240;

/// What is there for this process; `None` where there is no limit, or none that we can see.
#[derive(Clone, Copy, Debug, Default)]
pub struct Bounds {
    /// Descriptors: `RLIMIT_NOFILE`, getrlimit(2).
    pub files: Option<u64>,
    /// Memory maps: `vm.max_map_count`, `proc_sys_vm(5)`.
    pub maps: Option<u64>,
    /// Threads of the whole machine that are left: `kernel.threads-max`, `proc_sys_kernel(5)`, less those
    /// of `proc_loadavg(5)`.
    pub machine: Option<u64>,
    /// Threads of the control group that are left: `pids.max` less `pids.current`, cgroups(7).
    pub group: Option<u64>,
    /// Threads of the user that are left: `RLIMIT_NPROC`, getrlimit(2). It does not bind root.
    pub user: Option<u64>,
}

/// How many clients there may be, and why not more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Carried {
    /// At least one.
    pub clients: usize,
    /// Threads that let clients catch up, all at a time; at least one.
    pub catch_up: usize,
    /// The name of the limit.
    pub limit: &'static str,
}

impl Bounds {
    /// Reads them, after raising the soft limit on open files to the hard one.
    pub fn read() -> Self {
        raise_file_limit();
        Self {
            files: getrlimit(Resource::Nofile).current,
            maps: number("/proc/sys/vm/max_map_count"),
            machine: left_on_machine(),
            group: left_in_group(),
            user: left_for_user(),
        }
    }

    /// How many clients they carry.
    pub fn carry(&self) -> Carried {
        let (threads, by_threads) = self.threads();
        let clients = threads / 4 * 3;
        let by_files = self.files.map_or(u64::MAX, |files| files.saturating_sub(OTHER_FILES));
        let (clients, limit) = if by_files < clients {
            (by_files, "open files (ulimit -n)")
        } else {
            (clients, by_threads)
        };
        let size = |number: u64| usize::try_from(number.max(1)).unwrap_or(usize::MAX);
        Carried { clients: size(clients), catch_up: size(threads / 4), limit }
    }

    /// How many threads there may be for clients, and what limits them.
    fn threads(&self) -> (u64, &'static str) {
        let by_maps = self.maps.map(|maps| maps.saturating_sub(OTHER_MAPS) / MAPS);
        let bounds = [
            (by_maps, "memory maps (vm.max_map_count)"),
            (self.machine, "threads of the machine (kernel.threads-max)"),
            (self.group, "threads of the control group (pids.max)"),
            (self.user, "threads of the user (ulimit -u)"),
        ];
        let bounds = bounds.into_iter().filter_map(|(threads, limit)| Some((threads?, limit)));
        let (threads, limit) = bounds.min().unwrap_or((MANY_THREADS, "none"));
        (threads.saturating_sub(OTHER_THREADS), limit)
    }
}

/// Raises the soft limit on open files to the hard one, and never lowers it.
fn raise_file_limit() {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    for wanted in higher(current, maximum) {
        if setrlimit(Resource::Nofile, Rlimit { current: wanted, maximum }).is_ok() {
            return;
        }
    }
}

/// Soft limits to try, highest first. Some systems refuse "unlimited", which is `None`.
fn higher(soft: Option<u64>, hard: Option<u64>) -> impl Iterator<Item = Option<u64>> {
    let candidates = [hard, Some(hard.map_or(MANY_FILES, |hard| hard.min(MANY_FILES)))];
    let is_higher =
        move |wanted: &Option<u64>| soft.is_some_and(|soft| wanted.is_none_or(|it| it > soft));
    candidates.into_iter().filter(is_higher)
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
    use super::{Bounds, Carried, group_folder, higher};

    /// The limits of a common Linux machine.
    const COMMON: Bounds = Bounds {
        files: Some(1_048_576),
        maps: Some(65_530),
        machine: Some(100_000),
        group: None,
        user: None,
    };

    #[test]
    fn the_smallest_bound_counts_and_is_named() {
        let machine = "threads of the machine (kernel.threads-max)";
        let group = "threads of the control group (pids.max)";
        let user = "threads of the user (ulimit -u)";
        let cases = [
            (COMMON, 12_081, 4_027, "memory maps (vm.max_map_count)"),
            (Bounds { files: Some(64), ..COMMON }, 48, 4_027, "open files (ulimit -n)"),
            (Bounds { machine: Some(2016), ..COMMON }, 1500, 500, machine),
            (Bounds { group: Some(116), ..COMMON }, 75, 25, group),
            (Bounds { user: Some(116), ..COMMON }, 75, 25, user),
            (Bounds { user: Some(3), ..COMMON }, 1, 1, user),
            (Bounds::default(), 12_276, 4_092, "none"),
        ];
        for (bounds, clients, catch_up, limit) in cases {
            assert_eq!(bounds.carry(), Carried { clients, catch_up, limit }, "{bounds:?}");
        }
    }

    #[test]
    fn a_soft_limit_is_never_lowered() {
        let tried = |soft, hard| higher(soft, hard).collect::<Vec<_>>();
        assert_eq!(tried(Some(1024), Some(4096)), [Some(4096), Some(4096)]);
        assert_eq!(tried(Some(1024), None), [None, Some(10_240)]);
        assert_eq!(tried(Some(20_000), None), [None]);
        assert_eq!(tried(Some(4096), Some(4096)), []);
        assert_eq!(tried(None, None), []);
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
