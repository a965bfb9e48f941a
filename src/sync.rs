//! Where the room gets its lock and its channel from.
//!
//! A file of its own for one reason: the model checker compiles `room.rs` as it is against *its*
//! `sync`, whose lock and channel let it choose who runs next (see `tests/model.rs`).

pub(crate) use crossbeam_channel::Sender;
pub(crate) use parking_lot::{Mutex, MutexGuard};
