//! Runs one test of exercise 6 on the answer.

#[cfg(feature = "elsewhere")]
include!(concat!(env!("ANSWERS"), "/e6.rs"));
#[cfg(not(feature = "elsewhere"))]
#[path = "../../e6_end_blocked_threads.rs"]
mod e6_end_blocked_threads;

fn main() {
    exercises::grading::run_test(
        &exercises::grading::e6_end_blocked_threads::TESTS,
        e6_end_blocked_threads::stop,
    );
}
