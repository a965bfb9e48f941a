//! The locks and the threads of the exercises. Use them as those of the standard library.
//!
//! They come from the model checker shuttle. It runs one thread at a time. At each lock, it chooses
//! the thread that goes on. So the grader can try thousands of interleavings, and an answer that is
//! wrong in one of them does not pass by luck. Lesson 10 of `docs/lessons.md` explains this.

use std::sync::LockResult;

pub use shuttle::sync::{Arc, Mutex, MutexGuard, Weak};
pub use shuttle::thread::{self, JoinHandle};

/// The condition variable. It has no `wait_timeout`, because no time passes in the model.
#[derive(Debug, Default)]
pub struct Condvar(shuttle::sync::Condvar);

impl Condvar {
    /// Unlocks the guard's lock, sleeps until another thread notifies, and locks again.
    ///
    /// # Errors
    /// Another thread has panicked while it held the lock.
    pub fn wait<'a, T>(&self, guard: MutexGuard<'a, T>) -> LockResult<MutexGuard<'a, T>> {
        self.0.wait(guard)
    }

    /// Waits until `condition` is false.
    ///
    /// # Errors
    /// Another thread has panicked while it held the lock.
    pub fn wait_while<'a, T>(
        &self,
        guard: MutexGuard<'a, T>,
        condition: impl FnMut(&mut T) -> bool,
    ) -> LockResult<MutexGuard<'a, T>> {
        self.0.wait_while(guard, condition)
    }

    /// Wakes one thread that sleeps in `wait`, if there is one.
    pub fn notify_one(&self) {
        self.0.notify_one();
    }

    /// Wakes all threads that sleep in `wait`.
    pub fn notify_all(&self) {
        self.0.notify_all();
    }
}
