//! You are the scheduler: small rooms of this project run here, and you choose at each step which
//! thread goes on. Break them.
//!
//! Why it is here: a race condition that shows once in a million runs is hard to believe. A person
//! who has made it happen, step by step, believes it and can say why it happens.
//!
//! The rooms are those of `model/src/faulty`. They run under the model checker shuttle, as in its
//! tests, but [`Director`] takes the place of the scheduler. It asks another scheduler only where
//! there is something to choose: a [`Player`], a [`Replay`], or shuttle's own search. One step goes
//! from one [`Stop`] to the next. A critical section in which no other lock is touched is one step,
//! because no thread can look inside.
//!
//! Try it: `cargo run --example scheduler`, and `docs/scheduler.md`.

use std::collections::VecDeque;
use std::env;
use std::io::{self, Write};
use std::process::{self, ExitCode};
use std::sync::{LazyLock, Mutex, PoisonError};

use shuttle::scheduler::{DfsScheduler, Schedule, Scheduler, Task, TaskId};
use shuttle::thread;

#[path = "../src/faulty/mod.rs"]
mod faulty;
#[path = "../src/schedule.rs"]
mod schedule;

use schedule::{History, Step, wrapped};

/// How wide the output is at the most.
const COLUMNS: usize = 75;

/// What can be typed besides a number.
const COMMANDS: &str = "hint, code, history, undo or quit";

/// The level without a fault.
const SOUND: usize = LEVELS.len() - 1;

/// The thread that starts the others and looks at the room in the end. Nobody chooses it.
const MAIN: usize = 0;

/// A room, and all texts about it.
struct Level {
    room: Room,
    about: &'static str,
    /// The locks in the order in which the room makes them: a name, and words for the content.
    locks: &'static [(&'static str, &'static str)],
    steps: &'static [Words],
    hint: &'static str,
    /// Why it breaks, or why it does not.
    why: &'static str,
    /// In the glossary.
    term: &'static str,
}

/// Words for the step that begins at a line of the source. The locks need none: the step itself says which
/// it takes and gives back.
struct Words {
    /// A part of `FUNCTION: LINE`.
    line: &'static str,
    /// What the thread does while it holds the lock of this line, if it gives it back in the same step.
    inside: &'static str,
    /// And without it.
    after: &'static str,
}

const fn under_lock(line: &'static str, inside: &'static str) -> Words {
    Words { line, inside, after: "" }
}

struct Room {
    name: &'static str,
    /// Plays the room once. An error says how it broke.
    explore: fn() -> Result<(), String>,
    source: &'static str,
}

macro_rules! room {
    ($name:ident) => {
        Room {
            name: stringify!($name),
            explore: faulty::$name::explore,
            source: include_str!(concat!("../src/faulty/", stringify!($name), ".rs")),
        }
    };
}

