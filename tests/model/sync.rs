//! The model checker's lock and channel, under the names that `src/sync.rs` gives the real ones.

pub(crate) use shuttle_parking_lot::Mutex;
pub(crate) use shuttle_parking_lot::{Mutex as FairMutex, MutexGuard as FairMutexGuard};

pub(crate) use shuttle::thread::yield_now;

/// The sending end of a channel without limit, which threads may share.
pub(crate) struct Sender<T>(pub(crate) shuttle::sync::mpsc::Sender<T>);

impl<T> Sender<T> {
    pub(crate) fn send(&self, value: T) -> Result<(), shuttle::sync::mpsc::SendError<T>> {
        self.0.send(value)
    }
}
