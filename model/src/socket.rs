//! A model of a socket: each send takes as many bytes as it likes.

use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use shuttle::rand::{Rng, thread_rng};

use crate::room::Socket;
use crate::scenario::Scenario;
use crate::sync::yield_now;

/// This lock is not part of the model, because no thread waits for it.
pub(crate) struct Fake {
    scenario: Scenario,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    taken: String,
    shut: usize,
    broken: bool,
}

impl Fake {
    pub(crate) fn new(scenario: Scenario) -> Arc<Self> {
        Arc::new(Self { scenario, state: Mutex::default() })
    }

    fn take(&self, bytes: &[u8]) -> usize {
        let text = std::str::from_utf8(bytes).expect("only text is sent");
        self.state.lock().expect("not poisoned").taken.push_str(text);
        bytes.len()
    }

    /// All bytes that were sent to it.
    pub(crate) fn taken(&self) -> String {
        self.state.lock().expect("not poisoned").taken.clone()
    }

    /// How many times it was shut down.
    pub(crate) fn shut_count(&self) -> usize {
        self.state.lock().expect("not poisoned").shut
    }

    pub(crate) fn is_gone(&self) -> bool {
        let state = self.state.lock().expect("not poisoned");
        state.broken || state.shut > 0
    }

    fn may_break(&self) -> io::Result<()> {
        if self.scenario.failing && thread_rng().gen_bool(0.1) {
            self.state.lock().expect("not poisoned").broken = true;
        }
        if self.is_gone() { Err(io::ErrorKind::BrokenPipe.into()) } else { Ok(()) }
    }
}

impl Socket for Fake {
    fn send_now(&self, bytes: &[u8]) -> io::Result<usize> {
        assert!(!self.is_gone(), "something is sent to a peer that is gone");
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
        yield_now();
        self.is_gone()
    }

    fn finish(&self) {}

    fn shut(&self) {
        self.state.lock().expect("not poisoned").shut += 1;
    }
}
