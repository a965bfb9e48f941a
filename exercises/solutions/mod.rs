//! One answer for each exercise. Try yours before you read it: other answers are right as well.

pub mod e1_remove_once;
pub mod e2_prune_while_sending;
pub mod e3_one_lock_order;
pub mod e4_no_lost_wakeup;
pub mod e5_combining;
pub mod e6_end_blocked_threads;
pub mod e7_keep_a_slow_reader;
pub mod e8_say_again_show_once;
