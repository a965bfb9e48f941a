//! Wrong answers to exercise 4.

use std::time::Duration;

use exercises::given::e4::Inbox;
use exercises::sync::thread;

pub(crate) fn if_for_while(inbox: &Inbox) -> String {
    let mut lines = inbox.lines.lock().unwrap();
    if lines.is_empty() {
        lines = inbox.arrived.wait(lines).unwrap();
    }
    lines.pop_front().unwrap()
}

/// Between the look and `wait` the list is unlocked.
pub(crate) fn unlocks_before_waiting(inbox: &Inbox) -> String {
    loop {
        if let Some(line) = inbox.lines.lock().unwrap().pop_front() {
            return line;
        }
        drop(inbox.arrived.wait(inbox.lines.lock().unwrap()).unwrap());
    }
}

pub(crate) fn waits_first(inbox: &Inbox) -> String {
    let mut lines = inbox.lines.lock().unwrap();
    loop {
        lines = inbox.arrived.wait(lines).unwrap();
        if let Some(line) = lines.pop_front() {
            return line;
        }
    }
}

pub(crate) fn spins(inbox: &Inbox) -> String {
    loop {
        if let Some(line) = inbox.lines.lock().unwrap().pop_front() {
            return line;
        }
    }
}

pub(crate) fn sleeps_and_looks(inbox: &Inbox) -> String {
    loop {
        if let Some(line) = inbox.lines.lock().unwrap().pop_front() {
            return line;
        }
        thread::sleep(Duration::from_millis(1));
    }
}

pub(crate) fn newest_first(inbox: &Inbox) -> String {
    let lines = inbox.lines.lock().unwrap();
    let mut lines = inbox.arrived.wait_while(lines, |lines| lines.is_empty()).unwrap();
    lines.pop_back().unwrap()
}

pub(crate) fn gives_up(inbox: &Inbox) -> String {
    inbox.lines.lock().unwrap().pop_front().unwrap_or_default()
}

/// Two guards: one for the look, and one for `wait`.
pub(crate) fn looks_with_another_guard(inbox: &Inbox) -> String {
    while inbox.lines.lock().unwrap().is_empty() {
        let lines = inbox.lines.lock().unwrap();
        drop(inbox.arrived.wait(lines).unwrap());
    }
    inbox.lines.lock().unwrap().pop_front().unwrap_or_default()
}

/// Two threads that find nothing wake each other again and again.
pub(crate) fn wakes_the_others(inbox: &Inbox) -> String {
    let mut lines = inbox.lines.lock().unwrap();
    while lines.is_empty() {
        inbox.arrived.notify_one();
        lines = inbox.arrived.wait(lines).unwrap();
    }
    lines.pop_front().unwrap()
}

pub(crate) fn takes_all(inbox: &Inbox) -> String {
    let mut lines = inbox.lines.lock().unwrap();
    while lines.is_empty() {
        lines = inbox.arrived.wait(lines).unwrap();
    }
    std::mem::take(&mut *lines).into_iter().next().unwrap()
}

/// The order is right only for a thread that need not sleep.
pub(crate) fn newest_after_a_sleep(inbox: &Inbox) -> String {
    let mut lines = inbox.lines.lock().unwrap();
    if let Some(line) = lines.pop_front() {
        return line;
    }
    while lines.is_empty() {
        lines = inbox.arrived.wait(lines).unwrap();
    }
    lines.pop_back().unwrap()
}

pub(crate) fn leaves_it_there(inbox: &Inbox) -> String {
    let lines = inbox.lines.lock().unwrap();
    let lines = inbox.arrived.wait_while(lines, |lines| lines.is_empty()).unwrap();
    lines.front().unwrap().clone()
}

/// The look and the line have two guards: another thread may take the line in between.
pub(crate) fn unlocks_after_the_look(inbox: &Inbox) -> String {
    let lines = inbox.lines.lock().unwrap();
    drop(inbox.arrived.wait_while(lines, |lines| lines.is_empty()).unwrap());
    inbox.lines.lock().unwrap().pop_front().unwrap()
}
