//! A model of a socket: each send takes as many bytes as it likes. The peer at its other end hangs up
//! when the server has closed its side.

use std::io;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use shuttle::rand::{Rng, thread_rng};
use shuttle::thread::{Thread, current, park};

use crate::room::{Reason, Socket};
use crate::scenario::Scenario;
use crate::sync::yield_now;

/// How often a speaker has waited for its turn, in all schedules so far.
pub(crate) static WAITS: AtomicUsize = AtomicUsize::new(0);

/// This lock is not part of the model, because no thread waits for it.
pub(crate) struct Fake {
    scenario: Scenario,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    taken: String,
    shut: usize,
    finished: bool,
    broken: bool,
    /// The thread that waits for the end.
    reader: Option<Thread>,
}

impl Fake {
    pub(crate) fn new(scenario: Scenario) -> Arc<Self> {
        Arc::new(Self { scenario, state: Mutex::default() })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("not poisoned")
    }

    /// Changes the state, and wakes the reader: something has ended.
    fn end(&self, how: impl FnOnce(&mut State)) {
        let mut state = self.state();
        how(&mut state);
        let reader = state.reader.take();
        // To wake a thread is a step of the model: another thread may run here, and take this lock.
        drop(state);
        if let Some(reader) = reader {
            reader.unpark();
        }
    }

    fn take(&self, bytes: &[u8]) -> usize {
        let text = std::str::from_utf8(bytes).expect("only text is sent");
        let mut state = self.state();
        assert!(!state.finished, "something is sent after the end of the stream");
        state.taken.push_str(text);
        bytes.len()
    }

    /// Reads until the connection ends. Returns why it ended.
    pub(crate) fn read_to_end(&self) -> Reason {
        loop {
            let mut state = self.state();
            if state.broken || state.shut > 0 {
                return Reason::Reset;
            }
            if state.finished {
                return Reason::Left;
            }
            state.reader = Some(current());
            drop(state);
            park();
        }
    }

    /// All bytes that were sent to it.
    pub(crate) fn taken(&self) -> String {
        self.state().taken.clone()
    }

    /// How many times it was shut down.
    pub(crate) fn shut_count(&self) -> usize {
        self.state().shut
    }

    pub(crate) fn is_gone(&self) -> bool {
        let state = self.state();
        state.broken || state.shut > 0
    }

    fn may_break(&self) -> io::Result<()> {
        if self.scenario.failing && thread_rng().gen_bool(0.1) {
            self.end(|state| state.broken = true);
        }
        if self.is_gone() { Err(io::ErrorKind::BrokenPipe.into()) } else { Ok(()) }
    }
}

impl Socket for Fake {
    fn send_now(&self, bytes: &[u8]) -> io::Result<usize> {
        assert_eq!(self.shut_count(), 0, "something is sent to a peer whose record is gone");
        self.may_break()?;
        if self.scenario.short && thread_rng().gen_bool(0.3) {
            return Ok(self.take(&bytes[..thread_rng().gen_range(0..bytes.len())]));
        }
        Ok(self.take(bytes))
    }

    fn send_waiting(&self, bytes: &[u8], _: Duration) -> io::Result<usize> {
        yield_now();
        self.may_break()?;
        if self.scenario.stalling && thread_rng().gen_bool(0.2) {
            return Ok(0);
        }
        Ok(self.take(&bytes[..thread_rng().gen_range(1..=bytes.len())]))
    }

    fn wait_for_end(&self, _: Duration) -> bool {
        WAITS.fetch_add(1, Relaxed);
        yield_now();
        self.is_gone()
    }

    fn finish(&self) {
        self.end(|state| state.finished = true);
    }

    fn shut(&self) {
        self.end(|state| state.shut += 1);
    }
}
