//! Rooms with one fault each, as small as they can be. All of them are wrong in the same way as real
//! programs are: each compiles, and nearly always works.

pub(crate) mod check_then_act;
pub(crate) mod locks_reversed;
pub(crate) mod no_second_look;
pub(crate) mod stale_laggard;
