//! Model checking: runs the real room under many schedules of its threads.
//!
//! The folder `src/room`, the flow control and the catch-up threads are compiled here a second time, with
//! the locks, atomics and threads of the model checker shuttle. At each use of them, shuttle decides which
//! thread runs next. The sockets are simulated: at random they send only a part, stall or fail. Most
//! scenarios run under random schedules. One small scenario runs under every possible schedule.
//!
//! The catch-up threads are started by the function that the server uses. Only the wait for the next
//! peer that fell behind is the model's own, because shuttle has no `select!`; and so are the sessions.
//!
//! The folder `faulty` has small rooms with one fault each. The checker must find each fault: if it
//! missed a fault there, it would miss the same fault in the real room.
//!
//! What the checker does not show:
//! - Relaxed atomics run as sequentially consistent ones. The real ones may be seen late, and nothing here
//!   would notice. So each of them says in its comment why an old value does no harm.
//! - Time is the real clock. How long a peer counts as a reader, and how fast the budget grows, does not
//!   depend on the schedule.
//! - A thread that is parked for a time is parked until somebody wakes it. So a wakeup that is lost is
//!   found, and a look that comes too late is not.
//! - Random schedules are a sample. A fault that needs a rare one may be missed.
//! - TCP, the accepting thread, the session and the server's main loop are not here. The tests in
//!   `src/server/tests` and `tests/it` run these.
#![cfg(test)]
// Some public parts of the room may be unused in this copy.
#![allow(dead_code, unreachable_pub, unused_imports)]

mod faulty;
mod scenario;
mod socket;
mod sync;

#[path = "../../src/server/catch_up.rs"]
mod catch_up;
#[path = "../../src/server/flow.rs"]
mod flow;
#[path = "../../src/room/mod.rs"]
mod room;
use tcp_chat::protocol;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::Ordering::Relaxed;

use shuttle::scheduler::{DfsScheduler, PctScheduler, RandomScheduler, Scheduler};

use room::Limits;
use scenario::{PLENTY, QUIET, Scenario, explore};
use socket::WAITS;

/// How many schedules each random test of the real room explores.
const SCHEDULES: usize = 8_000;

/// All peers speak at once, and sockets may take only a part. Some peers do not receive their own
/// lines.
const SPEAKERS: Scenario = Scenario { speakers: 3, others: true, short: true, ..QUIET };

/// Peers join and leave, and sockets break, while others speak.
const DEPARTURES: Scenario =
    Scenario { speakers: 2, leaver: true, joiner: true, short: true, failing: true, ..QUIET };

/// The room is closed while some peers speak, one leaves and some are behind.
const CLOSING: Scenario =
    Scenario { speakers: 2, leaver: true, short: true, closing: true, ..QUIET };

/// A peer takes little and stalls. It is pruned for its backlog, or because it takes nothing.
const STALLING: Scenario = Scenario {
    speakers: 2,
    leaver: true,
    short: true,
    stalling: true,
    limits: Limits { backlog: 400, ..PLENTY },
    ..QUIET
};

/// Peers fall behind, and there are not enough threads for all of them.
const NO_THREADS: Scenario =
    Scenario { speakers: 3, short: true, limits: Limits { laggards: 1, ..PLENTY }, ..QUIET };

/// Every line fills `pending`, so speakers wait for the roster.
const FULL: Scenario =
    Scenario { speakers: 3, short: true, limits: Limits { pending: 100, ..PLENTY }, ..QUIET };

/// A reader is soon overrun, and the budget is soon spent, so speakers wait for their turns.
const TURNS: Scenario = Scenario {
    speakers: 3,
    short: true,
    in_turn: true,
    limits: Limits { backlog: 900, pending: 160, ..PLENTY },
    ..QUIET
};

/// The same, while the room is closed.
const CLOSING_TURNS: Scenario = Scenario { closing: true, ..TURNS };

