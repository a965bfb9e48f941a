//! Wrong answers, and right ones that differ from the solutions.
#![allow(clippy::all, clippy::pedantic, reason = "these are mistakes")]

pub(crate) mod e1_remove_once;
pub(crate) mod e2_prune_while_sending;
pub(crate) mod e3_one_lock_order;
pub(crate) mod e4_no_lost_wakeup;
pub(crate) mod e5_combining;
pub(crate) mod e6_end_blocked_threads;
pub(crate) mod e7_keep_a_slow_reader;
pub(crate) mod e8_say_again_show_once;
pub(crate) mod right;
