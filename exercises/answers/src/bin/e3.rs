//! Runs one test of exercise 3 on the answer.

#[cfg(feature = "elsewhere")]
include!(concat!(env!("ANSWERS"), "/e3.rs"));
#[cfg(not(feature = "elsewhere"))]
#[path = "../../e3_one_lock_order.rs"]
mod e3_one_lock_order;

fn main() {
    exercises::grading::run_test(
        &exercises::grading::e3_one_lock_order::TESTS,
        e3_one_lock_order::move_peer,
    );
}
