//! Tests of flow control and of the threads of laggards, without sockets.

mod catch_up;
mod flow;
mod stopping;
