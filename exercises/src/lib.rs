//! Eight exercises about threads that share state. `docs/exercises.md` says how to start.
//!
//! Each exercise is one file with one gap: [`e1_remove_once`] is the first one. The folder
//! `solutions` has an answer for each of them, under the same name. [`grading`] has the tests.
#![allow(clippy::missing_panics_doc, reason = "`lock().unwrap()` does not panic in a sound answer")]

pub mod e1_remove_once;
pub mod e2_prune_while_sending;
pub mod e3_one_lock_order;
pub mod e4_no_lost_wakeup;
pub mod e5_combining;
pub mod e6_end_blocked_threads;
pub mod e7_keep_a_slow_reader;
pub mod e8_say_again_show_once;

pub mod grading;
#[path = "../solutions/mod.rs"]
pub mod solutions;
pub mod sync;
pub mod wire;
