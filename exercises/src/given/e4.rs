//! Given for exercise 4: no lost wakeup.

use std::collections::VecDeque;

use crate::sync::{Condvar, Mutex};

/// Lines on their way from some threads to others.
pub struct Inbox {
    /// The lines that no thread has taken yet.
    pub lines: Mutex<VecDeque<String>>,
    /// Wakes a thread that waits for a line.
    pub arrived: Condvar,
}

impl Default for Inbox {
    fn default() -> Self {
        Self { lines: Mutex::named("lines", VecDeque::new()), arrived: Condvar::default() }
    }
}

/// Adds a line, and wakes one thread that waits.
pub fn put(inbox: &Inbox, line: &str) {
    inbox.lines.lock().unwrap().push_back(line.to_owned());
    inbox.arrived.notify_one();
}
