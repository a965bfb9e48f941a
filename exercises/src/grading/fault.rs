//! Runs a scenario under the model checker, and finds the first fault. One fault leads to others: a
//! lock is poisoned, a join fails. Only the first one teaches anything.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::panic::{self, AssertUnwindSafe, Location};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Once};
use std::thread;

use shuttle::scheduler::RandomScheduler;
use shuttle::{Config, FailurePersistence, MaxSteps, Runner};

use super::{END_OF_RUN, NEW_RUN};
use crate::steps;

/// Where the random schedules begin.
const SEED: u64 = 20;

/// No scenario needs a tenth of this. An answer that does never ends.
const MOST_STEPS: usize = 10_000;

/// The first thing that went wrong.
pub(super) struct Fault {
    pub(super) kind: Kind,
    pub(super) message: String,
    /// File and line.
    pub(super) place: String,
    /// The steps that led to it, as a table.
    pub(super) schedule: String,
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

impl Kind {
    /// The words under the last step of a schedule.
    fn words(self) -> &'static str {
        match self {
            Self::Todo => "Here is the gap.",
            Self::Test => "Here the test has noticed it.",
            Self::Deadlock => "No thread can go on.",
            Self::LockedTwice => "This thread waits for itself.",
            Self::Endless => "It goes on like this.",
            Self::Panic => "Here the answer panics.",
        }
    }
}

thread_local! {
    /// The hook below notes panics of this thread. All threads of a scenario are this one.
    static GRADES: Cell<bool> = const { Cell::new(false) };
    static FIRST: RefCell<Option<Fault>> = const { RefCell::new(None) };
}

/// Whether the runs of an answer are told apart in the output.
static MARKS_RUNS: AtomicBool = AtomicBool::new(false);

/// From now on, [`NEW_RUN`] is printed before each run of the answer, and [`END_OF_RUN`] when one fails.
pub(super) fn mark_runs() {
    MARKS_RUNS.store(true, Ordering::Relaxed);
}

fn print_mark(mark: &str) {
    if MARKS_RUNS.load(Ordering::Relaxed) {
        print!("{mark}");
    }
}

/// Runs `scenario` under so many schedules, up to the first fault.
pub(super) fn first_fault(
    schedules: usize,
    scenario: impl Fn() + Send + Sync + 'static,
) -> Option<Fault> {
    install_hook();
    let ended = Arc::new(AtomicUsize::new(0));
    let run = {
        let ended = Arc::clone(&ended);
        move || {
            print_mark(NEW_RUN);
            steps::begin();
            scenario();
            ended.fetch_add(1, Ordering::Relaxed);
        }
    };
    let grade = move || {
        GRADES.set(true);
        let runner = Runner::new(RandomScheduler::new_from_seed(SEED, schedules), config());
        let result = panic::catch_unwind(AssertUnwindSafe(|| runner.run(run)));
        // Nothing but the end of all runs is a success, whatever an answer does to the hook.
        let ended = ended.load(Ordering::Relaxed) == schedules && result.is_ok();
        let mut fault = FIRST.take();
        if !ended {
            fault.get_or_insert_with(|| {
                let payload = result.err().unwrap_or_else(|| Box::new("a run was left"));
                fault_of(&*payload, None)
            });
        }
        if let Some(fault) = &mut fault {
            fault.schedule = steps::table(fault.kind.words()).unwrap_or_default();
        }
        fault
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
                let fault = fault_of(info.payload(), info.location());
                steps::end(matches!(fault.kind, Kind::Deadlock | Kind::LockedTwice));
                FIRST.with_borrow_mut(|first| {
                    if first.is_none() {
                        print_mark(END_OF_RUN);
                        *first = Some(fault);
                    }
                });
            } else {
                before(info);
            }
        }));
    });
}

fn fault_of(payload: &dyn Any, place: Option<&Location>) -> Fault {
    let text = payload.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let text = text.or_else(|| payload.downcast_ref::<String>().cloned()).unwrap_or_default();
    let (file, line) = place.map_or(("", 0), |place| (place.file(), place.line()));
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
    let file = Path::new(file).file_name().unwrap_or_default().display();
    Fault { kind, message, place: format!("{file}:{line}"), schedule: String::new() }
}
