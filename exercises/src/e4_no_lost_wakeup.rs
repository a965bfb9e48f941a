//! Exercise 4, two points: no lost wakeup.
//!
//! Threads put lines into an inbox, and threads take them out. A thread that finds nothing sleeps
//! until a line comes. `Condvar::wait` unlocks the list and falls asleep *in one step*, and locks
//! the list again when it returns. `put` wakes a thread, but a wakeup is not stored. If it
//! comes after the look of a thread and before its `wait`, the thread sleeps beside a line that is
//! there: a *lost wakeup*. So the look and `wait` must use the same guard.
//!
//! And a thread that has been woken does not hold the lock at once. Before it does, another thread
//! may take the line. So it must look again, and sleep again if there is nothing.
//!
//! Grade your answer with `cargo run -p exercises -- 4`.
#![allow(unused_variables, reason = "the gap does not use the parameters yet")]

use std::collections::VecDeque;

use crate::sync::{Condvar, Mutex};

/// Lines on their way from some threads to others.
#[derive(Default)]
pub struct Inbox {
    /// The lines that no thread has taken yet.
    pub lines: Mutex<VecDeque<String>>,
    /// Wakes a thread that waits for a line.
    pub arrived: Condvar,
}

/// Adds a line, and wakes one thread that waits. (This is not the gap.)
pub fn put(inbox: &Inbox, line: &str) {
    inbox.lines.lock().unwrap().push_back(line.to_owned());
    inbox.arrived.notify_one();
}

/// Takes the oldest line. Sleeps while there is none.
pub fn take(inbox: &Inbox) -> String {
    todo!("lock the list; `while` it is empty, wait with the guard; then take the first line")
}
