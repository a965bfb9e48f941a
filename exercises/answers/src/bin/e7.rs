//! Runs one test of exercise 7 on the answer.

#[cfg(feature = "elsewhere")]
include!(concat!(env!("ANSWERS"), "/e7.rs"));
#[cfg(not(feature = "elsewhere"))]
#[path = "../../e7_keep_a_slow_reader.rs"]
mod e7_keep_a_slow_reader;

fn main() {
    exercises::grading::run_test(
        &exercises::grading::e7_keep_a_slow_reader::TESTS,
        e7_keep_a_slow_reader::catch_up,
    );
}
