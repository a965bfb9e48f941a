//! Grades an answer: runs its tests, most of them under thousands of schedules, and describes the
//! fault in plain words.
//!
//! The locks of the exercises belong to the model checker (see [`crate::sync`]). Its schedules are
//! chosen at random, but always from the same seed: the same answer gets the same verdict.

pub mod e1_remove_once;
pub mod e2_prune_while_sending;
pub mod e3_one_lock_order;
pub mod e4_no_lost_wakeup;
pub mod e5_combining;
pub mod e6_end_blocked_threads;
pub mod e7_keep_a_slow_reader;
pub mod e8_say_again_show_once;
mod exercises;
mod fault;

use std::io::{self, BufRead, Write};
use std::process;

use rustix::process::{Resource, Rlimit, setrlimit};

pub use exercises::{EXERCISES, Exercise};
use fault::{Fault, Kind, first_fault};

/// In bytes. No answer needs a tenth of this.
const MOST_MEMORY: u64 = 2 << 30;

/// How many schedules each scenario runs under.
const SCHEDULES: usize = 3_000;

/// Nothing, or the fault of the answer.
pub type Verdict = Result<(), Failure>;

/// The fault of an answer, for its author.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// One line that describes it.
    pub message: String,
    /// The schedule that led to it, as a table. Empty if there is none.
    pub schedule: String,
}

impl From<String> for Failure {
    fn from(message: String) -> Self {
        Self { message, schedule: String::new() }
    }
}

/// A test of an answer of the type `A`, worth one point.
pub struct Test<A> {
    /// What the text of the exercise promises about a right answer.
    pub promise: &'static str,
    check: fn(A) -> Verdict,
}

/// Runs all tests in this process. The others count only if the first one passes: it asks for the
/// work itself, and an answer that does nothing has not done it well.
pub fn grade<A: Copy>(tests: &[Test<A>], answer: A) -> Vec<Verdict> {
    let verdicts = tests.iter().map(|test| (test.check)(answer));
    let mut verdicts: Vec<_> = verdicts.collect();
    if let Some((Err(first), others)) = verdicts.split_first_mut() {
        for other in others {
            *other = Err(first.clone());
        }
    }
    verdicts
}

/// The first character of each line that the grader reads from the process of an answer.
pub const MARK: char = '\u{1e}';

/// Stands before the output of each run of the answer. The last run is the one that fails. (A newline
/// at its end sends it on its way before anything that the answer prints to stderr.)
pub const NEW_RUN: &str = "\u{1d}\n";

/// Stands behind it, if the run fails.
pub const END_OF_RUN: &str = "\u{1c}\n";

/// Runs one test in a process of its own: the whole program of an answer. Stdin names the test, and a
/// word that must stand before the verdict.
///
/// The answer may print, and it may end this process. But it has no way to learn the word, so it
/// cannot print a verdict: the word stands on the stack of this function only.
pub fn run_test<A>(tests: &[Test<A>], answer: A) -> ! {
    let mut lines = io::stdin().lock().lines().map_while(Result::ok);
    let (Some(number), Some(word)) = (lines.next(), lines.next()) else {
        eprintln!("this program is started by `cargo run -p exercises`");
        process::exit(2);
    };
    drop(lines);
    let test = number.parse().ok().and_then(|number: usize| tests.get(number));
    limit_memory();
    fault::mark_runs();
    let verdict = match test {
        Some(test) => (test.check)(answer),
        None => Err(Failure::from(format!("there is no test {number}"))),
    };
    let mut out = io::stdout().lock();
    let _ = match verdict {
        Ok(()) => write!(out, "\n{MARK}{word} pass"),
        Err(Failure { message, schedule }) => {
            write!(out, "\n{MARK}{word} fail {message}\n{schedule}")
        }
    };
    let _ = out.flush();
    // The threads of an answer that failed may still hold something that cannot be dropped.
    process::exit(0)
}

/// An answer that takes more and more memory ends itself, and not the machine that grades it.
fn limit_memory() {
    let limit = |bytes| Rlimit { current: Some(bytes), maximum: Some(bytes) };
    // Where a system does not know one of them, the time limit must do.
    let _ = setrlimit(Resource::As, limit(MOST_MEMORY));
    let _ = setrlimit(Resource::Core, limit(0));
}

/// The messages for an answer that does not fail a test, but fails in another way.
struct Help {
    /// All threads wait.
    deadlock: &'static str,
    /// The answer itself panics.
    panic: &'static str,
    /// A thread runs on and on.
    endless: &'static str,
}

impl Help {
    /// Runs a scenario under many schedules.
    fn explore(&self, scenario: impl Fn() + Send + Sync + 'static) -> Verdict {
        self.explain(first_fault(SCHEDULES, scenario))
    }

    /// Runs a scenario of one thread: there is only one schedule.
    fn run(&self, scenario: impl Fn() + Send + Sync + 'static) -> Verdict {
        self.explain(first_fault(1, scenario))
    }

    fn explain(&self, fault: Option<Fault>) -> Verdict {
        let Some(Fault { kind, message, place, schedule }) = fault else { return Ok(()) };
        let message = match kind {
            Kind::Todo => format!("not solved yet: {message}"),
            Kind::Test => in_one_line(&message),
            Kind::Deadlock => format!("deadlock: {}", self.deadlock),
            Kind::LockedTwice => {
                "deadlock: a thread locks a lock that it holds already, and waits for itself".into()
            }
            Kind::Endless => format!("this does not end: {}", self.endless),
            Kind::Panic => {
                let message = in_one_line(&message);
                format!("the answer panics at {place}: {message}; {}", self.panic)
            }
        };
        Err(Failure { message, schedule })
    }
}

/// A message in one line, with words for the two sides of `assert_eq!`.
fn in_one_line(message: &str) -> String {
    let text = message.strip_prefix("assertion `left == right` failed: ").unwrap_or(message);
    let text = text.replace("\n  left: ", "; found ").replace("\n right: ", ", expected ");
    text.replace('\n', " ")
}
