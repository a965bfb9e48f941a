//! The client on a terminal: a real pseudo-terminal shows what a person would see.

#[path = "../support/mod.rs"]
mod support;

/// The terminal module itself, for a client with a fault. The program has no fault that a test
/// could trigger.
#[allow(dead_code, reason = "most of it is used by the program alone")]
#[path = "../../src/app"]
mod app {
    pub(crate) mod stderr;
    pub(crate) mod streams;
    pub(crate) mod ui;
}

mod keys;
mod leaving;
mod notices;
mod people;
mod prompt;
mod reading;
mod resizing;
mod serving;
mod stopping;
mod stuck;
mod typing;
