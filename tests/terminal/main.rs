//! The client on a terminal, through a real pseudo-terminal: what a person would see.

#[path = "../support/mod.rs"]
mod support;

/// The terminal itself, for a client with a fault: the program has none that a test could call up.
#[allow(dead_code, reason = "most of it is used by the program alone")]
#[path = "../../src/app"]
mod app {
    pub(crate) mod ui;
}

mod leaving;
mod reading;
mod resizing;
mod serving;
mod stopping;
mod stuck;
mod typing;
