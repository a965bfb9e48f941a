//! What the program says on stderr, written by a thread of its own.
//!
//! Stderr may be a pipe that nobody reads, and then a write to it waits for ever. So nothing that
//! matters writes to it: texts go into a queue, and those that do not fit are counted instead. With
//! `RUST_LOG=trace` there is no queue, so that the order of what the threads do stays visible; then a
//! slow stderr does slow the chat down.

use std::io::{self, Write};
use std::os::fd::AsFd;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::retry_on_intr;

/// How many texts may wait to be written.
const WAITING: usize = 1024;

/// How long the start of a server and the end of the program wait until all is written, and how long
/// for a stream that takes nothing. On a busy machine the thread that writes may be late.
const PATIENCE: Duration = Duration::from_secs(1);
const STUCK: Duration = Duration::from_millis(300);

/// What the writing thread is asked for.
enum Task {
    Write(Vec<u8>),
    /// Drop this: it tells that everything before it is written.
    Reached(#[expect(dead_code, reason = "it is only dropped")] Sender<()>),
}

/// To the writing thread, once there is one.
static TASKS: OnceLock<Sender<Task>> = OnceLock::new();

/// How many texts did not fit since the last one that did.
static SKIPPED: AtomicU64 = AtomicU64::new(0);

/// Starts the writing thread. Without it, texts are written directly.
pub(crate) fn start_thread() {
    let (sender, tasks) = crossbeam_channel::bounded(WAITING);
    let started = thread::Builder::new()
        .name("stderr".to_owned())
        .spawn(move || write_all(&tasks, &SKIPPED, &mut io::stderr()));
    if started.is_ok() {
        TASKS.get_or_init(|| sender);
    }
}

/// Writes a line, or queues it.
pub(crate) fn say(line: &str) {
    put(format!("{line}\n").into_bytes());
}

/// Writes a line, and waits for it where stderr takes it: on a terminal, what is printed on stdout
/// afterwards stands below it.
pub(crate) fn say_in_order(line: &str) {
    say(line);
    if takes_something(&io::stderr()) {
        flush();
    }
}

/// Waits until what was said is written, but not for long: nobody may read it.
pub(crate) fn flush() {
    let Some(tasks) = TASKS.get() else { return };
    let (reached, written) = crossbeam_channel::bounded(0);
    if tasks.send_timeout(Task::Reached(reached), STUCK).is_ok() {
        wait_for(&written, io::stderr());
    }
}

/// Waits for the end of a thread that writes to `out`, or another news of it.
pub(crate) fn wait_for<T>(news: &Receiver<T>, out: impl AsFd) {
    let deadline = Instant::now() + PATIENCE;
    while news.recv_timeout(STUCK).is_err_and(|error| error.is_timeout())
        && takes_something(&out)
        && Instant::now() < deadline
    {}
}

/// Whether a write does something at once, if only fail.
fn takes_something(out: &impl AsFd) -> bool {
    let mut events = [PollFd::new(out, PollFlags::OUT)];
    let ready = retry_on_intr(|| poll(&mut events, Some(&Timespec::default())));
    ready.is_ok_and(|ready| ready > 0)
}

fn put(text: Vec<u8>) {
    match TASKS.get() {
        None => write(&text, &mut io::stderr()),
        Some(tasks) if tasks.try_send(Task::Write(text)).is_ok() => {}
        Some(_) => _ = SKIPPED.fetch_add(1, Relaxed),
    }
}

/// The writing thread.
fn write_all(tasks: &Receiver<Task>, skipped: &AtomicU64, out: &mut dyn Write) {
    for task in tasks {
        if let Task::Write(text) = task {
            write(&text, out);
        }
        let notice = match skipped.swap(0, Relaxed) {
            0 => continue,
            1 => "* 1 message skipped: stderr is too slow\n".to_owned(),
            many => format!("* {many} messages skipped: stderr is too slow\n"),
        };
        write(notice.as_bytes(), out);
    }
}

fn write(text: &[u8], out: &mut dyn Write) {
    // It may be closed or full. There is no other place to say so.
    let _ = out.write_all(text);
}

#[cfg(test)]
mod tests {
    use super::{AtomicU64, Task, write_all};

    #[test]
    fn what_was_skipped_is_counted_once() {
        let (sender, tasks) = crossbeam_channel::unbounded();
        for text in ["one\n", "two\n"] {
            sender.send(Task::Write(text.into())).expect("the receiver is here");
        }
        drop(sender);
        let mut out = Vec::new();
        write_all(&tasks, &AtomicU64::new(2), &mut out);
        let text = String::from_utf8(out).expect("only text was written");
        assert_eq!(text, "one\n* 2 messages skipped: stderr is too slow\ntwo\n");
    }
}
