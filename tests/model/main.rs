//! Model checking: the room itself, in every order of events that a scheduler can think of.
//!
//! `src/room.rs` is compiled here a second time, against a lock and a channel of the model checker
//! shuttle, which decides at each of them who goes on. The sockets are made up, and fall short or
//! fail at random. What the checks would let through, they would let through in the real room too;
//! so three copies of it with a planted fault (see `build.rs`) must be found out.

// A copy of the room is no library: what is public in it may be unused here.
#![allow(dead_code, unreachable_pub)]

use tcp_chat::{backlog, batch, wire};

#[path = "../../src/peer.rs"]
mod peer;
#[path = "../../src/room.rs"]
mod room;
#[path = "../../src/roster.rs"]
mod roster;
mod scenario;
mod subject;
mod sync;

mod no_note {
    include!(concat!(env!("OUT_DIR"), "/room_no_note.rs"));
}
mod check_then_act {
    include!(concat!(env!("OUT_DIR"), "/room_check_then_act.rs"));
}
mod locks_reversed {
    include!(concat!(env!("OUT_DIR"), "/room_locks_reversed.rs"));
}

use std::panic::{AssertUnwindSafe, catch_unwind};

use scenario::{Fake, Scenario, explore};

/// How many schedules each test of the real room explores; there are five such tests.
const SCHEDULES: usize = 25_000;

/// Everyone speaks at once and sockets fall short, but nobody goes.
const SPEAKERS: Scenario = Scenario { speakers: 3, ..QUIET };

/// Peers come and go, and sockets break, while others speak.
const DEPARTURES: Scenario =
    Scenario { speakers: 2, leaver: true, joiner: true, failing: true, ..QUIET };

/// The room is closed while others speak, and one goes.
const CLOSING: Scenario = Scenario { speakers: 2, leaver: true, closing: true, ..QUIET };

/// Nothing happens.
const QUIET: Scenario =
    Scenario { speakers: 0, leaver: false, joiner: false, failing: false, closing: false };

#[test]
fn nothing_is_stranded_whoever_speaks() {
    shuttle::check_random(|| explore::<room::Room<Fake>>(SPEAKERS), SCHEDULES);
}

#[test]
fn nothing_is_stranded_under_rare_preemptions() {
    shuttle::check_pct(|| explore::<room::Room<Fake>>(SPEAKERS), SCHEDULES, 3);
}

#[test]
fn records_go_exactly_once() {
    shuttle::check_random(|| explore::<room::Room<Fake>>(DEPARTURES), SCHEDULES);
}

#[test]
fn records_go_exactly_once_under_rare_preemptions() {
    shuttle::check_pct(|| explore::<room::Room<Fake>>(DEPARTURES), SCHEDULES, 3);
}

#[test]
fn closing_takes_everyone_along() {
    shuttle::check_random(|| explore::<room::Room<Fake>>(CLOSING), SCHEDULES);
}

/// What the checker says of a faulty room; fails if it finds nothing.
fn found(explore: impl Fn() + Send + Sync + 'static) -> String {
    let checked = catch_unwind(AssertUnwindSafe(|| shuttle::check_random(explore, SCHEDULES)));
    let panic = checked.expect_err("the checker should have found the planted fault");
    let message = panic.downcast_ref::<String>().cloned();
    message.or(panic.downcast_ref::<&str>().map(|&text| text.to_owned())).unwrap_or_default()
}

#[test]
fn a_missing_note_is_found() {
    let message = found(|| explore::<no_note::Room<Fake>>(SPEAKERS));
    assert!(message.contains("stranded"), "found something else: {message}");
}

#[test]
fn check_then_act_on_a_record_is_found() {
    found(|| explore::<check_then_act::Room<Fake>>(DEPARTURES));
}

#[test]
fn reversed_locks_are_found() {
    let message = found(|| explore::<locks_reversed::Room<Fake>>(SPEAKERS));
    assert!(message.contains("deadlock"), "found something else: {message}");
}
