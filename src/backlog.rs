//! The backlog: batches that some peer has not taken yet, kept once for all laggards.
//!
//! Everything the room ever says is one stream of bytes, numbered from 0. A laggard is a position
//! in that stream and nothing more, so a thousand of them need no more memory than one.
//!
//! A leaf: plain data, nothing shared.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::batch::Batch;

/// How many batches [`Backlog::from`] returns at the most: a list of them is memory for one laggard.
const MOST: usize = 512;

/// The part of the stream that somebody still needs.
#[derive(Debug, Default)]
pub struct Backlog {
    batches: VecDeque<Kept>,
    end: u64,
}

/// A batch with its place in the stream.
#[derive(Clone, Debug)]
pub struct Kept {
    /// The position of the batch's first byte.
    pub start: u64,
    /// What was said.
    pub batch: Arc<Batch>,
}

impl Kept {
    /// The position behind the batch's last byte.
    pub fn end(&self) -> u64 {
        self.start + self.batch.text().len() as u64
    }
}

impl Backlog {
    /// The position behind everything said so far.
    pub fn end(&self) -> u64 {
        self.end
    }

    /// Moves the end of the stream behind `batch`, and keeps it if somebody `lags`.
    pub fn advance(&mut self, batch: &Arc<Batch>, lags: bool) {
        let start = self.end;
        self.end += batch.text().len() as u64;
        if lags {
            self.batches.push_back(Kept { start, batch: Arc::clone(batch) });
        }
    }

    /// Forgets what lies before `position`: the laggard furthest behind stands there.
    pub fn trim(&mut self, position: u64) {
        while self.batches.front().is_some_and(|kept| kept.end() <= position) {
            self.batches.pop_front();
        }
        if self.batches.is_empty() {
            self.batches = VecDeque::new();
        }
    }

    /// The batches from `position` on, up to about `limit` bytes of them, but at least one.
    pub fn from(&self, position: u64, limit: u64) -> Vec<Kept> {
        let first = self.batches.partition_point(|kept| kept.end() <= position);
        let wanted = self.batches.range(first..).take(MOST);
        wanted.take_while(|kept| kept.start < position + limit).cloned().collect()
    }
}