const LEVELS: [Level; 6] = [
    Level {
        room: room!(copy_the_list),
        about: "Ann and Bob listen. Two threads say a line each: thread 1 says line 1, and thread 2 \
            says line 2. A thread copies the roster under the lock. Then it writes its line to one \
            peer after the other, without the lock of the roster. So no thread waits for a slow \
            peer. Break it: Ann and Bob must hear the two lines in different orders.",
        locks: &[
            ("roster", "places of the peers"),
            ("Ann's socket", "Ann has heard"),
            ("Bob's socket", "Bob has heard"),
        ],
        steps: &[
            under_lock("roster.lock().clone()", "copies it"),
            under_lock("lock().push(line)", "writes its line"),
        ],
        hint: "Let both threads copy the roster first. Then thread 1 must be the first at Ann's \
            socket, and thread 2 the first at Bob's.",
        why: "Each write is safe by itself, but nothing holds the two writes of one line together. \
            Between them, the other thread can write. In the real room, only the thread that holds \
            the roster sends, so there is one order for everyone.",
        term: "interleaving",
    },
    Level {
        room: room!(check_then_act),
        about: "Ann has left. Two threads notice it at the same time, and both remove her record. A \
            thread first looks up the place of Ann's record (check). Then it removes the record at \
            that place (act). Each step holds the lock. Break it: throw out Bob, who is still here.",
        locks: &[("roster", "the peers")],
        steps: &[
            under_lock("position(", "looks up the place of Ann's record"),
            under_lock("let mut roster", "removes the record at that place"),
        ],
        hint: "A thread's knowledge of the roster is true only while it holds the lock. Let both \
            threads look before one of them removes.",
        why: "The check was true when the thread made it. When the thread acts, the other thread has \
            removed Ann, and Bob has moved up to her place. Check and act must be in one critical \
            section.",
        term: "race condition",
    },
    Level {
        room: room!(stale_laggard),
        about: "Ann and Bob read slowly, and both are behind. Thread 1 sends to Ann the lines that she \
            has missed. It does not hold the lock meanwhile, because a send can take long. When all is \
            sent, it marks her record: Ann has caught up. Thread 2 removes Ann's record, because \
            she has left. Break it: Bob must be marked, though nothing was sent to him.",
        locks: &[("roster", "peers")],
        steps: &[
            under_lock("position(", "looks up the place of Ann's record"),
            Words { line: "yield_now()", inside: "", after: "sends to Ann, without a lock" },
            under_lock("get_mut(place)", "marks the record at that place"),
            under_lock("retain(", "removes Ann's record"),
        ],
        hint: "Remove Ann after thread 1 has looked up her place, and before it marks that place.",
        why: "Thread 1 keeps the place of a record over the end of its critical section. Meanwhile \
            the record goes, and another one moves to this place. In the real room, a record has an \
            id that is never given twice: a thread that looks for an old id finds nothing.",
        term: "critical section",
    },
    Level {
        room: room!(locks_reversed),
        about: "One peer listens. Threads 1 and 2 say a line each: such a thread locks pending, and \
            then the roster. Thread 3 delivers the pending lines: it locks the roster, and then \
            pending. A thread that finds a lock taken waits for it. Break it: make threads wait for \
            each other for ever.",
        locks: &[("pending", "waits to be delivered"), ("roster", "the peer has heard")],
        steps: &[
            under_lock("say: let mut heard", "delivers"),
            under_lock("deliver: let mut pending", "delivers"),
        ],
        hint: "Thread 3 takes the two locks in the other order. Let it take its first lock while a \
            speaker has its first lock, too.",
        why: "Thread 3 and a speaker wait for each other, so neither can ever go on. This happens \
            only where two locks are taken in two orders. In the real room, all threads take the \
            roster first, and then pending.",
        term: "deadlock by lock order",
    },
    Level {
        room: room!(no_second_look),
        about: "One peer listens. Two threads say a line each: thread 1 says line 1, and thread 2 \
            says line 2. A thread appends its line to pending, and tries to lock the roster. If it \
            gets the lock, it delivers all pending lines. If not, it ends: the other thread holds \
            the roster, and that thread delivers. So nobody waits. Break it: a line must stay in \
            pending when both threads have ended.",
        locks: &[("pending", "waits to be delivered"), ("roster", "the peer has heard")],
        steps: COMBINING,
        hint: "Let one thread lock the roster and take all pending lines. Before it unlocks the \
            roster, the other thread must append its line and find the roster locked.",
        why: "The thread that found the roster locked relies on the other one. But the other one had \
            already taken the pending lines, and it does not look again after unlocking. The next \
            level has this second look.",
        term: "lost wakeup",
    },
    Level {
        room: room!(second_look),
        about: "The same room with one word changed: while in place of if. After it has unlocked the \
            roster, a thread looks at pending again. This is how the real room does it. Try to \
            break it: a line must stay in pending when both threads have ended.",
        locks: &[("pending", "waits to be delivered"), ("roster", "the peer has heard")],
        steps: COMBINING,
        hint: "You cannot win. Append a line at the worst moment, and see which thread finds it. \
            `--solve` tries every schedule.",
        why: "A thread that finds the roster locked has appended its line before. The holder of the \
            roster unlocks it after that, and looks at pending after unlocking. So it sees the line, \
            or another thread has taken it. A line that is appended is delivered: this is an \
            invariant.",
        term: "invariant",
    },
];

/// The steps of the two rooms in which the holder of the roster delivers for everyone.
const COMBINING: &[Words] = &[
    under_lock("push(line)", "appends its line"),
    under_lock("is_empty()", "looks for a line"),
    Words { line: "take(", inside: "takes all lines", after: "delivers them" },
];

/// Stands in place of `model/src/sync.rs`. These locks tell the scene about each access.
mod sync {
    use std::fmt::Debug;
    use std::ops::{Deref, DerefMut};
    use std::panic::Location;

