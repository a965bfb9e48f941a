//! The client on a terminal, through a real pseudo-terminal: what a person would see.

#[path = "../common/mod.rs"]
mod common;
mod leaving;
mod pty;
mod reading;
mod rewrapping;
mod serving;
mod together;
mod typing;
