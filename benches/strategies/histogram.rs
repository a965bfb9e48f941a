//! Latencies in buckets of about 3 % width. To record one costs a few instructions and no memory,
//! so the measurement does not change its own result.

use std::time::Duration;

/// Each power of two is split into `1 << SPLIT_BITS` buckets.
const SPLIT_BITS: u32 = 5;
const SPLIT: u64 = 1 << SPLIT_BITS;

pub(crate) struct Histogram {
    buckets: Vec<u64>,
    count: u64,
}

impl Histogram {
    pub(crate) fn new() -> Self {
        Self { buckets: vec![0; bucket_of(u64::MAX) + 1], count: 0 }
    }

    pub(crate) fn record(&mut self, latency: Duration) {
        let nanos = u64::try_from(latency.as_nanos()).unwrap_or(u64::MAX);
        self.buckets[bucket_of(nanos)] += 1;
        self.count += 1;
    }

    /// The latency that the given share (0 to 1) of the samples does not exceed. None without
    /// samples.
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "sample counts are far below 2^52 and a rank is neither negative nor exact"
    )]
    pub(crate) fn quantile(&self, share: f64) -> Option<Duration> {
        let rank = ((self.count as f64 * share).ceil() as u64).max(1);
        let mut seen = 0;
        let bucket = self.buckets.iter().position(|&samples| {
            seen += samples;
            seen >= rank
        })?;
        Some(Duration::from_nanos(lower_bound(bucket)))
    }
}

fn bucket_of(nanos: u64) -> usize {
    let value = nanos.max(SPLIT);
    let exponent = value.ilog2() - SPLIT_BITS;
    let bucket = u64::from(exponent) * SPLIT + (value >> exponent);
    usize::try_from(bucket - SPLIT).expect("there are fewer than 2048 buckets")
}

fn lower_bound(bucket: usize) -> u64 {
    let bucket = bucket as u64;
    (SPLIT + bucket % SPLIT) << (bucket / SPLIT)
}