    use super::{Act, Scene, scene, stop};

    pub(crate) struct Mutex<T> {
        number: usize,
        inner: shuttle_parking_lot::Mutex<T>,
    }

    impl<T: Debug> Mutex<T> {
        pub(crate) fn new(value: T) -> Self {
            let number = scene(|scene| scene.add_lock(format!("{value:?}")));
            Self { number, inner: shuttle_parking_lot::Mutex::new(value) }
        }

        #[track_caller]
        pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
            stop(Act::Lock(self.number), Location::caller().line());
            scene(|scene| scene.wants(self.number));
            self.locked(self.inner.lock())
        }

        #[track_caller]
        pub(crate) fn try_lock(&self) -> Option<MutexGuard<'_, T>> {
            stop(Act::TryLock(self.number), Location::caller().line());
            let Some(inner) = self.inner.try_lock() else {
                scene(|scene| scene.misses(self.number));
                return None;
            };
            Some(self.locked(inner))
        }

        fn locked<'a>(&self, inner: shuttle_parking_lot::MutexGuard<'a, T>) -> MutexGuard<'a, T> {
            let stops = scene(|scene| scene.locked(self.number));
            MutexGuard { number: self.number, stops, inner }
        }
    }

    impl<T: Debug + Default> Default for Mutex<T> {
        fn default() -> Self {
            Self::new(T::default())
        }
    }

    pub(crate) struct MutexGuard<'a, T: Debug> {
        number: usize,
        /// How many stops its thread had made when it got the lock.
        stops: usize,
        inner: shuttle_parking_lot::MutexGuard<'a, T>,
    }

    impl<T: Debug> Deref for MutexGuard<'_, T> {
        type Target = T;

        fn deref(&self) -> &T {
            &self.inner
        }
    }

    impl<T: Debug> DerefMut for MutexGuard<'_, T> {
        fn deref_mut(&mut self) -> &mut T {
            &mut self.inner
        }
    }

    impl<T: Debug> Drop for MutexGuard<'_, T> {
        fn drop(&mut self) {
            scene(|scene| scene.locks[self.number].inside = format!("{:?}", *self.inner));
            if scene(Scene::stops) > self.stops {
                stop(Act::Unlock(self.number), 0);
            }
            scene(|scene| scene.unlocked(self.number));
        }
    }

    #[track_caller]
    pub(crate) fn yield_now() {
        stop(Act::Pause, Location::caller().line());
    }
}

/// Runs each of these on a thread of its own, and waits until all have ended.
fn together(threads: &[&(dyn Fn() + Sync)]) {
    thread::scope(|scope| {
        for (index, thread) in threads.iter().enumerate() {
            scope.spawn(move || {
                thread();
                scene(|scene| scene.ends(index));
            });
        }
        scene(|scene| scene.threads = threads.iter().map(|_| Thread::default()).collect());
        // Main can always run. So shuttle itself never sees a deadlock, and the director tells of it.
        while scene(|scene| scene.threads.iter().any(|thread| !thread.ended)) {
            thread::yield_now();
        }
    });
}

/// The next act of a thread.
#[derive(Clone, Copy)]
enum Act {
    Lock(usize),
    TryLock(usize),
    Unlock(usize),
    Pause,
}

/// Where a thread stands until it is chosen: before an act, at a line of the source.
#[derive(Clone, Copy)]
struct Stop {
    act: Act,
    line: u32,
}

struct Thread {
    stop: Option<Stop>,
    /// How often it has stopped.
    stops: usize,
    /// On its way to the next stop, or waiting for a lock on this way.
    goes: bool,
    waits_for: Option<usize>,
    ended: bool,
    /// What it has done since it was chosen.
    done: Vec<String>,
}

impl Default for Thread {
    fn default() -> Self {
        // It needs no choice to come to its first stop.
        Self { stop: None, stops: 0, goes: true, waits_for: None, ended: false, done: Vec::new() }
    }
}

struct Lock {
    inside: String,
    holder: Option<usize>,
}

