//! The thread `keys`: reads the keyboard and decodes the bytes into keys.

use std::io;

use crossbeam_channel::Sender;
use rustix::event::{PollFlags, Timespec};

use super::decoder::{Decoder, Key};
use crate::app::streams;

/// How long the rest of a key's sequence may take. The Escape key sends the same first byte.
const ESCAPE: Timespec = Timespec { tv_sec: 0, tv_nsec: 50_000_000 };

/// Reads keys until the terminal is closed or the thread `screen` has ended.
pub(super) fn run(keys: &Sender<Key>) {
    let mut decoder = Decoder::default();
    let mut buffer = [0; 4096];
    loop {
        if decoder.has_begun_a_key()
            && !streams::is_ready(&io::stdin(), PollFlags::IN, Some(&ESCAPE))
        {
            decoder.forget_escape();
        }
        match streams::read(&mut buffer) {
            Ok(0) | Err(_) => return,
            Ok(length) => {
                decoder.feed(&buffer[..length]);
                if !decoder.by_ref().all(|key| keys.send(key).is_ok()) {
                    return;
                }
            }
        }
    }
}
