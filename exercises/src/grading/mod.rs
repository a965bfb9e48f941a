//! Grades an answer: runs it under thousands of schedules, and describes the fault in plain words.
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
mod fault;

use crate::solutions;
pub use fault::BEFORE_EACH_RUN;
use fault::{Fault, Kind, first_fault};

/// How many schedules each scenario runs under.
const SCHEDULES: usize = 3_000;

/// Nothing, or the fault of the answer, in words for its author.
pub type Verdict = Result<(), String>;

/// One exercise, as the list of them shows it.
pub struct Exercise {
    /// The name of its file.
    pub name: &'static str,
    /// The points for a right answer.
    pub points: u32,
    handed_out: fn() -> Verdict,
    solution: fn() -> Verdict,
}

impl Exercise {
    /// Grades the answer of the student.
    ///
    /// # Errors
    /// The answer is not right.
    pub fn grade(&self) -> Verdict {
        (self.handed_out)()
    }

    /// Grades the solution instead.
    ///
    /// # Errors
    /// The solution is not right.
    pub fn grade_solution(&self) -> Verdict {
        (self.solution)()
    }
}

macro_rules! exercises {
    ($($file:ident :: $gap:ident, $points:literal;)*) => {
        &[$(Exercise {
            name: stringify!($file),
            points: $points,
            handed_out: || $file::grade(crate::$file::$gap),
            solution: || $file::grade(solutions::$file::$gap),
        }),*]
    };
}

/// All exercises: file, gap and points.
pub const EXERCISES: &[Exercise] = exercises! {
    e1_remove_once::remove, 1;
    e2_prune_while_sending::say, 1;
    e3_one_lock_order::move_peer, 2;
    e4_no_lost_wakeup::take, 2;
    e5_combining::say, 3;
    e6_end_blocked_threads::stop, 3;
    e7_keep_a_slow_reader::catch_up, 4;
    e8_say_again_show_once::session, 4;
};

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
        let Some(Fault { kind, message, place }) = fault else { return Ok(()) };
        Err(match kind {
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
        })
    }
}

/// A message in one line, with words for the two sides of `assert_eq!`.
fn in_one_line(message: &str) -> String {
    let text = message.strip_prefix("assertion `left == right` failed: ").unwrap_or(message);
    let text = text.replace("\n  left: ", "; found ").replace("\n right: ", ", expected ");
    text.replace('\n', " ")
}