/// Everything that a player sees. Its lock is not one of the room's: no thread waits for it.
#[derive(Default)]
struct Scene {
    level: usize,
    /// Somebody reads each step.
    aloud: bool,
    /// Nobody was asked since only one thread can go on.
    alone: bool,
    locks: Vec<Lock>,
    threads: Vec<Thread>,
    choices: Vec<usize>,
    history: History,
    /// How the last execution ended. Nothing, if it was not played to the end.
    outcome: Option<Result<(), String>>,
}

static SCENE: LazyLock<Mutex<Scene>> = LazyLock::new(Mutex::default);

fn scene<T>(act: impl FnOnce(&mut Scene) -> T) -> T {
    act(&mut SCENE.lock().unwrap_or_else(PoisonError::into_inner))
}

/// The number of the thread that runs now.
fn me() -> usize {
    shuttle::current::me().into()
}

/// The thread that runs now waits here until it is chosen.
fn stop(act: Act, line: u32) {
    if me() == MAIN {
        return;
    }
    scene(|scene| {
        scene.tell(me());
        let thread = &mut scene.threads[me() - 1];
        thread.stop = Some(Stop { act, line });
        thread.stops += 1;
        thread.goes = false;
    });
    thread::yield_now();
    if let Act::Pause = act {
        scene(|scene| {
            let words = scene.words(Stop { act, line }).map(|words| words.after);
            scene.does(words.unwrap_or("lets others run").to_owned());
        });
    }
}

/// The thread that goes on.
enum Turn {
    Takes(usize),
    /// All others have ended or wait for a lock.
    Only(usize),
    Ask,
    Deadlock,
}

