//! The comparison: every server at every size, in interleaved rounds. The other work of a machine
//! changes from minute to minute, and must affect all servers alike.

use std::fmt::Write;
use std::io;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use crate::load::{Load, Outcome};
use crate::message;
use crate::process::Process;
use crate::servers::Strategy;

/// How many clients talk, how many more peers never read, and how long a message is.
#[derive(Clone, Copy)]
pub(crate) struct Size {
    pub(crate) clients: usize,
    pub(crate) silent: usize,
    /// The length of their messages.
    pub(crate) bytes: usize,
}

pub(crate) const SIZES: [Size; 8] = [
    Size::of(2),
    Size::of(5),
    Size::of(10),
    Size::of(30),
    Size::of(100),
    Size::of(1000),
    Size { silent: 5, ..Size::of(100) },
    Size { bytes: 1024, ..Size::of(30) },
];

pub(crate) struct Plan {
    pub(crate) strategies: Vec<Strategy>,
    pub(crate) sizes: Vec<Size>,
    pub(crate) rounds: usize,
    pub(crate) in_flight: usize,
    pub(crate) one_by_one: bool,
    /// How many busy loops run beside the servers.
    pub(crate) busy_loops: usize,
    pub(crate) warm_up: Duration,
    pub(crate) window: Duration,
}

/// The outcome of one server at one size in one round. None if it could not run.
pub(crate) type Round = Option<Outcome>;

/// All rounds, by strategy and size as in the plan.
pub(crate) struct Results {
    pub(crate) plan: Plan,
    cells: Vec<Vec<Vec<Round>>>,
}

impl Results {
    pub(crate) fn rounds(&self, strategy: usize, size: usize) -> &[Round] {
        &self.cells[strategy][size]
    }
}

impl Plan {
    pub(crate) fn carry_out(self, stop: &AtomicBool) -> io::Result<Results> {
        let mut cells: Vec<Vec<Vec<Round>>> = self
            .strategies
            .iter()
            .map(|_| self.sizes.iter().map(|_| Vec::new()).collect())
            .collect();
        let _neighbours =
            (0..self.busy_loops).map(|_| Process::busy_loop()).collect::<io::Result<Vec<_>>>()?;
        for round in 1..=self.rounds {
            for (at_size, &size) in self.sizes.iter().enumerate() {
                eprintln!("round {round} of {}: {}", self.rounds, size.label());
                // Each round begins with another server, so that no server is always the first one.
                let count = self.strategies.len();
                for at_strategy in (0..count).map(|at| (round + at) % count) {
                    let strategy = self.strategies[at_strategy];
                    let outcome = match self.measure(strategy, size, stop) {
                        Err(e) if e.kind() == io::ErrorKind::Interrupted => return Err(e),
                        Err(e) => {
                            eprintln!("{} with {}: {e}", strategy.name(), size.label());
                            None
                        }
                        Ok(outcome) => outcome,
                    };
                    cells[at_strategy][at_size].push(outcome);
                }
            }
        }
        Ok(Results { plan: self, cells })
    }

    fn measure(&self, strategy: Strategy, size: Size, stop: &AtomicBool) -> io::Result<Round> {
        if !strategy.answers() && size.silent > 0 {
            return Ok(None);
        }
        let load = Load {
            clients: size.clients,
            bytes: size.bytes,
            in_flight: if strategy.answers() { self.in_flight } else { 0 },
            one_by_one: self.one_by_one,
            silent: size.silent,
            warm_up: self.warm_up * size.patience(),
            window: self.window * size.patience(),
        };
        let server = strategy.start()?;
        let pid = Some(server.process.id());
        strategy.wire().run(&load, server.address, pid, stop).map(Some)
    }
}

impl Size {
    pub(crate) const fn of(clients: usize) -> Self {
        Self { clients, silent: 0, bytes: message::LENGTH }
    }

    /// With a thousand clients, some servers need more than a second to deliver a message. A short
    /// window would see only a part of their cycle.
    fn patience(self) -> u32 {
        if self.clients < 500 { 1 } else { 5 }
    }

    pub(crate) fn label(self) -> String {
        let mut label = match self.silent {
            0 => format!("{} clients", self.clients),
            silent => format!("{} + {silent} silent", self.clients),
        };
        if self.bytes != message::LENGTH {
            let _ = write!(label, ", {} bytes", self.bytes);
        }
        label
    }
}
