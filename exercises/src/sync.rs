//! The locks and the threads of the exercises. Use them as those of the standard library: a message
//! of the compiler about `exercises::sync::MutexGuard` holds for `std::sync::MutexGuard` as well.
//!
//! Below them is the model checker shuttle. It runs one thread at a time. At each lock, it chooses
//! the thread that goes on. So the grader can try thousands of interleavings, and an answer that is
//! wrong in one of them does not pass by luck. Lesson 10 of `docs/lessons.md` explains this.
//!
//! They also write down each step, so that the grader can show the schedule that broke an answer.

use std::fmt;
use std::ops::{Deref, DerefMut};
use std::panic::Location;
use std::sync::{LockResult, PoisonError, TryLockError, TryLockResult};

pub use shuttle::sync::{Arc, Weak};

use crate::steps;

/// A lock around a value, as `std::sync::Mutex`.
pub struct Mutex<T: ?Sized> {
    /// What the grader calls it.
    name: &'static str,
    inner: shuttle::sync::Mutex<T>,
}

impl<T> Mutex<T> {
    /// An unlocked lock.
    pub const fn new(value: T) -> Self {
        Self::named("a lock of the answer", value)
    }

    pub(crate) const fn named(name: &'static str, value: T) -> Self {
        Self { name, inner: shuttle::sync::Mutex::new(value) }
    }

    /// The value, for the last owner of the lock.
    ///
    /// # Errors
    /// A thread has panicked while it held the lock.
    pub fn into_inner(self) -> LockResult<T> {
        self.inner.into_inner()
    }
}

impl<T: ?Sized> Mutex<T> {
    /// Waits until the lock is free, and takes it.
    ///
    /// # Errors
    /// Another thread has panicked while it held the lock.
    #[track_caller]
    pub fn lock(&self) -> LockResult<MutexGuard<'_, T>> {
        steps::wants(self.name, Location::caller());
        let inner = self.inner.lock();
        steps::locks(self.name, Location::caller());
        match inner {
            Ok(inner) => Ok(self.guard(inner)),
            Err(error) => Err(PoisonError::new(self.guard(error.into_inner()))),
        }
    }

    /// Takes the lock if it is free, and never waits.
    ///
    /// # Errors
    /// Another thread holds the lock, or has panicked while it held the lock.
    #[track_caller]
    pub fn try_lock(&self) -> TryLockResult<MutexGuard<'_, T>> {
        match self.inner.try_lock() {
            Ok(inner) => {
                steps::locks(self.name, Location::caller());
                Ok(self.guard(inner))
            }
            Err(TryLockError::WouldBlock) => {
                steps::finds_locked(self.name, Location::caller());
                Err(TryLockError::WouldBlock)
            }
            Err(TryLockError::Poisoned(error)) => {
                let guard = self.guard(error.into_inner());
                Err(TryLockError::Poisoned(PoisonError::new(guard)))
            }
        }
    }

    /// The value, for the only owner of the lock.
    ///
    /// # Errors
    /// A thread has panicked while it held the lock.
    pub fn get_mut(&mut self) -> LockResult<&mut T> {
        self.inner.get_mut()
    }

    fn guard<'a>(&'a self, inner: shuttle::sync::MutexGuard<'a, T>) -> MutexGuard<'a, T> {
        MutexGuard { name: self.name, inner: Some(inner) }
    }
}

impl<T: Default> Default for Mutex<T> {
    fn default() -> Self {
        Self::new(T::default())
    }
}

impl<T> From<T> for Mutex<T> {
    fn from(value: T) -> Self {
        Self::new(value)
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for Mutex<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}

/// The value of a locked [`Mutex`], as `std::sync::MutexGuard`. The lock is free again when this is
/// dropped.
#[must_use = "if unused, the lock is free again at once"]
pub struct MutexGuard<'a, T: ?Sized> {
    name: &'static str,
    /// `None` only while [`Condvar::wait`] has it.
    inner: Option<shuttle::sync::MutexGuard<'a, T>>,
}

impl<T: ?Sized> Deref for MutexGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.inner.as_ref().expect("the guard holds its lock")
    }
}

impl<T: ?Sized> DerefMut for MutexGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        self.inner.as_mut().expect("the guard holds its lock")
    }
}

impl<T: ?Sized> Drop for MutexGuard<'_, T> {
    fn drop(&mut self) {
        if let Some(inner) = self.inner.take() {
            // Another thread may run before the lock is free, so this comes first.
            drop(inner);
            steps::unlocks(self.name);
        }
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for MutexGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T: ?Sized + fmt::Display> fmt::Display for MutexGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

/// The condition variable, as `std::sync::Condvar`. It has no `wait_timeout`, because no time passes
/// in the model.
#[derive(Debug, Default)]
pub struct Condvar(shuttle::sync::Condvar);

impl Condvar {
    /// Unlocks the guard's lock, sleeps until another thread notifies, and locks again.
    ///
    /// # Errors
    /// Another thread has panicked while it held the lock.
    #[track_caller]
    pub fn wait<'a, T>(&self, mut guard: MutexGuard<'a, T>) -> LockResult<MutexGuard<'a, T>> {
        let at = Location::caller();
        let name = guard.name;
        let inner = guard.inner.take().expect("the guard holds its lock");
        steps::sleeps(name, at);
        let result = self.0.wait(inner);
        steps::wakes_up(name, at);
        match result {
            Ok(inner) => Ok(MutexGuard { name, inner: Some(inner) }),
            Err(error) => {
                let inner = Some(error.into_inner());
                Err(PoisonError::new(MutexGuard { name, inner }))
            }
        }
    }

    /// Waits until `condition` is false.
    ///
    /// # Errors
    /// Another thread has panicked while it held the lock.
    #[track_caller]
    pub fn wait_while<'a, T>(
        &self,
        mut guard: MutexGuard<'a, T>,
        mut condition: impl FnMut(&mut T) -> bool,
    ) -> LockResult<MutexGuard<'a, T>> {
        while condition(&mut guard) {
            guard = self.wait(guard)?;
        }
        Ok(guard)
    }

    /// Wakes one thread that sleeps in `wait`, if there is one.
    #[track_caller]
    pub fn notify_one(&self) {
        steps::notes("notifies one thread", Location::caller());
        self.0.notify_one();
    }

    /// Wakes all threads that sleep in `wait`.
    #[track_caller]
    pub fn notify_all(&self) {
        steps::notes("notifies all threads", Location::caller());
        self.0.notify_all();
    }
}

/// Threads, as in `std::thread`.
pub mod thread {
    use std::panic::Location;

    pub use shuttle::thread::*;

    use crate::steps;

    /// Starts a thread.
    pub fn spawn<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> JoinHandle<T> {
        JoinHandle(shuttle::thread::spawn(work))
    }

    /// A thread that can be waited for, as `std::thread::JoinHandle`.
    #[derive(Debug)]
    pub struct JoinHandle<T>(shuttle::thread::JoinHandle<T>);

    impl<T> JoinHandle<T> {
        /// Waits until the thread has ended. Returns its result.
        ///
        /// # Errors
        /// The thread has panicked.
        #[track_caller]
        pub fn join(self) -> Result<T> {
            let place = Location::caller();
            let number = usize::from(self.0.thread().id());
            steps::waits(|| format!("waits for the end of thread {number}"), place);
            let result = self.0.join();
            steps::joins(number, place);
            result
        }

        /// The thread.
        pub fn thread(&self) -> &Thread {
            self.0.thread()
        }
    }
}

pub use thread::JoinHandle;
