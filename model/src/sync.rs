//! Replaces `src/sync.rs` for the room in the model. At each use of these types, the checker may
//! let another thread run.

use std::io;

pub(crate) use shuttle::sync::atomic::Ordering::SeqCst as Relaxed;
pub(crate) use shuttle::sync::atomic::{AtomicBool, AtomicU64};
pub(crate) use shuttle::thread::{Scope, Thread, current, park_timeout, yield_now};
pub(crate) use shuttle_parking_lot::Mutex;
pub(crate) use shuttle_parking_lot::Mutex as FairMutex;

#[expect(clippy::unnecessary_wraps, reason = "the real one may fail")]
pub(crate) fn spawn<'scope>(
    scope: &'scope Scope<'scope, '_>,
    _name: String,
    work: impl FnOnce() + Send + 'scope,
) -> io::Result<()> {
    scope.spawn(work);
    Ok(())
}
