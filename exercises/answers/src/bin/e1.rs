//! Runs one test of exercise 1 on the answer.

#[cfg(feature = "elsewhere")]
include!(concat!(env!("ANSWERS"), "/e1.rs"));
#[cfg(not(feature = "elsewhere"))]
#[path = "../../e1_remove_once.rs"]
mod e1_remove_once;

fn main() {
    exercises::grading::run_test(
        &exercises::grading::e1_remove_once::TESTS,
        e1_remove_once::remove,
    );
}
