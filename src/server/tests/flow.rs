//! How long speakers wait: the budget of the room, the credit and the pace of each speaker.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};
use std::{array, iter, thread};

use crossbeam_channel::unbounded;

use crate::room_tests::roster::Fake;
use crate::server::flow::{Allowance, Budget, Credit, Flow, Pace};

/// Compares per second, burst, and left.
fn assert_is(allowance: &Allowance, expected: [f64; 3]) {
    let found = [allowance.per_second, allowance.burst, allowance.left];
    let mut pairs = found.iter().zip(&expected);
    assert!(pairs.all(|(found, expected)| (found - expected).abs() < 0.5), "{found:?}");
}

#[test]
fn an_allowance_grows_with_time_up_to_a_limit() {
    let mut allowance = Allowance::new(0.01, 10.0, -1.0);
    for most in [4.0, 9.0, 10.0, 10.0] {
        let past = allowance.counted.checked_sub(Duration::from_secs(500));
        allowance.counted = past.expect("the clock has run for so long");
        let left = allowance.left();
        assert!((most..most + 0.9).contains(&left), "{left} instead of {most}");
    }
}

#[test]
fn all_together_have_256_kib_per_second() {
    let mut budget = Flow::new(Budget::of_room()).queue.into_inner().budget;
    assert_is(&budget.allowance, [256.0, 64.0, 64.0].map(|kib| kib * 1024.0));
    budget.allowance.per_second = 0.0;
    assert!(budget.charge(0));
    assert!(budget.charge(64 * 1024 - 1));
    assert!(budget.charge(64 * 1024 - 1), "nothing was said meanwhile");
    assert!(!budget.charge(64 * 1024), "nothing is left");
    assert!(!budget.charge(1 << 40));
    // The debt has a limit.
    assert_is(&budget.allowance, [0.0, 64.0, -64.0].map(|kib| kib * 1024.0));
}

#[test]
fn a_peer_that_says_little_has_1_kib_per_second() {
    let mut credit = Credit::new();
    assert_is(&credit.0, [1024.0, 4096.0, 0.0]);
    credit.0.per_second = 0.0;
    credit.0.left = 100.0;
    assert!(credit.spend(40));
    assert!(credit.spend(60));
    assert!(!credit.spend(1));
    credit.0.left = 100.0;
    assert!(!credit.spend(101));
    // There are no debts.
    assert_is(&credit.0, [0.0, 4096.0, 0.0]);
}

#[test]
fn a_pace_lets_the_lines_of_one_second_pass_at_once() {
    let mut pace = Pace::new(4.0);
    assert_eq!(array::from_fn(|_| pace.next()), [Duration::ZERO; 4]);
    let mut pace = Pace::new(0.01);
    let waits = array::from_fn(|_| pace.next().as_secs());
    let [0, 99 | 100, 199 | 200] = waits else { panic!("{waits:?}") };
}

/// A speaker whose connection holds, and a credit that covers nothing.
fn speaker() -> (Arc<Fake>, Credit) {
    (Arc::default(), Credit::new())
}

/// A budget that is spent after the first bytes, and does not grow.
fn spent() -> Budget {
    Budget::new(0.0, 1.0)
}

#[test]
fn speakers_wait_only_while_a_reader_is_overrun() {
    let flow = Flow::new(spent());
    let (socket, mut credit) = speaker();
    assert!(flow.wait(1 << 20, &mut credit, &*socket));
    flow.set_overrun(true);
    // What was said before counts, so nothing is left. If the connection ends, nothing is said.
    socket.broken.store(true, Relaxed);
    assert!(!flow.wait(5000, &mut credit, &*socket));
    assert_eq!(socket.waited.load(Relaxed), 1);
    // One with credit does not wait, and neither does anybody when no reader is overrun.
    credit.0.left = 100.0;
    assert!(flow.wait(100, &mut credit, &*socket));
    flow.set_overrun(false);
    assert!(flow.wait(5000, &mut credit, &*socket));
    assert_eq!(socket.waited.load(Relaxed), 1);
}

