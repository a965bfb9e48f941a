//! The program around the library: its command line, its commands, and its output.

pub(crate) mod args;
pub(crate) mod demo;
pub(crate) mod describe;
mod event_log;
pub(crate) mod serve;
pub(crate) mod signals;
pub(crate) mod stderr;
pub(crate) mod streams;
pub(crate) mod talk;
pub(crate) mod timeline;
pub(crate) mod ui;
pub(crate) mod usage;
mod values;
