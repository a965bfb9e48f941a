//! Runs one test of exercise 4 on the answer.

#[cfg(feature = "elsewhere")]
include!(concat!(env!("ANSWERS"), "/e4.rs"));
#[cfg(not(feature = "elsewhere"))]
#[path = "../../e4_no_lost_wakeup.rs"]
mod e4_no_lost_wakeup;

fn main() {
    exercises::grading::run_test(
        &exercises::grading::e4_no_lost_wakeup::TESTS,
        e4_no_lost_wakeup::take,
    );
}
