//! The locks and the threads of the exercises. Use them as those of the standard library.
//!
//! They come from the model checker shuttle. It runs one thread at a time. At each lock, it chooses
//! the thread that goes on. So the grader can try thousands of interleavings, and an answer that is
//! wrong in one of them does not pass by luck. Lesson 10 of `docs/lessons.md` explains this.

pub use shuttle::sync::{Arc, Condvar, Mutex, MutexGuard};
pub use shuttle::thread::{self, JoinHandle};
