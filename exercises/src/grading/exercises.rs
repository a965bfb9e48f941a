//! The list of the exercises, as the grader needs it: it has no answers.

use super::{
    e1_remove_once, e2_prune_while_sending, e3_one_lock_order, e4_no_lost_wakeup, e5_combining,
    e6_end_blocked_threads, e7_keep_a_slow_reader, e8_say_again_show_once,
};

/// One exercise. It has a point for each of its tests.
pub struct Exercise {
    /// The name of the file of its answer, without `.rs`.
    pub file: &'static str,
    /// What each of its tests asks for.
    pub promises: &'static [&'static str],
    /// The first one says where to look, and the second one says which steps to take.
    pub hints: [&'static str; 2],
}

impl Exercise {
    /// Its name in words.
    pub fn name(&self) -> String {
        self.file.split_once('_').map_or(self.file, |(_, name)| name).replace('_', " ")
    }
}

macro_rules! exercises {
    ($($file:ident: $first:literal, $second:literal;)*) => {
        &[$(Exercise {
            file: stringify!($file),
            promises: {
                const PROMISES: [&str; $file::TESTS.len()] = {
                    let mut promises = [""; $file::TESTS.len()];
                    let mut number = 0;
                    while number < promises.len() {
                        promises[number] = $file::TESTS[number].promise;
                        number += 1;
                    }
                    promises
                };
                &PROMISES
            },
            hints: [$first, $second],
        }),*]
    };
}

/// All exercises, from the first to the last.
pub const EXERCISES: &[Exercise] = exercises! {
    e1_remove_once:
        "How often does your answer lock the roster? Each time that it unlocks it, another thread \
         may change the list.",
        "Lock the roster once, and keep the guard in a variable. Look for the record and remove it \
         before the guard goes: `iter().position(…)`, then `remove` or `swap_remove`.";
    e2_prune_while_sending:
        "The walk along the list and the removal must be one critical section. Which method of `Vec` \
         keeps some elements and drops the others?",
        "Lock the roster once. `Vec::retain_mut` calls a closure for each record, in order, and \
         removes those for which it returns `false`.";
    e3_one_lock_order:
        "Two threads that move in opposite directions must lock the same room first. `from` and `to` \
         are different for each thread. What is the same for all?",
        "Compare the two numbers, and lock the room with the lower one first, whether it is `from` or \
         `to`. Look for the peer in `from` only when you hold both locks.";
    e4_no_lost_wakeup:
        "After `wait` returns, is the list never empty? Another thread may be faster.",
        "Lock the list. While it is empty, call `wait` with that guard, and keep the guard that it \
         returns: `lines = inbox.arrived.wait(lines).unwrap()`. Then take the first line.";
    e5_combining:
        "Where can a line be left behind? Think of a thread that finds the roster locked just before \
         it is unlocked.",
        "Append the line. Then loop: is anything pending? If not, return. Try to lock the roster; if \
         that fails, return. Take all that is pending (`mem::take`), deliver it, and unlock both \
         before the next look.";
    e6_end_blocked_threads:
        "In which order? While the door is open, peers come. And a thread that ends needs the roster.",
        "Close the door, and join the acceptor. Then, under the lock of the roster, send the farewell \
         to each socket and shut it. Unlock, take the sessions out (`mem::take`), and join them.";
    e7_keep_a_slow_reader:
        "Clone the `Arc` of the socket, so that you can send after the room is unlocked. What may have \
         changed in the room when you lock it again?",
        "Loop: lock the room and look up the peer. If it is gone, return; if it has every line, set \
         `behind` to `None` and return. Else take the line and the socket, unlock, and send. Lock \
         again: remove the record if the send failed, or else note the next number.";
    e8_say_again_show_once:
        "What does the client have to remember when the connection breaks: which of its own lines, and \
         what about the lines of others?",
        "First say all of `unconfirmed` again. Then answer each event. Typed: count, say, and keep the \
         line. Confirmed: take that line out. Heard: confirm it always, and show it only if its number \
         is higher than `last_shown` of its sender.";
};
