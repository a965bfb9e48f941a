//! Runs one test of exercise 8 on the answer.

#[cfg(feature = "elsewhere")]
include!(concat!(env!("ANSWERS"), "/e8.rs"));
#[cfg(not(feature = "elsewhere"))]
#[path = "../../e8_say_again_show_once.rs"]
mod e8_say_again_show_once;

fn main() {
    exercises::grading::run_test(
        &exercises::grading::e8_say_again_show_once::TESTS,
        e8_say_again_show_once::session,
    );
}