/// Runs a scenario under the schedules of a scheduler. Returns how many schedules there were.
fn check(scheduler: impl Scheduler + 'static, explore: impl Fn() + Send + Sync + 'static) -> usize {
    let mut config = shuttle::Config::new();
    // The default is too small for the stack frames of the room.
    config.stack_size = 256 * 1024;
    // A schedule that strands lines may have no end, and the checker prints all its steps. The default
    // is a million steps, which fill ten thousand lines. Sound schedules need less than a thousand.
    config.max_steps = shuttle::MaxSteps::FailAfter(10_000);
    shuttle::Runner::new(scheduler, config).run(explore)
}

macro_rules! random {
    ($($test:ident: $scenario:expr;)*) => { $(
        mod $test {
            use super::*;

            #[test]
            fn at_random() {
                check(RandomScheduler::new(SCHEDULES), || explore($scenario));
            }

            #[test]
            fn with_rare_preemptions() {
                check(PctScheduler::new(3, SCHEDULES), || explore($scenario));
            }
        }
    )* };
}

random! {
    nothing_is_stranded: SPEAKERS;
    records_go_exactly_once: DEPARTURES;
    closing_takes_everyone_along: CLOSING;
    laggards_are_pruned: STALLING;
    no_thread_is_left: NO_THREADS;
    what_fills_pending_is_delivered: FULL;
    turns_end: TURNS;
    turns_end_with_the_room: CLOSING_TURNS;
}

/// Two speakers say one line each. This is small enough for all schedules.
#[test]
fn two_speakers_under_every_schedule() {
    let explored = check(DfsScheduler::new(None, false), || scenario::two_speakers(false));
    println!("{explored} schedules, and there are no others");
    assert!(explored > 100, "only {explored} schedules");
}

/// Its own last line has been sent to a speaker before its record is removed.
#[test]
fn a_speaker_that_leaves_hears_its_last_line() {
    check(RandomScheduler::new(SCHEDULES), || scenario::two_speakers(true));
}

/// A scenario in which nobody waited would say nothing about the queue.
#[test]
fn speakers_exhaust_the_budget_and_wait() {
    let before = WAITS.load(Relaxed);
    check(RandomScheduler::new(1000), || explore(TURNS));
    let waits = WAITS.load(Relaxed) - before;
    assert!(waits > 100, "speakers waited only {waits} times");
}

/// Runs each of these on a thread of its own, and waits until all have ended.
fn together(threads: &[&(dyn Fn() + Sync)]) {
    shuttle::thread::scope(|scope| {
        for thread in threads {
            scope.spawn(thread);
        }
    });
}

/// Plays a small room, and fails if it breaks.
fn sound(explore: fn() -> Result<(), String>) {
    explore().unwrap_or_else(|fault| panic!("{fault}"));
}

/// The checker's message about a faulty room. Fails if the checker finds nothing.
fn found(explore: fn() -> Result<(), String>) -> String {
    let explored = || check(RandomScheduler::new(SCHEDULES), move || sound(explore));
    let checked = catch_unwind(AssertUnwindSafe(explored));
    let panic = checked.expect_err("the checker should have found the fault");
    let message = panic.downcast_ref::<String>().cloned();
    message.or(panic.downcast_ref::<&str>().map(|&text| text.to_owned())).unwrap_or_default()
}

#[test]
fn a_missing_second_look_is_found() {
    let message = found(faulty::no_second_look::explore);
    assert!(message.contains("stranded"), "found something else: {message}");
}

/// This room differs from the room above only in the second look. `model/examples/scheduler.rs` explores
/// it exhaustively, in larger steps.
#[test]
fn with_the_second_look_nothing_is_found() {
    check(RandomScheduler::new(SCHEDULES), || sound(faulty::second_look::explore));
}

#[test]
fn two_orders_are_found() {
    let message = found(faulty::copy_the_list::explore);
    assert!(message.contains("two orders"), "found something else: {message}");
}

#[test]
fn check_then_act_on_a_record_is_found() {
    let message = found(faulty::check_then_act::explore);
    assert!(message.contains("removed twice"), "found something else: {message}");
}

#[test]
fn reversed_locks_are_found() {
    let message = found(faulty::locks_reversed::explore);
    assert!(message.contains("deadlock"), "found something else: {message}");
}

#[test]
fn a_laggard_removed_while_it_catches_up_is_found() {
    let message = found(faulty::stale_laggard::explore);
    assert!(message.contains("another peer"), "found something else: {message}");
}
