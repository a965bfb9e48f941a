//! Where the room gets its locks, its atomics and its threads from.
//!
//! A file of its own for one reason: the model checker compiles the room as it is against *its*
//! `sync`, in which it chooses at each of these which thread runs next (see `model/`).

use std::io;

pub(crate) use parking_lot::Mutex;
/// A thread that waits for this lock gets it next, however many try their luck meanwhile.
pub(crate) use parking_lot::{FairMutex, FairMutexGuard};
pub(crate) use std::sync::atomic::Ordering::Relaxed;
pub(crate) use std::sync::atomic::{AtomicBool, AtomicU64};
pub(crate) use std::thread::{Scope, yield_now};

/// Virtual memory for each thread's stack, in bytes; only the part in use becomes real.
const STACK: usize = 128 * 1024;

/// Starts a thread that ends before the scope does.
///
/// # Errors
/// The system has no thread to give.
pub(crate) fn spawn<'scope>(
    scope: &'scope Scope<'scope, '_>,
    name: String,
    work: impl FnOnce() + Send + 'scope,
) -> io::Result<()> {
    let thread = std::thread::Builder::new().name(name).stack_size(STACK);
    thread.spawn_scoped(scope, work).map(drop)
}
