//! The thread `keys`: reads the keyboard and decodes the bytes into keys.

use std::time::Instant;

use crossbeam_channel::Sender;

use super::decoder::{Decoder, Key};
use crate::app::streams;

/// Reads keys until the terminal is closed or the thread `screen` has ended.
pub(super) fn run(keys: &Sender<Key>) {
    let mut decoder = Decoder::default();
    let mut buffer = [0; 4096];
    loop {
        let from = Instant::now();
        let Ok(length @ 1..) = streams::read(&mut buffer) else { return };
        let mut decoded = decoder.feed(&buffer[..length], from.elapsed()).into_iter();
        if !decoded.all(|key| keys.send(key).is_ok()) {
            return;
        }
    }
}
