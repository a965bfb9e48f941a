//! Tests of the threads around the room.

mod catch_up;
mod flow;
#[cfg(target_os = "linux")]
mod placement;
mod stopping;
