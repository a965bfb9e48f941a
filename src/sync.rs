//! The locks, atomics and threads of the room and of its threads.
//!
//! They are named here for one reason: the model checker compiles the room against a `sync` of its
//! own, and chooses at each of them which thread runs next (see `model/`).

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// A thread that waits for this lock gets it next, even if other threads try to lock it meanwhile.
pub(crate) use parking_lot::FairMutex;
pub(crate) use parking_lot::Mutex;
pub(crate) use std::sync::atomic::Ordering::Relaxed;
pub(crate) use std::sync::atomic::{AtomicBool, AtomicU64};
pub(crate) use std::thread::{Scope, Thread, current, park_timeout, yield_now};

/// Virtual memory for each thread's stack, in bytes; only the part in use becomes real.
const STACK: usize = 128 * 1024;

/// Starts a thread in a scope, which ends only after the thread. A panic ends this thread alone: it
/// must not end the server when the scope does.
///
/// # Errors
/// The system allows no more threads.
pub(crate) fn spawn<'scope>(
    scope: &'scope Scope<'scope, '_>,
    name: String,
    work: impl FnOnce() + Send + 'scope,
) -> io::Result<()> {
    let thread = std::thread::Builder::new().name(name).stack_size(STACK);
    let work = || _ = catch_unwind(AssertUnwindSafe(work));
    thread.spawn_scoped(scope, work).map(drop)
}
