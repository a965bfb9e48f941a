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
//! The types are in `exercises/src/given/e4.rs`: read it first. Grade your answer with
//! `cargo run -p exercises -- 4`; add `--hint 1` or `--hint 2` if you need more help.
#![allow(unused_imports, unused_variables, reason = "the gap does not use them yet")]

use exercises::given::e4::Inbox;

/// Takes the oldest line. Sleeps while there is none.
pub fn take(inbox: &Inbox) -> String {
    todo!("take the oldest line, and sleep while there is none")
}
