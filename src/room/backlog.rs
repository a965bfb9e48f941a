//! The backlog: batches that some peer has not taken yet, kept once for all laggards.
//!
//! Everything the room ever says is one stream, and its positions are numbered from 0. A batch
//! takes up as many positions as it takes bytes of memory, its text first: so the distance between
//! two positions is the memory between them. A laggard is a position in that stream and nothing
//! more, so a thousand of them need no more memory than one.
//!
//! A leaf: plain data, nothing shared.

use std::collections::VecDeque;
use std::sync::Arc;

use super::batch::Batch;

/// How many batches [`Backlog::range`] returns at the most: the list is memory for one laggard.
const MOST: usize = 512;

/// The part of the stream that some laggard still needs.
#[derive(Debug, Default)]
pub(crate) struct Backlog {
    entries: VecDeque<Entry>,
    end: u64,
}

/// A batch with its place in the stream.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The position of the first byte of the batch's text.
    pub start: u64,
    /// The lines.
    pub batch: Arc<Batch>,
}

impl Entry {
    /// The position behind the batch.
    pub fn end(&self) -> u64 {
        self.start + self.batch.size() as u64
    }
}

impl Backlog {
    /// The position behind everything said so far.
    pub(crate) fn end(&self) -> u64 {
        self.end
    }

    /// Moves the end of the stream behind `batch`, and keeps the batch.
    pub(crate) fn advance(&mut self, batch: &Arc<Batch>) {
        let entry = Entry { start: self.end, batch: Arc::clone(batch) };
        self.end = entry.end();
        self.entries.push_back(entry);
    }

    /// Forgets what lies before `position`: the laggard furthest behind stands there.
    pub(crate) fn trim(&mut self, position: u64) {
        while self.entries.front().is_some_and(|entry| entry.end() <= position) {
            self.entries.pop_front();
        }
        if self.entries.is_empty() {
            self.entries = VecDeque::new();
        }
    }

    /// The batches from `position` up to `until`: about `limit` bytes of them, but at least one.
    pub(crate) fn range(&self, position: u64, until: u64, limit: u64) -> Vec<Entry> {
        let first = self.entries.partition_point(|entry| entry.end() <= position);
        let last = until.min(position.saturating_add(limit));
        let wanted = self.entries.range(first..).take(MOST);
        wanted.take_while(|entry| entry.start < last).cloned().collect()
    }
}
