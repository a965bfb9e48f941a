//! A chat over TCP: one server, any number of clients, every message to everyone. It is blocking by
//! design, with a thread per client, and written to be read in an hour.
//!
//! # The threads of the server, and what they share
//!
//! ```text
//! main           waits for a signal; at the end it tells, wakes and joins the others
//! handshakes     accepts, and starts a thread for each client
//! event-log      prints what happened; no thread waits for it
//!
//! client #54214 ─┐             ┌─ Room ─────────────────────────────────────┐
//! client #54216 ─┼── say() ───▶│ pending  Mutex  said, and not delivered    │
//! client #54218 ─┘             │ roster   Mutex  the peers ─────── send ────┼──▶ every peer
//!                              │ turns    Mutex  speakers that must wait    │
//!                              └────────────────────────────────────────────┘
//! catch-up #2    for a peer that is behind: sends to it alone, and holds no lock
//! ```
//!
//! A thread with something to say appends it to `pending`, and *tries* to lock the roster. If that
//! works, it delivers all that is pending. If the roster is busy, it goes back to reading from its
//! client: the thread that holds the roster looks at `pending` again after unlocking. [`room`] says
//! why nothing is lost by that. If there is time for one file only, read that one.
//!
//! A thread waits in `turns` before it speaks only while a reader is overrun or too much is pending.
//!
//! # Reading order
//!
//! 1. [`room`]: the shared state and its locks. If there is time for one file only, read that one. Then
//!    `roster` and `peer`, the records that it guards.
//! 2. [`server`]: `mod.rs` starts and joins the threads, `accept` lets clients in, `session` is one
//!    client's thread, `catch_up` that of a peer that is behind.
//!
//! That is the hour. The rest stands by itself: [`protocol`] is what goes over the wire, [`client`]
//! keeps the promise that nothing is lost, and the program itself is in `src/app`.
//!
//! `docs/architecture.md` has the map of all files, `docs/glossary.md` explains the terms,
//! `Sequence_Diagram.md` draws the threads at work, and `RUST_LOG=trace tcp-chat server` prints what
//! each of them does.

pub mod client;
pub mod protocol;
pub mod room;
pub mod server;
mod sync;

// Not inside `room`: the model checker compiles that folder against locks that work under it only.
#[cfg(test)]
#[path = "room/tests/mod.rs"]
mod room_tests;
