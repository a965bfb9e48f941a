//! The program and the library from outside: real sockets, real processes, any free port.
//!
//! All of it is one binary, because each binary links everything again. To add a test, find the
//! file of its topic below; to add a topic, add a file and its line.

// Wanted by all the files below.
#[path = "../support/mod.rs"]
mod support;

// The server, and peers that are plain sockets.
mod chat;
#[cfg(target_os = "linux")]
mod crowded;
#[cfg(target_os = "linux")]
mod dead_link;
mod departures;
mod flood;
mod hostile;
#[cfg(target_os = "linux")]
mod promises;
mod protocol;
mod raw;
#[cfg(target_os = "linux")]
mod resources;
mod shutdown;

// The client on a pipe.
mod delivery;
mod liars;
mod lies;
mod raw_client;
mod restart;

// The command line.
mod cli;
mod demo;
mod describe;
mod streams;

// For minutes, so only if asked for.
mod soak;
