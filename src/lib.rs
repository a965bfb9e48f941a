//! A chat over TCP: one server, any number of clients, every message to everyone. It is blocking by
//! design, with a thread per client, and written to be read in an hour.
//!
//! # The threads of the server, and what they share
//!
//! ```text
//! main           waits for a signal; at the end it tells, wakes and joins the others
//! handshakes     accepts, and starts a thread for each client
//! history        prints what happened; no thread waits for it
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
//! The files below stand in the order in which to read them: none needs one that comes later.
//!
//! 1. What is said: [`wire`] and [`batch`], and [`backlog`] for the peers that are behind.
//! 2. The shared state: `sync`, [`peer`], [`roster`], `flow`, and [`room`] with its locks.
//! 3. The threads around it: [`socket`], [`session`] for each client, [`catch_up`] for each laggard,
//!    [`server`], which starts and joins them, and [`history`].
//! 4. The client: [`client`] says what it is asked and shows, [`conversation`] decides, [`plain`]
//!    and [`terminal`] show. Its threads share nothing but channels.
//! 5. The program: `main.rs` and `cli.rs`, which are no part of the library, and [`demo`].
//!
//! `docs/architecture.md` has the map of all files, `Sequence_Diagram.md` draws the threads at work,
//! and `RUST_LOG=trace tcp-chat server` prints what each of them does.

// What is said.
pub mod wire;
pub mod name;
pub mod batch;
#[cfg(test)]
mod batch_test;
pub mod backlog;
#[cfg(test)]
mod backlog_test;

// The shared state.
mod sync;
pub mod peer;
pub mod roster;
#[cfg(test)]
mod roster_test;
mod flow;
pub mod room;
#[cfg(test)]
mod room_test;

// The threads around it.
pub mod socket;
pub mod template;
pub mod inbound;
pub mod session;
pub mod catch_up;
pub mod server;
pub mod history;
pub mod limits;

// The client.
pub mod client;
mod echo;
mod progress;
pub mod outbox;
pub mod link;
mod connection;
pub mod conversation;

// What it shows.
pub mod clock;
mod command;
pub mod plain;
pub mod paint;
pub mod terminal;
pub mod ask;

// All of it at once.
pub mod demo;