impl Scene {
    fn level(&self) -> &'static Level {
        &LEVELS[self.level]
    }

    fn restart(&mut self) {
        *self = Self { level: self.level, aloud: self.aloud, ..Self::default() };
    }

    fn add_lock(&mut self, inside: String) -> usize {
        self.locks.push(Lock { inside, holder: None });
        self.locks.len() - 1
    }

    /// The thread that runs now, unless it is main.
    fn current(&mut self) -> Option<&mut Thread> {
        self.threads.get_mut(me().checked_sub(1)?)
    }

    fn stops(&mut self) -> usize {
        self.current().map_or(0, |thread| thread.stops)
    }

    /// The thread that runs now does something. It is told when its step is complete.
    fn does(&mut self, what: String) {
        if let Some(thread) = self.current() {
            thread.done.push(what);
        }
    }

    fn wants(&mut self, lock: usize) {
        if self.locks[lock].holder.is_some() {
            if let Some(thread) = self.current() {
                thread.waits_for = Some(lock);
            }
            self.does(self.cannot(me()));
            self.tell(me());
        }
    }

    fn locked(&mut self, lock: usize) -> usize {
        let name = self.name(lock);
        if let Some(thread) = self.current() {
            let waited = thread.waits_for.take().is_some();
            thread.done.push(format!("{} {name}", if waited { "gets" } else { "locks" }));
            self.locks[lock].holder = Some(me());
        }
        self.stops()
    }

    fn misses(&mut self, lock: usize) {
        let holder = self.locks[lock].holder.unwrap_or_default();
        self.does(format!("finds {} locked by thread {holder}", self.name(lock)));
    }

    fn unlocked(&mut self, lock: usize) {
        self.locks[lock].holder = None;
        let name = self.name(lock);
        let Some(stop) = self.current().and_then(|thread| thread.stop) else { return };
        if let Act::Unlock(_) = stop.act {
            return self.does(format!("unlocks {name}"));
        }
        let words = self.words(stop);
        let [inside, after] = words.map_or([""; 2], |words| [words.inside, words.after]);
        let done = [inside, "unlocks it", after].map(str::to_owned);
        done.into_iter().filter(|what| !what.is_empty()).for_each(|what| self.does(what));
    }

    fn ends(&mut self, index: usize) {
        self.threads[index].ended = true;
        self.does("ends".to_owned());
        self.tell(index + 1);
    }

    fn leave_alone(&mut self, number: usize) {
        if self.aloud && !std::mem::replace(&mut self.alone, true) {
            say(&format!("Only thread {number} can go on:"));
        }
    }

    /// Tells what a thread has done in one step, and adds it to the history.
    fn tell(&mut self, number: usize) {
        let what = std::mem::take(&mut self.threads[number - 1].done).join(", ");
        if what.is_empty() {
            return;
        }
        if self.aloud {
            say(&format!("  {number}  {what}"));
        }
        let holders = self.locks.iter().map(|lock| Some(lock.holder? - 1)).collect();
        self.history.steps.push(Step { thread: number - 1, what, holders });
    }

    /// All steps so far, side by side.
    fn show_history(&self, fault: Option<&str>) {
        let threads: Vec<_> = (1..=self.threads.len()).map(|it| format!("thread {it}")).collect();
        let locks: Vec<_> = self.level().locks.iter().map(|(name, _)| *name).collect();
        let table = self.history.table(&threads, &locks, fault, COLUMNS);
        table.lines().for_each(say);
    }

    /// `can_run` are the threads that could go on, besides main.
    fn turn(&self, can_run: &[usize], current: Option<usize>) -> Turn {
        if self.threads.iter().all(|thread| thread.ended) {
            // Main starts the threads, or looks at the room in the end.
            return Turn::Takes(MAIN);
        }
        let mut going = can_run.iter().filter(|number| self.threads[*number - 1].goes);
        let current = going.clone().find(|number| Some(**number) == current);
        match (current.or(going.next()), can_run) {
            (Some(number), _) => Turn::Takes(*number),
            (None, [only]) => Turn::Only(*only),
            (None, []) => Turn::Deadlock,
            (None, _) => Turn::Ask,
        }
    }

    fn name(&self, lock: usize) -> &'static str {
        self.level().locks[lock].0
    }

    fn words(&self, stop: Stop) -> Option<&'static Words> {
        let line = format!("{}: {}", self.function(stop), self.code(stop));
        self.level().steps.iter().find(|words| line.contains(words.line))
    }

    /// The next step of a thread, as far as it is known before.
    fn next(&self, stop: Stop) -> String {
        let words = self.words(stop).map_or([""; 2], |words| [words.inside, words.after]);
        match (stop.act, words) {
            (Act::Lock(lock), ["", _]) => format!("locks {}", self.name(lock)),
            (Act::Lock(lock), [inside, _]) => format!("locks {}, {inside}", self.name(lock)),
            (Act::TryLock(lock), _) => format!("tries to lock {}", self.name(lock)),
            (Act::Unlock(lock), _) => format!("unlocks {}", self.name(lock)),
            (Act::Pause, [_, after]) => after.to_owned(),
        }
    }

    /// The name of the function around a line of the source.
    fn function(&self, stop: Stop) -> &'static str {
        let before: Vec<_> = self.level().room.source.lines().take(stop.line as usize).collect();
        let mut starts = before.iter().rev().filter_map(|line| line.trim().strip_prefix("fn "));
        starts.find_map(|start| start.split('(').next()).unwrap_or_default()
    }

    fn code(&self, stop: Stop) -> &'static str {
        let before = (stop.line as usize).saturating_sub(1);
        self.level().room.source.lines().nth(before).unwrap_or_default().trim()
    }

    /// Why a thread cannot be chosen.
    fn cannot(&self, number: usize) -> String {
        let thread = number.checked_sub(1).and_then(|index| self.threads.get(index));
        match thread {
            None => "does not exist".to_owned(),
            Some(Thread { waits_for: Some(lock), .. }) => {
                let holder = self.locks[*lock].holder.unwrap_or_default();
                format!("waits for {}, which thread {holder} holds", self.name(*lock))
            }
            Some(_) => "has ended".to_owned(),
        }
    }

    /// Shows all that a player needs to choose.
    fn show(&self) {
        say("");
        for (lock, (name, inside)) in self.locks.iter().zip(self.level().locks) {
            let holder = lock.holder.map(|number| format!("locked by {number}"));
            let inside = format!("{inside}: {}", lock.inside);
            say(&format!("{name:<13}{inside:<48}{}", holder.unwrap_or("free".to_owned())));
        }
        for (number, thread) in (1..).zip(&self.threads) {
            match thread.stop {
                Some(stop) if thread.waits_for.is_none() && !thread.ended => {
                    say(&format!("  {number}  next: {}", self.next(stop)));
                    if stop.line > 0 {
                        say(&format!("     {}: {}", stop.line, self.code(stop)));
                    }
                }
                _ => say(&format!("  {number}  {}", self.cannot(number))),
            }
        }
    }

    fn deadlock(&self) -> String {
        let waiting = (1..).zip(&self.threads).filter(|(_, thread)| !thread.ended);
        let waiting = waiting.map(|(number, _)| format!("thread {number} {}", self.cannot(number)));
        format!("this is a deadlock: {}", waiting.collect::<Vec<_>>().join("; "))
    }

    fn show_schedule(&self) {
        let numbers: Vec<_> = self.choices.iter().map(ToString::to_string).collect();
        let schedule = numbers.join(",");
        say(&format!("Schedule: {schedule}"));
        say(&format!("To see it again, add: --schedule {schedule}"));
    }

    /// Says how the last execution ended. Returns whether the room broke.
    fn report(&self) -> bool {
        match &self.outcome {
            Some(Err(fault)) => {
                if self.aloud {
                    say("");
                }
                let fault = format!("The room is broken: {fault}.");
                self.show_history(Some(&fault));
                say("");
                self.level().explain();
                self.show_schedule();
                true
            }
            Some(Ok(())) => {
                say("");
                say("All threads have ended, and nothing broke.");
                self.show_schedule();
                false
            }
            None => false,
        }
    }
}

