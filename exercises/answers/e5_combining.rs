//! Exercise 5, three points: combining, and no line is lost.
//!
//! A thread that speaks must not wait for the roster, which another thread may hold for a while. So
//! it leaves its line in `pending`, and *tries* to lock the roster (`try_lock`):
//!
//! - It gets the lock: it takes all that is pending, also the lines of other threads, and delivers
//!   it. This is *flat combining*.
//! - It does not get the lock: another thread holds the roster. This thread returns at once.
//!
//! But what if the other thread has already taken the pending lines? Then the line is stranded. So
//! the thread that held the roster looks at `pending` a second time, *after* it has unlocked the
//! roster. A look before that is too early: a line can still come after the look and before the
//! unlocking. `pending` is locked for a moment only, and never while lines are delivered.
//!
//! The types are in `exercises/src/given/e5.rs`: read it first. Grade your answer with
//! `cargo run -p exercises -- 5`; add `--hint 1` or `--hint 2` if you need more help.
#![allow(unused_imports, unused_variables, reason = "the gap does not use them yet")]

use exercises::given::e5::{Room, deliver};

/// Says a line. This thread delivers it, or a thread that holds the roster does so soon.
pub fn say(room: &Room, line: String) {
    todo!("say the line without waiting for the roster, and leave no line behind")
}
