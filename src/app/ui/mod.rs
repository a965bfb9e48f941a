//! The input and output for a person or a script: lines on a pipe, or a terminal.

pub(crate) mod ask;
pub(crate) mod clock;
mod command;
pub(crate) mod paint;
pub(crate) mod pipe;
pub(crate) mod terminal;
