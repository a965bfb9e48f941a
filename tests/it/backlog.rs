//! The backlog, compared with the most naive one: a stream that keeps everything.

use std::sync::Arc;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;
use tcp_chat::backlog::Backlog;
use tcp_chat::batch::Batch;

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..Default::default() })]

    #[test]
    fn the_backlog_keeps_what_a_laggard_needs(
        steps in vec((0..4_u8, 1..50_usize, any::<Index>()), 0..60),
    ) {
        let mut backlog = Backlog::default();
        // All that was ever said, and from where on it must be kept.
        let mut stream: Vec<u8> = Vec::new();
        let mut lag: Option<usize> = None;
        for (number, (step, length, index)) in steps.into_iter().enumerate() {
            if step == 0 {
                // The laggard furthest behind takes something, perhaps all.
                lag = lag.map(|lag| lag + index.index(stream.len() - lag + 1))
                    .filter(|&lag| lag < stream.len());
                backlog.trim(lag.unwrap_or(stream.len()) as u64);
            } else {
                let line = format!("{number}").repeat(length);
                let mut batch = Batch::default();
                batch.say(0, |out| out.extend_from_slice(line.as_bytes()));
                // Somebody falls behind with this very batch, if nobody was behind before.
                lag = lag.or((step == 1).then(|| stream.len() + index.index(batch.text().len())));
                stream.extend_from_slice(batch.text());
                backlog.advance(&Arc::new(batch), lag.is_some());
            }
            prop_assert_eq!(backlog.end(), stream.len() as u64);
            let kept = backlog.from(0, u64::MAX / 2);
            let Some(lag) = lag else {
                prop_assert!(kept.is_empty(), "kept for nobody");
                continue;
            };
            prop_assert!(kept[0].end() > lag as u64, "kept what nobody needs");
            let position = lag + index.index(stream.len() - lag);
            let limit = 1 + length as u64 * 4;
            let mut owed = position as u64;
            for (number, kept) in backlog.from(position as u64, limit).iter().enumerate() {
                prop_assert!(kept.start == owed || number == 0 && kept.start < owed, "a gap");
                prop_assert!(kept.start < position as u64 + limit, "more than asked for");
                let start = usize::try_from(kept.start).unwrap();
                prop_assert_eq!(kept.batch.text(), &stream[start..start + kept.batch.text().len()]);
                owed = kept.end();
            }
            let enough = (position as u64 + limit).min(stream.len() as u64);
            prop_assert!(owed >= enough, "{} of {}", owed, enough);
        }
    }
}
