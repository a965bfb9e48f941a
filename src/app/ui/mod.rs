//! The input and output for a person or a script: lines on a pipe, or a terminal. Its threads share
//! channels and the state in `terminal/tty.rs`; most other files are plain data of one thread.

pub(crate) mod ask;
pub(crate) mod clock;
pub(crate) mod command;
mod names;
pub(crate) mod paint;
pub(crate) mod pipe;
pub(crate) mod terminal;
