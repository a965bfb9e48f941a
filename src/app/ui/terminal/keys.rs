//! The thread `keys`: reads the keyboard and decodes the bytes into keys.

use std::io;

use crossbeam_channel::Sender;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::{Errno, read, retry_on_intr};

use super::decoder::{Decoder, Key};

/// How long the rest of a key's sequence may take. The Escape key sends the same first byte.
const ESCAPE: Timespec = Timespec { tv_sec: 0, tv_nsec: 50_000_000 };

/// Reads keys until the terminal is closed or the thread `screen` has ended.
pub(super) fn run(keys: &Sender<Key>) {
    let mut decoder = Decoder::default();
    let mut buffer = [0; 4096];
    loop {
        if decoder.has_begun_a_key() && !is_readable(Some(&ESCAPE)) {
            decoder.forget_escape();
        }
        match read(io::stdin(), &mut buffer) {
            Ok(0) => return,
            Ok(length) => {
                decoder.feed(&buffer[..length]);
                for key in decoder.by_ref() {
                    if keys.send(key).is_err() {
                        return;
                    }
                }
            }
            Err(Errno::INTR) => {}
            // Another program uses the same terminal, and changed it: a read no longer waits.
            Err(Errno::AGAIN) => _ = is_readable(None),
            Err(_) => return,
        }
    }
}

fn is_readable(timeout: Option<&Timespec>) -> bool {
    let stdin = io::stdin();
    let mut events = [PollFd::new(&stdin, PollFlags::IN)];
    retry_on_intr(|| poll(&mut events, timeout)).is_ok_and(|ready| ready > 0)
}
