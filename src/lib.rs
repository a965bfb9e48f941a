//! A chat over TCP: one server, any number of clients, every message to everyone. The server blocks by
//! design and has one thread per client. Its code is made to be read in an hour.
//!
//! # The threads of the server, and what they share
//!
//! ```text
//! main           starts the threads of peers that fall behind; after a signal it sends the farewell
//! handshakes     accepts, and starts a thread for each client
//! event-log      prints the events; no thread waits for it
//! stderr         prints errors and notices; no thread waits for it
//!
//! client #54214 ─┐             ┌─ Room ─────────────────────────────────────┐
//! client #54216 ─┼── say() ───▶│ pending  Mutex  messages to deliver        │
//! client #54218 ─┘             │ roster   Mutex  the peers ─────── send ────┼──▶ every peer
//!                              └────────────────────────────────────────────┘
//! catch-up #2    for a peer that is behind: sends to it alone, and holds no lock meanwhile
//! ```
//!
//! [`room`] explains `say`, and why no message is lost. A thread waits for its turn before it speaks only
//! while a reader is overrun.
//!
//! # Reading order
//!
//! 1. [`room`] has the shared state and its locks. If you read one file only, read `room/mod.rs`. Its
//!    files `roster`, `peer` and `backlog` are the data that the locks guard.
//! 2. [`server`] starts and joins the threads. `accept` lets clients in, `session` is the thread of one
//!    client, and `catch_up` the thread of a peer that is behind.
//!
//! This takes an hour. The rest is optional: [`protocol`] is the format on the wire, [`client`] repeats
//! unconfirmed lines, and `src/app` is the program.
//!
//! `docs/architecture.md` has the map of all files, `docs/glossary.md` explains the terms,
//! `Sequence_Diagram.md` draws the threads, and `RUST_LOG=trace tcp-chat server` prints what each
//! thread does.

pub mod client;
pub mod protocol;
pub mod room;
pub mod server;
mod sync;

// Declared here, because the model checker compiles `room` with its own locks, and these tests need
// real ones.
#[cfg(test)]
#[path = "room/tests/mod.rs"]
mod room_tests;
