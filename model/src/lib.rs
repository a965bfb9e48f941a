//! Model checking: the room itself, under many schedules of its threads.
//!
//! The folder `src/room` is compiled here a second time, against locks, atomics
//! and threads of the model checker shuttle, which decides at each of them which thread runs next.
//! The sockets are made up: they fall short, stall or fail at random. Most scenarios run under
//! schedules that are chosen at random; one small scenario runs under every schedule there is.
//!
//! The folder `faulty` has small rooms with one fault each. The checker must find every one of
//! them: what it would let through there, it would let through in the real room too.
#![cfg(test)]
// A copy of the room is no library: parts of it that are public may be unused here.
#![allow(dead_code, unreachable_pub, unused_imports)]

mod faulty;
mod scenario;
mod socket;
mod sync;

#[path = "../../src/server/catch_up.rs"]
mod catch_up;
#[path = "../../src/room/mod.rs"]
mod room;
use tcp_chat::protocol;

use std::panic::{AssertUnwindSafe, catch_unwind};

use shuttle::scheduler::{DfsScheduler, PctScheduler, RandomScheduler, Scheduler};

use scenario::{QUIET, Scenario, explore};

/// How many schedules each random test of the real room explores.
const SCHEDULES: usize = 15_000;

/// Everyone speaks at once, and sockets take less than all. Some peers are not sent their own lines.
const SPEAKERS: Scenario = Scenario { speakers: 3, others: true, short: true, ..QUIET };

/// Peers join and leave, and sockets break, while others speak.
const DEPARTURES: Scenario =
    Scenario { speakers: 2, leaver: true, joiner: true, short: true, failing: true, ..QUIET };

/// The room is closed while others speak, one leaves and some are behind.
const CLOSING: Scenario =
    Scenario { speakers: 2, leaver: true, short: true, closing: true, ..QUIET };

/// A peer takes little and stalls, and is pruned for its backlog or for taking nothing.
const STALLING: Scenario =
    Scenario { speakers: 2, leaver: true, short: true, stalling: true, backlog: 400, ..QUIET };

/// Little may be pending, and a reader is soon overrun: speakers wait for their turns.
const TURNS: Scenario =
    Scenario { speakers: 3, short: true, in_turn: true, backlog: 900, pending: 160, ..QUIET };

/// The same, while the room is closed.
const CLOSING_TURNS: Scenario = Scenario { closing: true, ..TURNS };

/// Runs a scenario under the schedules of a scheduler; returns how many that were.
fn check(scheduler: impl Scheduler + 'static, explore: impl Fn() + Send + Sync + 'static) -> usize {
    let mut config = shuttle::Config::new();
    // The default is too small for the room's own frames.
    config.stack_size = 256 * 1024;
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
    turns_end: TURNS;
    turns_end_with_the_room: CLOSING_TURNS;
}

/// Two speakers, a line each: small enough for all schedules.
#[test]
fn two_speakers_under_every_schedule() {
    let explored = check(DfsScheduler::new(None, false), scenario::two_speakers);
    println!("{explored} schedules, and there are no others");
    assert!(explored > 100, "only {explored} schedules");
}

/// What the checker says of a faulty room; fails if it finds nothing.
fn found(explore: impl Fn() + Send + Sync + 'static) -> String {
    let checked =
        catch_unwind(AssertUnwindSafe(|| check(RandomScheduler::new(SCHEDULES), explore)));
    let panic = checked.expect_err("the checker should have found the fault");
    let message = panic.downcast_ref::<String>().cloned();
    message.or(panic.downcast_ref::<&str>().map(|&text| text.to_owned())).unwrap_or_default()
}

#[test]
fn a_missing_second_look_is_found() {
    let message = found(faulty::no_second_look::explore);
    assert!(message.contains("stranded"), "found something else: {message}");
}

#[test]
fn check_then_act_on_a_record_is_found() {
    let message = found(faulty::check_then_act::explore);
    assert!(message.contains("removed"), "found something else: {message}");
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
