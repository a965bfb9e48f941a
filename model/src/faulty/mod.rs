//! Rooms with one fault each, as small as possible. Each compiles and nearly always works, as
//! faulty real programs do.

pub(crate) mod check_then_act;
pub(crate) mod locks_reversed;
pub(crate) mod no_second_look;
pub(crate) mod stale_laggard;
