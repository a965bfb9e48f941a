//! Rooms with one fault each, as small as possible, and a sound room to compare with. Each room
//! compiles and nearly always works, as faulty real programs do.
//!
//! The model checker must find each fault (`model/src/lib.rs`). A person plays the same rooms as the
//! levels of `model/examples/scheduler.rs`. `explore` plays a room once. An error says how it broke.

pub(crate) mod check_then_act;
pub(crate) mod copy_the_list;
pub(crate) mod locks_reversed;
pub(crate) mod no_second_look;
pub(crate) mod second_look;
pub(crate) mod stale_laggard;
