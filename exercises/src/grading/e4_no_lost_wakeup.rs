//! Grades exercise 4: threads put and take lines, and one waits for a line that never comes.

use super::{Fault, Help, Kind, Test, Verdict, first_fault};
use crate::given::e4::{Inbox, put};
use crate::sync::{Arc, thread};

type Take = fn(&Inbox) -> String;

const HELP: Help = Help {
    deadlock: "a line is there, and the thread that waits for it sleeps: a lost wakeup. Look and \
               `wait` must use the same guard, and a line that is there needs no `wait`",
    panic: "was the list empty after `wait`? Another thread may take the line first: look again \
            after each `wait`, in a loop, and take the line with the guard of the last look",
    endless: "a thread that finds nothing must sleep in `wait`, and not look again and again",
};

/// One point for the lines, and one for the sleep.
pub const TESTS: [Test<Take>; 2] = [
    Test { promise: "takes the oldest line, and leaves the others", check: one_thread },
    Test { promise: "sleeps while there is none, and misses no wakeup", check: several_threads },
];

fn one_thread(take: Take) -> Verdict {
    HELP.run(move || alone(take))
}

fn several_threads(take: Take) -> Verdict {
    HELP.explore(move || together(take, 1, 1))?;
    HELP.explore(move || together(take, 2, 1))?;
    HELP.explore(move || together(take, 3, 2))?;
    sleeps(take)
}

fn alone(take: Take) {
    let inbox = Inbox::default();
    put(&inbox, "one");
    put(&inbox, "two");
    let first = take(&inbox);
    let left = inbox.lines.lock().unwrap().len();
    assert!(
        left == 1,
        "two lines came and one was taken, but the list has {left}: take one line, and leave the \
         others"
    );
    let taken = [first, take(&inbox)];
    assert!(taken == ["one", "two"], "\"one\" came before \"two\", but was not taken first");
    let left = inbox.lines.lock().unwrap().len();
    assert!(left == 0, "two lines came and two were taken, but the list is not empty");
}

/// So many threads take so many lines each.
fn together(take: Take, takers: usize, each: usize) {
    let inbox = Arc::new(Inbox::default());
    let takers: Vec<_> = (0..takers)
        .map(|_| {
            let inbox = Arc::clone(&inbox);
            thread::spawn(move || (0..each).map(|_| take(&inbox)).collect::<Vec<_>>())
        })
        .collect();
    let mut said: Vec<_> = (0..takers.len() * each).map(|line| line.to_string()).collect();
    for line in &said {
        put(&inbox, line);
    }
    let mut taken = Vec::new();
    for taker in takers {
        let lines = taker.join().unwrap();
        assert!(lines.is_sorted(), "a thread took a newer line before an older one");
        taken.extend(lines);
    }
    taken.sort();
    said.sort();
    assert!(taken == said, "each line must be taken once; said {said:?}, taken {taken:?}");
}

/// Nothing ever comes. The model checker calls that a deadlock. Here it is right: both threads
/// sleep.
fn sleeps(take: Take) -> Verdict {
    let fault = first_fault(1, move || {
        let inbox = Arc::new(Inbox::default());
        let other = Arc::clone(&inbox);
        let other = thread::spawn(move || drop(take(&other)));
        take(&inbox);
        other.join().unwrap();
    });
    match fault {
        Some(Fault { kind: Kind::Deadlock, .. }) => Ok(()),
        None => Err("`take` returned a line, but none has come".to_owned().into()),
        other => HELP.explain(other),
    }
}