/// Stands between shuttle and a scheduler, and asks it only where there is something to choose.
struct Director<S>(S);

impl<S: Scheduler> Scheduler for Director<S> {
    fn new_execution(&mut self) -> Option<Schedule> {
        if scene(|scene| matches!(scene.outcome, Some(Err(_)))) {
            return None;
        }
        let schedule = self.0.new_execution();
        if schedule.is_some() {
            scene(Scene::restart);
        }
        schedule
    }

    fn next_task(
        &mut self,
        runnable: &[&Task],
        current: Option<TaskId>,
        is_yielding: bool,
    ) -> Option<TaskId> {
        let threads: Vec<_> =
            runnable.iter().copied().filter(|task| task.id() != MAIN.into()).collect();
        let numbers: Vec<usize> = threads.iter().map(|task| task.id().into()).collect();
        let number = match scene(|scene| scene.turn(&numbers, current.map(Into::into))) {
            Turn::Takes(number) => number,
            Turn::Only(number) => {
                scene(|scene| scene.leave_alone(number));
                number
            }
            Turn::Ask => {
                let number = self.0.next_task(&threads, current, is_yielding)?.into();
                scene(|scene| {
                    scene.choices.push(number);
                    scene.alone = false;
                });
                number
            }
            Turn::Deadlock => {
                scene(|scene| scene.outcome = Some(Err(scene.deadlock())));
                return None;
            }
        };
        scene(|scene| {
            if let Some(thread) = number.checked_sub(1).and_then(|it| scene.threads.get_mut(it)) {
                thread.goes = true;
            }
        });
        Some(number.into())
    }

    fn next_u64(&mut self) -> u64 {
        self.0.next_u64()
    }
}

/// The numbers of the threads that can be chosen, for a sentence.
fn choices(threads: &[&Task]) -> String {
    let numbers: Vec<_> = threads.iter().map(|task| task.id().to_string()).collect();
    match &numbers[..] {
        [some @ .., last] if !some.is_empty() => format!("{} or {last}", some.join(", ")),
        _ => numbers.join(""),
    }
}

/// A person who types numbers.
#[derive(Default)]
struct Player {
    played: usize,
    /// Choices that are made again without a question, after one was taken back.
    again: Option<VecDeque<usize>>,
    /// The choices of the last run, which ended and broke nothing.
    before: Vec<usize>,
}

impl Player {
    /// Takes the last choice back: the room begins again, and goes on to where it was before. Returns
    /// false if there is none.
    fn undo(&mut self) -> bool {
        let mut choices = scene(|scene| scene.choices.clone());
        if choices.is_empty() {
            choices = std::mem::take(&mut self.before);
        }
        let undone = choices.pop().is_some();
        self.again = undone.then(|| choices.into());
        undone
    }
}

impl Scheduler for Player {
    fn new_execution(&mut self) -> Option<Schedule> {
        let (outcome, is_last) = scene(|scene| (scene.outcome.clone(), scene.level == SOUND));
        match outcome {
            None if self.again.is_some() => scene(|scene| scene.aloud = false),
            // The input has ended.
            None if self.played > 0 => return None,
            Some(_) if is_last => return None,
            None => {}
            Some(_) => {
                scene(|scene| scene.report());
                self.before = scene(|scene| scene.choices.clone());
                say("Once more, from the beginning. Type hint for a hint, or undo to go back.");
            }
        }
        self.played += 1;
        Some(Schedule::new(0))
    }

