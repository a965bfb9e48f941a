//! The nice value that `SCHED_BATCH` comes with.

use crate::server::placement::with_nice;

#[test]
fn each_nice_value_can_be_kept() {
    for nice in -20..=19 {
        assert!(with_nice(nice).is_some(), "{nice}");
    }
    assert!(with_nice(20).is_none());
}
