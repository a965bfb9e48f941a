//! Runs a scenario under the model checker, and finds the first fault. One fault leads to others: a
//! lock is poisoned, a join fails. Only the first one teaches anything.

use std::cell::{Cell, RefCell};
use std::panic::{self, AssertUnwindSafe, PanicHookInfo};
use std::sync::{Once, OnceLock};
use std::thread;

use shuttle::scheduler::RandomScheduler;
use shuttle::{Config, FailurePersistence, MaxSteps, Runner};

/// Where the random schedules begin.
const SEED: u64 = 20;

/// No scenario needs a tenth of this. An answer that does never ends.
const MOST_STEPS: usize = 10_000;

/// Called before each run of a scenario, if it is set.
pub static BEFORE_EACH_RUN: OnceLock<fn()> = OnceLock::new();

/// The first thing that went wrong.
pub(super) struct Fault {
    pub(super) kind: Kind,
    pub(super) message: String,
    /// File and line.
    pub(super) place: String,
}

/// The kinds of faults.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// The gap is still there.
    Todo,
    /// A test has said so.
    Test,
    /// All threads wait.
    Deadlock,
    /// A thread waits for itself.
    LockedTwice,
    /// Too many steps.
    Endless,
    /// The answer panics.
    Panic,
}

thread_local! {
    /// The hook below notes panics of this thread. All threads of a scenario are this one.
    static GRADES: Cell<bool> = const { Cell::new(false) };
    static FIRST: RefCell<Option<Fault>> = const { RefCell::new(None) };
}

/// Runs `scenario` under so many schedules, up to the first fault.
pub(super) fn first_fault(
    schedules: usize,
    scenario: impl Fn() + Send + Sync + 'static,
) -> Option<Fault> {
    install_hook();
    let run = move || {
        BEFORE_EACH_RUN.get().into_iter().for_each(|call| call());
        scenario();
    };
    let grade = move || {
        GRADES.set(true);
        let runner = Runner::new(RandomScheduler::new_from_seed(SEED, schedules), config());
        // The panic itself says nothing that the hook has not noted.
        let _ = panic::catch_unwind(AssertUnwindSafe(|| runner.run(run)));
        FIRST.take()
    };
    // A thread on which an answer has panicked counts as panicking from then on, since shuttle does
    // not unwind all of it. So each scenario has a thread of its own.
    thread::spawn(grade).join().expect("all panics of a scenario are caught")
}

fn config() -> Config {
    let mut config = Config::new();
    // An answer may print, and that takes more than the default.
    config.stack_size = 256 * 1024;
    config.failure_persistence = FailurePersistence::None;
    config.max_steps = MaxSteps::FailAfter(MOST_STEPS);
    config.ungraceful_shutdown_config.immediately_return_on_panic = true;
    config
}

/// Notes the first panic of a thread that grades, and prints nothing about it.
fn install_hook() {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| {
        let before = panic::take_hook();
        // Shuttle sets a hook in its first run. It prints schedules, so ours takes its place.
        Runner::new(RandomScheduler::new(1), config()).run(|| {});
        panic::set_hook(Box::new(move |info| {
            if GRADES.get() {
                FIRST.with_borrow_mut(|first| first.get_or_insert_with(|| fault(info)).kind);
            } else {
                before(info);
            }
        }));
    });
}

fn fault(info: &PanicHookInfo) -> Fault {
    let payload = info.payload();
    let text = payload.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let text = text.or_else(|| payload.downcast_ref::<String>().cloned()).unwrap_or_default();
    let (file, line) = info.location().map_or(("", 0), |place| (place.file(), place.line()));
    let hint = text.strip_prefix("not yet implemented").map(|hint| hint.trim_start_matches(": "));
    let kind = if hint.is_some() {
        Kind::Todo
    } else if file.contains("shuttle-") && text.contains("already holds") {
        Kind::LockedTwice
    } else if file.contains("shuttle-") && text.starts_with("deadlock!") {
        Kind::Deadlock
    } else if file.contains("shuttle-") && text.starts_with("exceeded max_steps") {
        Kind::Endless
    } else if file.contains("src/grading") {
        Kind::Test
    } else {
        Kind::Panic
    };
    let message = hint.map_or(text.clone(), str::to_owned);
    Fault { kind, message, place: format!("{file}:{line}") }
}
