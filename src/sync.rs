//! Where the room gets its lock and its channel from.
//!
//! A file of its own for one reason: the model checker compiles `room.rs` as it is against *its*
//! `sync`, whose lock and channel let it choose who runs next (see `tests/model`).

pub(crate) use crossbeam_channel::Sender;
/// For what is held no longer than a copy takes.
pub(crate) use parking_lot::Mutex;
/// For the roster: whoever waits for it gets it next, however many try their luck meanwhile.
pub(crate) use parking_lot::{FairMutex, FairMutexGuard};
pub(crate) use std::thread::yield_now;
