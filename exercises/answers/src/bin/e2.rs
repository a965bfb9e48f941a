//! Runs one test of exercise 2 on the answer.

#[cfg(feature = "elsewhere")]
include!(concat!(env!("ANSWERS"), "/e2.rs"));
#[cfg(not(feature = "elsewhere"))]
#[path = "../../e2_prune_while_sending.rs"]
mod e2_prune_while_sending;

fn main() {
    exercises::grading::run_test(
        &exercises::grading::e2_prune_while_sending::TESTS,
        e2_prune_while_sending::say,
    );
}
