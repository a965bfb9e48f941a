//! Exercise 6, three points: end threads that are blocked.
//!
//! A server has a thread that waits in `accept`, and a thread for each peer, which waits in `read`.
//! A thread that waits does not look at a flag. To end it, make the thing happen for which it
//! waits: close the door, shut the socket. Then *join* the thread: wait until it has ended.
//!
//! `stop` must bring all threads to their end, and forget nobody: each peer that is connected gets
//! `FAREWELL` once, before its socket is shut. Think about two things. As long as the door is
//! open, a peer may still come. And a thread that ends removes its peer from the roster, so `stop`
//! must not hold the roster while it waits for that thread.
//!
//! The types are in `exercises/src/given/e6.rs`: read it first. Grade your answer with
//! `cargo run -p exercises -- 6`; add `--hint 1` or `--hint 2` if you need more help.
#![allow(unused_imports, unused_variables, reason = "the gap does not use them yet")]

use exercises::given::e6::{FAREWELL, Server};
use exercises::sync::JoinHandle;

/// Stops the server. `acceptor` is the thread that runs `accept`. When `stop` returns, all
/// threads have ended, and no peer can come any more.
pub fn stop(server: &Server, acceptor: JoinHandle<()>) {
    todo!("say farewell to each peer, end all threads, and wait for them")
}
