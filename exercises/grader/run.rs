//! Runs the tests of answers: each test in a process of its own, with a limit for its time.
//!
//! The process is told a word that nobody can guess, before the answer begins. Its verdict counts only
//! behind this word. So it does not matter what an answer prints, and an answer that ends its process
//! has no verdict.

use std::collections::VecDeque;
use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::io::{self, Read, Write};
use std::num::NonZero;
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::sync::{Mutex, PoisonError, mpsc};
use std::thread;
use std::time::Duration;

use exercises::grading::{END_OF_RUN, EXERCISES, Exercise, Failure, MARK, NEW_RUN, Verdict};
use rustix::process::{Pid, Signal, kill_process_group};

use crate::build::{Answers, Program};

/// For one test. No answer needs a tenth of this.
const LIMIT: Duration = Duration::from_secs(20);

/// So much of the output of a process is kept, in bytes: its end, which has the verdict.
const KEPT: usize = 256 << 10;

/// The grade of one answer.
pub(crate) struct Graded {
    pub(crate) number: usize,
    pub(crate) exercise: &'static Exercise,
    /// One for each test.
    pub(crate) verdicts: Vec<Verdict>,
    /// What the compiler has said about it.
    pub(crate) messages: String,
    /// What the answer has printed in the run that failed.
    pub(crate) printed: String,
}

impl Graded {
    pub(crate) fn points(&self) -> usize {
        self.verdicts.iter().filter(|verdict| verdict.is_ok()).count()
    }

    pub(crate) fn failure(&self) -> Option<&Failure> {
        self.verdicts.iter().find_map(|verdict| verdict.as_ref().err())
    }
}

/// Grades the answers to these exercises, or to all if there are none.
pub(crate) fn grade(answers: &Answers, chosen: &[usize]) -> io::Result<Vec<Graded>> {
    let numbers: Vec<_> =
        if chosen.is_empty() { (1..=EXERCISES.len()).collect() } else { chosen.to_vec() };
    let programs = answers.build(&numbers)?;
    let todo = Mutex::new(numbers.into_iter().zip(programs).enumerate());
    let work = || {
        let next = || todo.lock().unwrap_or_else(PoisonError::into_inner).next();
        let mut done = Vec::new();
        while let Some((place, (number, program))) = next() {
            done.push((place, grade_one(number, program)?));
        }
        Ok::<_, io::Error>(done)
    };
    let mut graded = Vec::new();
    thread::scope(|scope| {
        // No more than can run at a time, since each of them has a limit.
        let threads = thread::available_parallelism().map_or(1, NonZero::get);
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        for worker in workers {
            graded.extend(worker.join().expect("a worker does not panic")?);
        }
        Ok::<_, io::Error>(())
    })?;
    graded.sort_by_key(|(place, _)| *place);
    Ok(graded.into_iter().map(|(_, graded)| graded).collect())
}

fn grade_one(number: usize, program: Program) -> io::Result<Graded> {
    let exercise = &EXERCISES[number - 1];
    let Program { path, messages } = program;
    let mut graded =
        Graded { number, exercise, verdicts: Vec::new(), messages, printed: String::new() };
    for test in 0..exercise.promises.len() {
        let verdict = match (&path, graded.failure()) {
            (Err(reason), _) => Err(reason.clone().into()),
            // The other tests count only if the first one passes.
            (Ok(_), Some(failure)) if graded.points() == 0 => Err(failure.clone()),
            (Ok(path), failure) => {
                let (verdict, printed) = run(path, test)?;
                if failure.is_none() && verdict.is_err() {
                    graded.printed = printed;
                }
                verdict
            }
        };
        graded.verdicts.push(verdict);
    }
    Ok(graded)
}

/// Runs one test. Returns the verdict, and the output of the answer.
fn run(program: &Path, test: usize) -> io::Result<(Verdict, String)> {
    let random = || RandomState::new().build_hasher().finish();
    let word = format!("{:016x}{:016x}", random(), random());
    let mut command = Command::new(program);
    command.env_clear();
    let ended = wait_for(command, &format!("{test}\n{word}\n"), LIMIT)?;
    let (printed, verdict) = match ended.output.rsplit_once(&format!("\n{MARK}{word} ")) {
        Some((printed, "pass")) => (printed, Ok(())),
        Some((printed, failure)) => {
            let failure = failure.strip_prefix("fail ").unwrap_or(failure);
            let (message, schedule) = failure.split_once('\n').unwrap_or((failure, ""));
            let message = message.chars().filter(|c| !c.is_control()).collect();
            (printed, Err(Failure { message, schedule: schedule.to_owned() }))
        }
        None => (&*ended.output, Err(no_verdict(ended.status).into())),
    };
    let last_run = printed.rsplit(NEW_RUN).next().unwrap_or_default();
    let last_run = last_run.split(END_OF_RUN).next().unwrap_or_default();
    Ok((verdict, last_run.to_owned()))
}

fn no_verdict(status: Option<ExitStatus>) -> String {
    match status {
        Some(status) => format!(
            "the answer has ended the whole process ({status}): does a function call itself again and \
             again, does a list grow for ever, or does a destructor panic?"
        ),
        None => format!(
            "no end after {} s: a loop never ends, or a thread waits for a lock that is not from \
             `exercises::sync`",
            LIMIT.as_secs()
        ),
    }
}

/// A process that has ended.
pub(crate) struct Ended {
    /// Nothing if its time was over.
    pub(crate) status: Option<ExitStatus>,
    /// What it has printed to stdout and stderr, or the end of it.
    pub(crate) output: String,
}

/// Runs a command, and ends it after the limit. If it leads a group of processes, all of them end.
pub(crate) fn wait_for(mut command: Command, input: &str, limit: Duration) -> io::Result<Ended> {
    let (mut output, both) = io::pipe()?;
    command.stdin(Stdio::piped()).stdout(both.try_clone()?).stderr(both);
    let mut child = command.spawn()?;
    // Its ends of the pipe must be the only ones.
    drop(command);
    if let Some(mut stdin) = child.stdin.take() {
        // A process that has ended already is seen below.
        let _ = stdin.write_all(input.as_bytes());
    }
    let (done, is_done) = mpsc::channel();
    let reader = thread::spawn(move || {
        let mut kept = VecDeque::new();
        let mut buffer = [0; 8 << 10];
        while let Ok(count @ 1..) = output.read(&mut buffer) {
            kept.extend(&buffer[..count]);
            kept.drain(..kept.len().saturating_sub(KEPT));
        }
        let _ = done.send(());
        Vec::from(kept)
    });
    let in_time = is_done.recv_timeout(limit).is_ok();
    // It may have ended by itself, and it may lead a group.
    let _ = child.kill();
    let _ = kill_process_group(Pid::from_child(&child), Signal::KILL);
    let status = child.wait()?;
    let output = reader.join().unwrap_or_default();
    // The programs in that folder name the answers like this.
    let output = String::from_utf8_lossy(&output).replace("src/bin/../../", "");
    Ok(Ended { status: in_time.then_some(status), output })
}