    fn next_task(&mut self, threads: &[&Task], _: Option<TaskId>, _: bool) -> Option<TaskId> {
        if let Some(number) = self.again.as_mut().and_then(VecDeque::pop_front) {
            return Some(number.into());
        }
        if self.again.take().is_some() {
            scene(|scene| scene.aloud = true);
            say("Your last choice is taken back.");
        }
        let choices = choices(threads);
        scene(|scene| scene.show());
        say(&format!("Which thread goes on, {choices}?"));
        loop {
            let mut line = String::new();
            let end = match io::stdin().read_line(&mut line) {
                Ok(length) => length == 0,
                Err(e) => e.kind() != io::ErrorKind::InvalidData,
            };
            let typed = line.trim();
            if end || typed == "quit" {
                let why = if end { "The input has ended." } else { "Goodbye." };
                say(&format!("{why} You leave the room as it is."));
                return None;
            }
            let level = scene(|scene| scene.level());
            match (typed, typed.parse()) {
                ("hint", _) => wrap(&format!("Hint: {}", level.hint)),
                ("code", _) => level.show_code(),
                ("history", _) => scene(|scene| scene.show_history(None)),
                ("undo", _) if self.undo() => return None,
                ("undo", _) => say("You have not chosen anything yet."),
                (_, Ok(number)) => {
                    if threads.iter().any(|task| usize::from(task.id()) == number) {
                        return Some(number.into());
                    }
                    let why = scene(|scene| scene.cannot(number));
                    say(&format!("Thread {number} {why}. Type {choices}."));
                }
                (_, Err(_)) => say(&format!("Type a number, {choices}; or {COMMANDS}.")),
            }
        }
    }

    fn next_u64(&mut self) -> u64 {
        0
    }
}

/// A schedule that was written down.
struct Replay {
    begun: bool,
    choices: VecDeque<usize>,
}

impl Scheduler for Replay {
    fn new_execution(&mut self) -> Option<Schedule> {
        let first = !std::mem::replace(&mut self.begun, true);
        first.then(|| Schedule::new(0))
    }

    fn next_task(&mut self, threads: &[&Task], _: Option<TaskId>, _: bool) -> Option<TaskId> {
        let Some(number) = self.choices.pop_front() else {
            say(&format!("The schedule ends before the room: next is {}.", choices(threads)));
            return None;
        };
        let fits = threads.iter().any(|task| usize::from(task.id()) == number);
        if !fits {
            let (place, why) = scene(|scene| (scene.choices.len() + 1, scene.cannot(number)));
            let choices = choices(threads);
            say(&format!("Number {place} of the schedule: thread {number} {why}."));
            say(&format!("Possible is {choices}."));
        }
        fits.then(|| number.into())
    }

    fn next_u64(&mut self) -> u64 {
        0
    }
}

impl Level {
    fn explain(&self) {
        wrap(&format!("Why: {}", self.why));
        say(&format!("Term: {}, docs/glossary.md#{}", self.term, self.term.replace(' ', "-")));
    }

    /// The methods of the room, with the numbers of the lines.
    fn show_code(&self) {
        let lines = (1..).zip(self.room.source.lines());
        let methods = lines.skip_while(|(_, line)| !line.starts_with("impl"));
        for (number, line) in methods.skip(1).take_while(|(_, line)| !line.starts_with('}')) {
            say(format!("{number:4} {}", line.strip_prefix("    ").unwrap_or(line)).trim_end());
        }
    }

    fn introduce(&self, number: usize) {
        say(&format!("Level {number} of {}: {}", LEVELS.len(), self.room.name));
        say("");
        wrap(self.about);
        say("");
        say(&format!("model/src/faulty/{}.rs", self.room.name));
        self.show_code();
        say("");
        wrap(
            "Type the number of a thread: it goes on to its next stop. Where only one thread can go \
             on, it does so by itself. You can also type hint, code, history (all steps so far), undo \
             (takes your last choice back) or quit.",
        );
    }
}

