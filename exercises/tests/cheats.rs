//! Answers that try to pass their tests without the work: they hide the panics of the tests. (Those
//! that print, end the process or reach for files are in `.ci/exercises.sh`, since they need one.)
//!
//! This is a program of its own, because it changes what a panic does.
#![allow(clippy::all, clippy::pedantic, reason = "these are cheats")]

use std::panic;

use exercises::given::e1::Peer;
use exercises::grading::{self, Verdict};
use exercises::sync::Mutex;

type Roster = Mutex<Vec<Peer>>;

fn grade(answer: fn(&Roster, u32) -> Option<Peer>) -> Vec<Verdict> {
    grading::grade(&grading::e1_remove_once::TESTS, answer)
}

/// Nobody hears of a panic any more.
fn silences_panics(_: &Roster, _: u32) -> Option<Peer> {
    panic::set_hook(Box::new(|_| {}));
    None
}

/// A thread that never comes back cannot fail a test.
fn never_returns(_: &Roster, _: u32) -> Option<Peer> {
    panic::set_hook(Box::new(|_| {}));
    panic::panic_any(());
}

#[test]
fn an_answer_that_hides_a_panic_fails() {
    for cheat in [silences_panics, never_returns] {
        let verdicts = grade(cheat);
        assert!(verdicts.iter().all(Result::is_err), "{verdicts:#?}");
    }
}
