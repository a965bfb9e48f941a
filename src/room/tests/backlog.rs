//! The backlog, compared with the most naive one: a list that keeps everything.

use std::sync::Arc;

use crate::protocol::Batch;
use crate::room::backlog::Backlog;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..Default::default() })]

    #[test]
    fn the_backlog_keeps_what_a_peer_still_needs(
        steps in vec((0..4_u8, 1..50_usize, any::<Index>()), 0..60),
    ) {
        let mut backlog = Backlog::default();
        // All batches with their places, and the position from which on they must be kept.
        let mut all: Vec<(u64, Arc<Batch>)> = Vec::new();
        let mut end = 0;
        let mut lag: Option<u64> = None;
        for (number, (step, length, index)) in steps.into_iter().enumerate() {
            let between = |from: u64, to: u64| {
                from + index.index(usize::try_from(to - from).expect("a small number") + 1) as u64
            };
            if step == 0 {
                // The laggard furthest behind takes something, perhaps all.
                lag = lag.map(|lag| between(lag, end)).filter(|&lag| lag < end);
                backlog.trim(lag.unwrap_or(end));
            } else {
                let line = format!("{number}").repeat(length);
                let mut batch = Batch::default();
                batch.say(0, |out| out.extend_from_slice(line.as_bytes()));
                let batch = Arc::new(batch);
                // A peer falls behind with this very batch, if none was behind before.
                lag = lag.or((step == 1).then(|| between(end, end + line.len() as u64)));
                all.push((end, Arc::clone(&batch)));
                end += batch.size() as u64;
                backlog.advance(&batch);
                if lag.is_none() {
                    backlog.trim(end);
                }
            }
            prop_assert_eq!(backlog.end(), end);
            let Some(lag) = lag else {
                prop_assert!(backlog.range(0, end, u64::MAX).is_empty(), "kept, and not needed");
                continue;
            };
            let position = between(lag, end - 1);
            let until = between(position, end);
            let limit = 1 + length as u64 * 50;
            let last = until.min(position + limit);
            let needed = all.iter().filter(|(start, batch)| {
                start + batch.size() as u64 > position && *start < last
            });
            let needed: Vec<_> =
                needed.map(|(start, batch)| (*start, batch.text().to_vec())).collect();
            let found = backlog.range(position, until, limit);
            let found: Vec<_> =
                found.iter().map(|entry| (entry.start, entry.batch.text().to_vec())).collect();
            prop_assert_eq!(found, needed);
        }
    }
}