#[test]
fn the_budget_lets_speakers_pass_in_time() {
    let flow = Flow::new(Budget::new(100_000.0, 1000.0));
    let (socket, mut credit) = speaker();
    flow.set_overrun(true);
    let begin = Instant::now();
    // The burst, and then a tenth of a second for what is spent.
    assert!(iter::repeat_n(5000, 3).all(|bytes| flow.wait(bytes, &mut credit, &*socket)));
    assert!(begin.elapsed() >= Duration::from_millis(20), "a debt of a burst was paid twice");
    assert!(socket.waited.load(Relaxed) > 0);
    assert_eq!(flow.said.load(Relaxed), 15_000, "the next speaker pays for it");
}

#[test]
fn a_line_waits_until_it_is_due() {
    let (flow, socket, mut pace) = (Flow::new(spent()), speaker().0, Pace::new(2.0));
    let begin = Instant::now();
    assert!((0..3).all(|_| flow.wait_until_due(&mut pace, &*socket)));
    let took = begin.elapsed();
    assert!(took > Duration::from_millis(400), "the third line of a second waited {took:?}");
    // If the connection ends first, the line is lost.
    socket.broken.store(true, Relaxed);
    assert!(!flow.wait_until_due(&mut pace, &*socket));
}

/// A turn must lose little time: otherwise all together could say less than the budget allows.
#[test]
fn many_short_turns_use_the_budget() {
    let flow = Flow::new(Budget::new(1_000_000.0, 1000.0));
    let (socket, mut credit) = speaker();
    flow.set_overrun(true);
    let begin = Instant::now();
    assert!(iter::repeat_n(1000, 100).all(|bytes| flow.wait(bytes, &mut credit, &*socket)));
    // A tenth of a second, and more on a busy machine. With rests of 100 ms it would be ten seconds.
    assert!(begin.elapsed() < Duration::from_secs(5), "{:?}", begin.elapsed());
}

/// Waits until so many speakers stand in the queue.
fn await_queue(flow: &Flow, length: usize) {
    while flow.queue.lock().waiting.len() != length {
        thread::yield_now();
    }
}

#[test]
fn speakers_pass_in_the_order_in_which_they_came() {
    let flow = Flow::new(spent());
    flow.set_overrun(true);
    let give_a_turn = || {
        let mut queue = flow.queue.lock();
        // What was said before is paid for.
        queue.budget.charge(flow.said.load(Relaxed));
        queue.budget.allowance.left = 1.0;
    };
    let (passed, passes) = unbounded();
    let sockets: [Arc<Fake>; 4] = array::from_fn(|_| speaker().0);
    thread::scope(|scope| {
        assert!(flow.wait(5000, &mut Credit::new(), &*speaker().0), "the burst");
        for (number, socket) in sockets.iter().enumerate() {
            let (flow, passed) = (&flow, passed.clone());
            scope.spawn(move || {
                let may = flow.wait(5000, &mut Credit::new(), &**socket);
                passed.send((number, may)).expect("the test waits");
            });
            await_queue(flow, number + 1);
        }
        // The connection of a speaker ends while it waits behind others: it does not wait on.
        sockets[2].broken.store(true, Relaxed);
        assert_eq!(passes.recv(), Ok((2, false)));
        // So does that of the head, and the next one becomes the head.
        sockets[0].broken.store(true, Relaxed);
        assert_eq!(passes.recv(), Ok((0, false)));
        await_queue(&flow, 2);
        // A turn for the head alone, and then for the next one.
        give_a_turn();
        assert_eq!(passes.recv(), Ok((1, true)));
        assert!(passes.try_recv().is_err(), "nothing is left for it");
        give_a_turn();
        assert_eq!(passes.recv(), Ok((3, true)));
    });
}

#[test]
fn nobody_waits_when_the_room_is_closed() {
    let flow = Flow::new(spent());
    flow.set_overrun(true);
    let socket = speaker().0;
    thread::scope(|scope| {
        assert!(flow.wait(5000, &mut Credit::new(), &*speaker().0), "the burst");
        for number in 1..=3 {
            scope.spawn(|| assert!(flow.wait(5000, &mut Credit::new(), &*speaker().0)));
            await_queue(&flow, number);
        }
        scope.spawn(|| {
            let mut pace = Pace::new(0.001);
            let [first, second] = array::from_fn(|_| flow.wait_until_due(&mut pace, &*socket));
            assert!(first && second);
        });
        while socket.waited.load(Relaxed) < 4 {
            thread::yield_now();
        }
        flow.close();
    });
}
