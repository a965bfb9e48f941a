//! The client on a terminal, through a real pseudo-terminal: what a person would see.

#[path = "../support/mod.rs"]
mod support;
mod leaving;

mod reading;
mod resizing;
mod serving;
mod stopping;
mod stuck;
mod typing;
