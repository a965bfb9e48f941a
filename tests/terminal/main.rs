//! The client on a terminal, through a real pseudo-terminal: what a person would see.

#[path = "../support/mod.rs"]
mod support;
mod leaving;

mod reading;
mod rewrapping;
mod serving;
mod typing;
