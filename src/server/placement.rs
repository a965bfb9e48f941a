//! Where the clients' threads run: all on one core.
//!
//! Delivery is one critical section, so only one of these threads works at a time, and it hands the
//! work to the next one. On one core, that is a switch. On two, a thread that is woken takes another
//! core out of its sleep first, and asks for locks and sockets that the first core is writing.
//! SCHED_BATCH tells the kernel that a thread that is woken need not interrupt the one that runs: that
//! one may hold the roster, and then all others would wait. `docs/performance.md` has the figures.
//!
//! The thread that accepts settles before the first client comes, and Linux lets a new thread inherit
//! both from the one that starts it. The main thread, the event log and the threads for catching up
//! stay free. Nothing of this is a promise: if the system refuses, the server runs as it does elsewhere.

#[cfg(target_os = "linux")]
pub(super) use linux::settle;

/// Other systems decide for themselves.
#[cfg(not(target_os = "linux"))]
pub(super) fn settle() {}

#[cfg(target_os = "linux")]
mod linux {
    use std::io;
    use std::iter;
    use std::os::linux::net::SocketAddrExt;
    use std::os::unix::net::{SocketAddr, UnixDatagram};

    use rustix::process::getpriority_process;
    use rustix::thread::{CpuSet, sched_getaffinity, sched_getcpu, sched_setaffinity};
    use thread_priority::{
        NormalThreadSchedulePolicy as Normal, ThreadPriority, ThreadPriorityValue,
        ThreadSchedulePolicy, set_thread_priority_and_policy, thread_native_id,
        thread_schedule_policy,
    };

    /// How many servers can share a core and still be told apart.
    const SHARERS: u32 = 8;

    /// A core that this server uses. Other servers on this machine see it, and look for a core that
    /// fewer servers use. The kernel forgets it with the process.
    pub(in crate::server) struct Claim {
        _socket: UnixDatagram,
    }

    /// Keeps this thread on one core, and asks for SCHED_BATCH. Threads that it starts inherit both.
    pub(in crate::server) fn settle() -> Option<Claim> {
        let (core, claim) = choose().inspect_err(told("the cores are unknown")).ok()?;
        let mut only = CpuSet::new();
        only.set(core);
        let _ = sched_setaffinity(None, &only).inspect_err(told("cannot stay on one core"));
        let _ = ask_for_batch().inspect_err(told("cannot have SCHED_BATCH"));
        claim
    }

    fn told<E: std::fmt::Display>(what: &str) -> impl Fn(&E) {
        move |error| log::debug!("{what}: {error}")
    }

    /// The core where this thread runs, because the kernel chose it for a new thread and so takes one
    /// that is idle; or another one, if that is used by fewer servers.
    fn choose() -> io::Result<(usize, Option<Claim>)> {
        let here = sched_getcpu();
        let allowed = sched_getaffinity(None)?;
        let others = (0..CpuSet::MAX_CPU).filter(|&core| core != here && allowed.is_set(core));
        let cores: Vec<usize> = iter::once(here).chain(others).collect();
        let mut places = (1..=SHARERS).flat_map(|turn| cores.iter().map(move |&core| (core, turn)));
        let free = places.find_map(|(core, turn)| {
            // An address of the kernel and not of the file system. Only one socket can have it.
            let name = format!("tcp-chat server {turn} on core {core}");
            let address = SocketAddr::from_abstract_name(name).ok()?;
            Some((core, Some(Claim { _socket: UnixDatagram::bind_addr(&address).ok()? })))
        });
        Ok(free.unwrap_or((here, None)))
    }

    /// A policy that somebody has chosen for this server stays, and so does its nice value.
    fn ask_for_batch() -> Result<(), thread_priority::Error> {
        if thread_schedule_policy()? != ThreadSchedulePolicy::Normal(Normal::Other) {
            return Ok(());
        }
        let batch = ThreadSchedulePolicy::Normal(Normal::Batch);
        let nice = getpriority_process(None)
            .map_err(|errno| thread_priority::Error::OS(errno.raw_os_error()))?;
        // The crate sets the nice value as well, from a priority between 0 and 99.
        let priorities = (0..=99_u8).filter_map(|value| ThreadPriorityValue::try_from(value).ok());
        let mut priorities = priorities.map(ThreadPriority::Crossplatform);
        let same = priorities.find(|priority| priority.to_posix(batch) == Ok(nice));
        set_thread_priority_and_policy(
            thread_native_id(),
            same.unwrap_or(ThreadPriority::Min),
            batch,
        )
    }
}
