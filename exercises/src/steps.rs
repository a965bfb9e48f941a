//! Writes down what the threads of a scenario do, so that the schedule that broke an answer can be
//! shown as a table.
//!
//! All threads of a scenario are one thread of the system, so this needs no lock. A lock would also
//! change the schedules.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::panic::Location;

use crate::schedule::{History, Step};

/// How many rows of a long schedule are shown: its end is what matters.
const ROWS: usize = 24;

/// How wide the table is.
const COLUMNS: usize = 100;

type Place = &'static Location<'static>;

enum Act {
    Locks(&'static str, Place),
    FindsLocked(&'static str, Place),
    Unlocks(&'static str),
    Sleeps(&'static str, Place),
    WakesUp(&'static str, Place),
    Notes(&'static str, Place),
    Says(String),
}

#[derive(Default)]
struct Steps {
    /// Off before the first run of a scenario, and from its first fault on.
    on: bool,
    /// Each act with its thread. 0 is the test itself.
    acts: Vec<(usize, Act)>,
    /// For each thread that does not run: words for its wait.
    waits: BTreeMap<usize, (String, Place)>,
}

thread_local! {
    static STEPS: RefCell<Steps> = RefCell::default();
}

/// Begins with an empty table.
pub(crate) fn begin() {
    STEPS.replace(Steps { on: true, ..Steps::default() });
}

/// Ends the table: something has gone wrong. If all threads wait, the table ends with their waits.
pub(crate) fn end(all_wait: bool) {
    STEPS.with_borrow_mut(|steps| {
        if std::mem::take(&mut steps.on) && all_wait {
            for (thread, (wait, place)) in std::mem::take(&mut steps.waits) {
                steps.acts.push((thread, Act::Says(format!("{wait}{}", line(place)))));
            }
        }
    });
}

fn add(act: Act) {
    let Some(thread) = shuttle::current::try_get_current_task() else { return };
    let thread = usize::from(thread);
    STEPS.with_borrow_mut(|steps| {
        if steps.on {
            steps.waits.remove(&thread);
            steps.acts.push((thread, act));
        }
    });
}

/// The thread that runs now begins to wait.
pub(crate) fn waits(wait: impl FnOnce() -> String, place: Place) {
    let Some(thread) = shuttle::current::try_get_current_task() else { return };
    STEPS.with_borrow_mut(|steps| {
        if steps.on {
            steps.waits.insert(thread.into(), (wait(), place));
        }
    });
}

pub(crate) fn wants(lock: &'static str, place: Place) {
    waits(|| format!("waits for {lock}"), place);
}

pub(crate) fn locks(lock: &'static str, place: Place) {
    add(Act::Locks(lock, place));
}

pub(crate) fn finds_locked(lock: &'static str, place: Place) {
    add(Act::FindsLocked(lock, place));
}

pub(crate) fn unlocks(lock: &'static str) {
    add(Act::Unlocks(lock));
}

/// It sleeps in `wait`, and the lock is free meanwhile.
pub(crate) fn sleeps(lock: &'static str, place: Place) {
    add(Act::Sleeps(lock, place));
    waits(|| "still sleeps".to_owned(), place);
}

pub(crate) fn wakes_up(lock: &'static str, place: Place) {
    add(Act::WakesUp(lock, place));
}

pub(crate) fn notes(what: &'static str, place: Place) {
    add(Act::Notes(what, place));
}

pub(crate) fn joins(thread: usize, place: Place) {
    add(Act::Says(format!("joins thread {thread}{}", line(place))));
}

/// Words of a test for something that the thread does.
pub(crate) fn says(what: String) {
    add(Act::Says(what));
}

/// The number of a line of the answer, and nothing for a line of the tests.
fn line(place: Place) -> String {
    let given = place.file().replace('\\', "/").contains("exercises/src/");
    if given { String::new() } else { format!(" ({})", place.line()) }
}

/// The steps of the last run, as text. Nothing if there are none.
pub(crate) fn table(fault: &str) -> Option<String> {
    STEPS.with_borrow(|steps| {
        let mut locks = Vec::new();
        let mut holders = Vec::new();
        let mut history = History::default();
        let several = steps.acts.iter().any(|(thread, _)| *thread != 0);
        for (thread, act) in &steps.acts {
            let (what, change) = act.words();
            if let Some((lock, held)) = change {
                let number = locks.iter().position(|other| *other == lock).unwrap_or(locks.len());
                if number == locks.len() {
                    locks.push(lock);
                    holders.push(None);
                }
                holders[number] = held.then_some(*thread);
            }
            // Among several threads, one that goes on without a break has one row for all of it.
            match history.steps.last_mut() {
                Some(step) if several && step.thread == *thread => {
                    let _ = write!(step.what, ", {what}");
                    step.holders.clone_from(&holders);
                }
                _ => {
                    let holders = holders.clone();
                    history.steps.push(Step { thread: *thread, what, holders });
                }
            }
        }
        let last = history.steps.iter().map(|step| step.thread).max()?;
        for step in &mut history.steps {
            step.holders.resize(locks.len(), None);
        }
        let skipped = history.steps.len().saturating_sub(ROWS);
        history.steps.drain(..skipped);
        let mut text = String::from("A number in brackets is a line of the answer. ");
        if skipped > 0 {
            let _ = write!(text, "The first {skipped} steps are left out. ");
        }
        let names: Vec<_> = (0..=last)
            .map(|thread| if thread == 0 { "test".into() } else { format!("thread {thread}") })
            .collect();
        text += &history.table(&names, &locks, Some(fault), COLUMNS);
        Some(text)
    })
}

impl Act {
    /// The words for it, and the lock that it takes (`true`) or gives back.
    fn words(&self) -> (String, Option<(&'static str, bool)>) {
        match self {
            Self::Locks(lock, place) => {
                (format!("locks {lock}{}", line(place)), Some((*lock, true)))
            }
            Self::FindsLocked(lock, place) => (format!("finds {lock} locked{}", line(place)), None),
            Self::Unlocks(lock) => (format!("unlocks {lock}"), Some((*lock, false))),
            Self::Sleeps(lock, place) => {
                (format!("unlocks {lock} and sleeps{}", line(place)), Some((*lock, false)))
            }
            Self::WakesUp(lock, place) => {
                (format!("wakes up and locks {lock}{}", line(place)), Some((*lock, true)))
            }
            Self::Notes(what, place) => (format!("{what}{}", line(place)), None),
            Self::Says(what) => (what.clone(), None),
        }
    }
}
