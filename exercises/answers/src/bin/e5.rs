//! Runs one test of exercise 5 on the answer.

#[cfg(feature = "elsewhere")]
include!(concat!(env!("ANSWERS"), "/e5.rs"));
#[cfg(not(feature = "elsewhere"))]
#[path = "../../e5_combining.rs"]
mod e5_combining;

fn main() {
    exercises::grading::run_test(&exercises::grading::e5_combining::TESTS, e5_combining::say);
}
