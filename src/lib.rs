//! A chat over TCP.
pub mod backlog;
pub mod batch;
pub mod history;
pub mod outbox;
pub mod link;
pub mod client;
pub mod terminal;
pub mod limits;
pub mod peer;
pub mod room;
pub mod server;
pub mod session;
pub mod socket;
mod sync;
pub mod wire;
