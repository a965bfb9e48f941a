//! The grader: prints one line for each exercise, and the total.
//!
//! Each answer runs in a process of its own. So an answer that never ends is stopped, and an answer
//! that overflows its stack takes nothing else with it.

use std::env;
use std::io::{self, Read, Write};
use std::process::{Command, ExitCode, ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use exercises::grading::{BEFORE_EACH_RUN, EXERCISES, Exercise, Verdict};

const USAGE: &str = "\
usage: cargo run -p exercises                 grade your answers
       cargo run -p exercises -- 3            grade one answer, and show the output of its last run
       cargo run -p exercises -- --solutions  grade the solutions";

/// Tells a process to grade one answer itself.
const ALONE: &str = "EXERCISES_ALONE";

/// Stands before the verdict, behind everything that the answer has printed.
const MARK: &str = "\n\u{1e}";

/// Stands before the output of each run of the answer. The last run is the one that fails.
const NEW_RUN: &str = "\n\u{1d}";

/// How many lines are shown of the output of an answer.
const LAST_LINES: usize = 20;

/// No answer needs a tenth of this.
const DEADLINE: Duration = Duration::from_secs(20);

fn main() -> ExitCode {
    let Some(request) = Request::parse(env::args().skip(1)) else {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    };
    if env::var_os(ALONE).is_some() {
        return request.grade_here();
    }
    match request.grade_all() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("exercises: {error}");
            ExitCode::FAILURE
        }
    }
}

/// The wishes of the command line.
struct Request {
    solutions: bool,
    /// Numbers of exercises, from 1. None of them: all.
    chosen: Vec<usize>,
}

impl Request {
    fn parse(arguments: impl Iterator<Item = String>) -> Option<Self> {
        let mut request = Self { solutions: false, chosen: Vec::new() };
        for argument in arguments {
            match argument.parse() {
                Ok(number) if (1..=EXERCISES.len()).contains(&number) => {
                    request.chosen.push(number);
                }
                Err(_) if argument == "--solutions" => request.solutions = true,
                _ => return None,
            }
        }
        Some(request)
    }

    /// Grades the first chosen exercise in this process, and prints the verdict.
    fn grade_here(&self) -> ExitCode {
        let Some(exercise) = self.chosen.first().and_then(|number| EXERCISES.get(number - 1))
        else {
            return ExitCode::from(2);
        };
        let _ = BEFORE_EACH_RUN.set(|| print!("{NEW_RUN}"));
        let verdict = if self.solutions { exercise.grade_solution() } else { exercise.grade() };
        print!("{MARK}{}", verdict.err().unwrap_or_default());
        // The threads of an answer that failed may still hold something that cannot be dropped.
        let _ = io::stdout().flush();
        std::process::exit(0)
    }

    /// Returns whether every answer is right.
    fn grade_all(&self) -> io::Result<bool> {
        let (mut points, mut total) = (0, 0);
        for (number, exercise) in (1..).zip(EXERCISES) {
            if !self.chosen.is_empty() && !self.chosen.contains(&number) {
                continue;
            }
            let (verdict, printed) = grade_apart(number, self.solutions)?;
            if !self.chosen.is_empty() {
                print_end(&printed);
            }
            total += exercise.points;
            if verdict.is_ok() {
                points += exercise.points;
            }
            println!("{}", line(number, exercise, &verdict));
        }
        println!("total: {points} of {total} points");
        Ok(points == total)
    }
}

/// Prints the output of the last run of an answer, or its end.
fn print_end(printed: &str) {
    let run = printed.rsplit(NEW_RUN).next().unwrap_or_default();
    let lines: Vec<_> = run.lines().collect();
    let skipped = lines.len().saturating_sub(LAST_LINES);
    if skipped > 0 {
        println!("({skipped} lines before these are left out)");
    }
    lines[skipped..].iter().for_each(|line| println!("{line}"));
}

fn line(number: usize, exercise: &Exercise, verdict: &Verdict) -> String {
    let Exercise { name, points, .. } = exercise;
    let name = name.split_once('_').map_or(*name, |(_, name)| name).replace('_', " ");
    let earned = if verdict.is_ok() { *points } else { 0 };
    let start = format!("{number}  {name:<23} {earned} of {points}");
    match verdict {
        Ok(()) => format!("{start}  pass"),
        Err(message) => format!("{start}  fail: {message}"),
    }
}

/// Grades one answer in another process. Returns the verdict, and the output of the answer.
fn grade_apart(number: usize, solutions: bool) -> io::Result<(Verdict, String)> {
    let mut command = Command::new(env::current_exe()?);
    command.arg(number.to_string()).env(ALONE, "1");
    if solutions {
        command.arg("--solutions");
    }
    // The model checker writes schedules to stderr. They help nobody here.
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn()?;
    let mut output = child.stdout.take().ok_or(io::ErrorKind::BrokenPipe)?;
    let (done, is_done) = mpsc::channel();
    thread::spawn(move || {
        let mut text = Vec::new();
        let _ = output.read_to_end(&mut text);
        let _ = done.send(text);
    });
    let Ok(text) = is_done.recv_timeout(DEADLINE) else {
        child.kill()?;
        child.wait()?;
        let seconds = DEADLINE.as_secs();
        let message = format!(
            "no end after {seconds} s: a loop never ends, or a thread waits for a lock that is not \
             from `crate::sync`"
        );
        return Ok((Err(message), String::new()));
    };
    let status = child.wait()?;
    let text = String::from_utf8_lossy(&text);
    let (printed, verdict) = match text.rsplit_once(MARK) {
        Some((printed, "")) => (printed, Ok(())),
        Some((printed, message)) => (printed, Err(message.to_owned())),
        None => (&*text, Err(unfinished(status))),
    };
    Ok((verdict, printed.to_owned()))
}

fn unfinished(status: ExitStatus) -> String {
    format!(
        "the answer has ended the whole process ({status}): does a function call itself again and \
         again, or a destructor panic?"
    )
}
