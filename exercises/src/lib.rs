//! All that the eight exercises share: the tools of an answer, the code around each gap, and the tests.
//! `docs/exercises.md` says how to start.
//!
//! An answer is a file in the folder `answers`, and each is built as a program of its own. So an error
//! in one of them leaves the others alone. The program `exercises` (folder `grader`) builds them and
//! runs their tests.
#![allow(clippy::missing_panics_doc, reason = "`lock().unwrap()` does not panic in a sound answer")]

pub mod given;
pub mod grading;
// The scheduler game shows its schedules in the same form.
#[path = "../../model/src/schedule.rs"]
mod schedule;
mod steps;
pub mod sync;
pub mod wire;
