//! The program's messages on stderr, written by a thread of their own.
//!
//! Stderr may be a pipe without a reader, and then a write waits for ever. So no important thread
//! writes to stderr. Messages go into a queue. Messages that do not fit are only counted. With
//! `RUST_LOG=trace` there is no queue, so that the messages show the real order of the threads'
//! steps. Then a slow stderr slows the chat down.

use std::io::{self, Write};
use std::os::fd::AsFd;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender};
use rustix::event::{PollFlags, Timespec};
use tcp_chat::protocol;

use super::streams::{self, Out};

/// How many messages may wait to be written.
const WAITING: usize = 1024;

/// How long the start of a server and the end of the program wait for the queue, and how long they
/// wait for a stream that takes nothing. On a busy machine the writing thread may be late.
const PATIENCE: Duration = Duration::from_secs(1);
const STUCK: Duration = Duration::from_millis(300);

/// A text for the writing thread, and perhaps a sender. The thread drops the sender when everything up
/// to here is written.
type Task = (Vec<u8>, Option<Sender<()>>);

static TASKS: OnceLock<Sender<Task>> = OnceLock::new();

/// How many messages did not fit since the last one that fitted.
static SKIPPED: AtomicUsize = AtomicUsize::new(0);

/// Starts the writing thread. Without it, messages are written directly.
pub(crate) fn start_thread() {
    let (sender, tasks) = crossbeam_channel::bounded(WAITING);
    let started = thread::Builder::new()
        .name("stderr".to_owned())
        .spawn(move || write_all(&tasks, &SKIPPED, &mut Out(io::stderr())));
    if started.is_ok() {
        TASKS.get_or_init(|| sender);
    }
}

pub(crate) fn say(line: &str) {
    let text = format!("{line}\n").into_bytes();
    match TASKS.get() {
        // Stderr may be closed or full. No other place remains to report that.
        None => _ = Out(io::stderr()).write_all(&text),
        Some(tasks) if tasks.try_send((text, None)).is_ok() => {}
        Some(_) => _ = SKIPPED.fetch_add(1, Relaxed),
    }
}

/// Writes a message, and waits for it if stderr takes data. So later output on stdout stands below
/// it on a terminal.
pub(crate) fn say_in_order(line: &str) {
    say(line);
    if takes_something(&io::stderr()) {
        flush();
    }
}

/// Waits until all messages are written, but not for long: stderr may have no reader.
pub(crate) fn flush() {
    let Some(tasks) = TASKS.get() else { return };
    let (reached, written) = crossbeam_channel::bounded(0);
    if tasks.send_timeout((Vec::new(), Some(reached)), STUCK).is_ok() {
        wait_for(&written, io::stderr());
    }
}

/// Waits for another event of a thread that writes to `out`, or for its end.
pub(crate) fn wait_for<T>(news: &Receiver<T>, out: impl AsFd) -> Option<T> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match news.recv_timeout(STUCK) {
            Err(RecvTimeoutError::Timeout)
                if takes_something(&out) && Instant::now() < deadline => {}
            news => return news.ok(),
        }
    }
}

/// Whether a write returns at once, even if it fails.
fn takes_something(out: &impl AsFd) -> bool {
    streams::is_ready(out, PollFlags::OUT, Some(&Timespec::default()))
}

fn write_all(tasks: &Receiver<Task>, skipped: &AtomicUsize, out: &mut dyn Write) {
    for (text, _reached) in tasks {
        if out.write_all(&text).is_err() {
            skipped.fetch_add(1, Relaxed);
            continue;
        }
        let count = skipped.swap(0, Relaxed);
        let messages = protocol::counted(count, "message", "messages");
        let notice = format!("* {messages} skipped: stderr is too slow or fails\n");
        if count > 0 && out.write_all(notice.as_bytes()).is_err() {
            skipped.fetch_add(count, Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{AtomicUsize, write_all};

    #[test]
    fn skipped_messages_are_counted_once() {
        let (sender, tasks) = crossbeam_channel::unbounded();
        for text in ["one\n", "two\n"] {
            sender.send((text.into(), None)).expect("the receiver is here");
        }
        drop(sender);
        let mut out = Vec::new();
        write_all(&tasks, &AtomicUsize::new(2), &mut out);
        let text = String::from_utf8(out).expect("only text was written");
        assert_eq!(text, "one\n* 2 messages skipped: stderr is too slow or fails\ntwo\n");
    }
}