/// Plays the level under a scheduler. Returns how many schedules that were.
fn run(level: usize, aloud: bool, scheduler: impl Scheduler + 'static) -> usize {
    scene(|scene| *scene = Scene { level, aloud, ..Scene::default() });
    let mut config = shuttle::Config::new();
    // The default is too small for printing.
    config.stack_size = 256 * 1024;
    config.failure_persistence = shuttle::FailurePersistence::None;
    shuttle::Runner::new(Director(scheduler), config).run(move || {
        let outcome = (LEVELS[level].room.explore)();
        scene(|scene| scene.outcome = Some(outcome));
    })
}

fn play(level: usize) -> ExitCode {
    LEVELS[level].introduce(level + 1);
    run(level, true, Player::default());
    let broken = scene(|scene| scene.report());
    match LEVELS.get(level + 1) {
        Some(next) if broken => {
            say("");
            let name = next.room.name;
            say(&format!("The next level is {name}:"));
            say(&format!("  cargo run --example scheduler -- {name}"));
        }
        None if scene(|scene| scene.outcome.is_some()) => {
            say("");
            solve(level);
        }
        _ => {}
    }
    ExitCode::SUCCESS
}

fn replay(level: usize, choices: VecDeque<usize>) -> ExitCode {
    run(level, true, Replay { begun: false, choices });
    if scene(|scene| scene.report()) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Tries every schedule until the room breaks.
fn solve(level: usize) -> ExitCode {
    let tried = run(level, false, DfsScheduler::new(None, false));
    if scene(|scene| matches!(scene.outcome, Some(Err(_))) && scene.report()) {
        say(&format!("This was number {tried} of the schedules that were tried."));
        return ExitCode::SUCCESS;
    }
    say(&format!("No schedule breaks this room. There are {tried}, and all were tried."));
    if level == SOUND {
        LEVELS[level].explain();
    }
    ExitCode::FAILURE
}

/// Prints a line. A reader that has hung up has seen enough.
fn say(line: &str) {
    if writeln!(io::stdout(), "{line}").is_err() {
        process::exit(0);
    }
}

/// Prints a paragraph.
fn wrap(text: &str) {
    for line in wrapped(text, COLUMNS) {
        say(&line);
    }
}

enum Mode {
    Play,
    Solve,
    Replay(VecDeque<usize>),
}

const USAGE: &str = "\
Play a level:     cargo run --example scheduler -- LEVEL
Find a schedule:  cargo run --example scheduler -- LEVEL --solve
See it again:     cargo run --example scheduler -- LEVEL --schedule 1,2,1";

fn list() {
    say("You are the scheduler. Choose which thread goes on, and break the room.");
    say("");
    for (number, level) in (1..).zip(&LEVELS) {
        say(&format!("  {number}  {:<17}{}", level.room.name, level.term));
    }
    say("");
    say(USAGE);
}

/// Nothing means that no level is named.
fn parse(mut words: impl Iterator<Item = String>) -> Result<Option<(usize, Mode)>, String> {
    let mut level = None;
    let mut mode = Mode::Play;
    while let Some(word) = words.next() {
        match word.as_str() {
            "--help" | "-h" => return Ok(None),
            "--solve" => mode = Mode::Solve,
            "--schedule" => {
                let list = words.next().unwrap_or_default();
                let numbers = list.split(',').map(|number| number.trim().parse());
                let numbers = numbers.collect::<Result<_, _>>();
                let numbers = numbers.map_err(|_| "write --schedule like this: 1,2,2,1")?;
                mode = Mode::Replay(numbers);
            }
            name => {
                let is_it = |(number, level): (usize, &Level)| {
                    level.room.name == name || (number + 1).to_string() == name
                };
                let found = LEVELS.iter().enumerate().position(is_it);
                level = Some(found.ok_or("there is no such level; without one, all are listed")?);
            }
        }
    }
    match (level, mode) {
        (Some(level), mode) => Ok(Some((level, mode))),
        (None, Mode::Play) => Ok(None),
        (None, _) => Err("name a level; without anything, all are listed".to_owned()),
    }
}

fn main() -> ExitCode {
    match parse(env::args().skip(1)) {
        Ok(None) => {
            list();
            ExitCode::SUCCESS
        }
        Ok(Some((level, Mode::Play))) => play(level),
        Ok(Some((level, Mode::Solve))) => solve(level),
        Ok(Some((level, Mode::Replay(choices)))) => replay(level, choices),
        Err(problem) => {
            eprintln!("scheduler: {problem}");
            ExitCode::from(2)
        }
    }
}
