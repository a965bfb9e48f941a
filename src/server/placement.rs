//! Where the clients' threads run, on Linux: all on one core.
//!
//! Delivery is one critical section, so only one of these threads works at a time, and then the next
//! one goes on with the same locks and sockets. On one core, that is a switch. On two, the core of the
//! thread that wakes must leave its sleep, and the locks and sockets move from cache to cache.
//!
//! `SCHED_BATCH` tells the kernel that a thread that wakes need not interrupt the one that runs. That one
//! may hold the roster, and then all others would have to wait for it. `docs/performance.md` has the
//! figures, also of each alone.
//!
//! The thread that accepts settles before the first client comes, and on Linux a new thread inherits
//! both from the one that starts it. The main thread, the event log and the catch-up threads stay free.
//! If the system refuses (in a container, say), the server runs as with `--cores all`.

use std::iter;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};

use rustix::io::Errno;
use rustix::process::getpriority_process;
use rustix::thread::{CpuSet, sched_getaffinity, sched_getcpu, sched_setaffinity};
use thread_priority::NormalThreadSchedulePolicy::{Batch, Other};
use thread_priority::ThreadSchedulePolicy::Normal;
use thread_priority::{
    Error, ThreadPriority, ThreadPriorityValue, set_thread_priority_and_policy, thread_native_id,
    thread_schedule_policy,
};

/// How many servers of this machine can share a core, and the next one still knows it.
const SHARERS: usize = 8;

/// Keeps this thread on one core, and asks for `SCHED_BATCH`. Threads that it starts inherit both.
/// Returns the claim to the core.
pub(super) fn settle() -> Option<UnixDatagram> {
    let refused = |error: &Errno| log::debug!("cannot stay on one core: {error}");
    let (core, claim) = choose().inspect_err(refused).ok()?;
    let mut only = CpuSet::new();
    only.set(core);
    sched_setaffinity(None, &only).inspect_err(refused).ok()?;
    let _ = ask_for_batch().inspect_err(|error| log::debug!("cannot have SCHED_BATCH: {error}"));
    claim
}

/// The core on which this thread runs, unless fewer servers use another one: the kernel has just
/// chosen it for a new thread, so it probably has little to do. Another server sees by the claim that
/// this one uses the core. The kernel forgets it with the process.
fn choose() -> Result<(usize, Option<UnixDatagram>), Errno> {
    let here = sched_getcpu();
    let allowed = sched_getaffinity(None)?;
    let others = (0..CpuSet::MAX_CPU).filter(|&core| core != here && allowed.is_set(core));
    let cores: Vec<usize> = iter::once(here).chain(others).collect();
    let mut places = (1..=SHARERS).flat_map(|nth| cores.iter().map(move |&core| (core, nth)));
    let chosen = places.find_map(|(core, nth)| {
        // A name in the kernel, not a file. Only one socket of the machine can have it.
        let name = format!("tcp-chat: server {nth} on core {core}");
        let name = SocketAddr::from_abstract_name(name).ok()?;
        Some((core, Some(UnixDatagram::bind_addr(&name).ok()?)))
    });
    Ok(chosen.unwrap_or((here, None)))
}

/// If somebody has chosen a policy for this server, it stays. The nice value stays in any case: with
/// another one, the server would starve beside its neighbours, or they beside it.
fn ask_for_batch() -> Result<(), Error> {
    if thread_schedule_policy()? != Normal(Other) {
        return Ok(());
    }
    let nice = getpriority_process(None).map_err(|error| Error::OS(error.raw_os_error()))?;
    let priority = with_nice(nice).ok_or(Error::Priority("no priority has this nice value"))?;
    set_thread_priority_and_policy(thread_native_id(), priority, Normal(Batch))
}

/// The crate sets the nice value as well, and takes it as a priority from 0 to 99.
pub(super) fn with_nice(nice: i32) -> Option<ThreadPriority> {
    let values = (0..=99_u8).filter_map(|value| ThreadPriorityValue::try_from(value).ok());
    let mut priorities = values.map(ThreadPriority::Crossplatform);
    priorities.find(|priority| priority.to_posix(Normal(Batch)) == Ok(nice))
}
