//! A chat over TCP.
pub mod backlog;
pub mod batch;
pub mod client;
pub mod clock;
pub mod demo;
pub mod history;
pub mod limits;
pub mod link;
pub mod outbox;
pub mod peer;
pub mod room;
pub mod roster;
pub mod server;
pub mod session;
pub mod socket;
mod sync;
pub mod terminal;
pub mod wire;
