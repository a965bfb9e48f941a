//! The backlog: the batches that some peer has not taken yet, kept once for all peers.
//!
//! All messages of the room are one stream, with positions from 0. A batch of `size()` bytes of memory
//! takes `size()` positions: first its text, then its bookkeeping. So the distance between two
//! positions is the memory between them. A peer that is behind is a position in this stream: a thousand such peers need no
//! more memory than one.
//!
//! Plain data: no lock is taken here.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::protocol::Batch;

/// How many batches [`Backlog::range`] returns at most, so that the list for each peer stays short. A
/// thousand laggards, each with a list of a million short lines, would need more memory than the lines.
const RANGE_BATCHES: usize = 512;

/// The part of the stream that some peer still needs.
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
    /// The position after the batch.
    pub fn end(&self) -> u64 {
        self.start + self.batch.size() as u64
    }
}

impl Backlog {
    /// The end of the stream.
    pub(crate) fn end(&self) -> u64 {
        self.end
    }

    /// Adds a batch at the end of the stream.
    pub(crate) fn advance(&mut self, batch: &Arc<Batch>) {
        let entry = Entry { start: self.end, batch: Arc::clone(batch) };
        self.end = entry.end();
        self.entries.push_back(entry);
    }

    /// Forgets everything before `position`.
    pub(crate) fn trim(&mut self, position: u64) {
        while self.entries.front().is_some_and(|entry| entry.end() <= position) {
            self.entries.pop_front();
        }
        if self.entries.is_empty() {
            // This gives the memory of the list back: after a flood it may be a megabyte.
            self.entries = VecDeque::new();
        }
    }

    /// The batches from `position` up to `until`: about `limit` bytes of them, but at least one.
    pub(crate) fn range(&self, position: u64, until: u64, limit: u64) -> Vec<Entry> {
        let first = self.entries.partition_point(|entry| entry.end() <= position);
        let last = until.min(position.saturating_add(limit));
        let wanted = self.entries.range(first..).take(RANGE_BATCHES);
        wanted.take_while(|entry| entry.start < last).cloned().collect()
    }
}
