//! Tests of the room and of each file of its folder, without sockets.

mod backlog;
mod closing;
mod lag;
mod room;
pub(crate) mod roster;
