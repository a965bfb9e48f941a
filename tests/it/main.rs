//! The program and the library, tested from outside: real sockets, real processes, any free port.
//!
//! All tests here are one binary, because each binary takes time to link. To add a test, find the
//! file of its topic below. To add a topic, add a file and its line.

// All files below use this.
#[path = "../support/mod.rs"]
mod support;

// The server, and peers that are plain sockets.
mod chat;
mod crowded;
#[cfg(target_os = "linux")]
mod dead_link;
mod departures;
#[cfg(target_os = "linux")]
mod ends;
mod event_log;
mod flood;
mod hostile;
#[cfg(target_os = "linux")]
mod placement;
#[cfg(target_os = "linux")]
mod places;
mod promises;
mod protocol;
mod raw;
#[cfg(target_os = "linux")]
mod resources;
mod shutdown;
mod signals;
mod timeline;

// The client on a pipe.
mod delivery;
mod liars;
mod lies;
mod pipes;
mod raw_client;
mod restart;

// The command line.
mod addresses;
mod cli;
mod demo;
mod describe;
mod streams;
mod variables;

// The examples.
mod ladder;

// These take minutes, so they run only on request.
mod soak;
