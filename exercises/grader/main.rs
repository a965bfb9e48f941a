//! The grader: builds each answer as a program of its own, runs its tests, and prints the points.
//!
//! An answer that does not compile, never ends or ends its process takes nothing else with it. What it
//! prints is no verdict (see [`run`]).

mod build;
mod class;
mod report;
mod run;
mod words;

use std::env;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use build::Answers;
use exercises::grading::EXERCISES;

const USAGE: &str = "\
usage: cargo run -p exercises                   grade your answers
       cargo run -p exercises -- 3              grade one answer, and show how it fails
       cargo run -p exercises -- 3 --hint 1     show a hint; --hint 2 says more
       cargo run -p exercises -- --json         grade your answers, for a program: results.json
       cargo run -p exercises -- --solutions    grade the solutions
       cargo run -p exercises -- grade-all DIR  grade a class: a folder for each student in DIR";

fn main() -> ExitCode {
    let Some(request) = Request::parse(env::args().skip(1)) else {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    };
    match request.fulfil() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("exercises: {error}");
            ExitCode::FAILURE
        }
    }
}

/// The wishes of the command line. The numbers of exercises begin at 1.
enum Request {
    Grade { solutions: bool, json: bool, chosen: Vec<usize> },
    Hint { exercise: usize, hint: usize },
    GradeAll(PathBuf),
}

impl Request {
    fn parse(arguments: impl Iterator<Item = String>) -> Option<Self> {
        let (mut solutions, mut json, mut hint, mut chosen) = (false, false, None, Vec::new());
        let mut arguments = arguments.peekable();
        if arguments.next_if(|word| word == "grade-all").is_some() {
            let folder = arguments.next()?;
            return arguments.next().is_none().then(|| Self::GradeAll(folder.into()));
        }
        while let Some(argument) = arguments.next() {
            match argument.as_str() {
                "--solutions" => solutions = true,
                "--json" => json = true,
                "--hint" => hint = Some(arguments.next()?.parse().ok()?),
                number => {
                    let number = number.parse().ok()?;
                    chosen.push((1..=EXERCISES.len()).contains(&number).then_some(number)?);
                }
            }
        }
        match (hint, &chosen[..]) {
            (Some(hint @ 1..=2), &[exercise]) if !solutions && !json => {
                Some(Self::Hint { exercise, hint })
            }
            (Some(_), _) => None,
            (None, _) => Some(Self::Grade { solutions, json, chosen }),
        }
    }

    /// Returns whether every answer is right.
    fn fulfil(self) -> io::Result<bool> {
        match self {
            Self::Grade { solutions, json, chosen } => {
                let answers =
                    if solutions { solutions_of_the_exercises()? } else { Answers::here() };
                let graded = run::grade(&answers, &chosen)?;
                let report = if json {
                    report::json(&graded)
                } else {
                    report::text(&graded, !chosen.is_empty())
                };
                io::stdout().write_all(report.as_bytes())?;
                Ok(graded.iter().all(|graded| graded.points() == graded.verdicts.len()))
            }
            Self::Hint { exercise, hint } => {
                writeln!(io::stdout(), "{}", EXERCISES[exercise - 1].hints[hint - 1])?;
                Ok(true)
            }
            Self::GradeAll(folder) => class::grade(&folder).map(|()| true),
        }
    }
}

fn solutions_of_the_exercises() -> io::Result<Answers> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("solutions");
    if !folder.is_dir() {
        let error = "there are no solutions here: they are in a clone of the repository, and not in its \
                     archive";
        return Err(io::Error::new(io::ErrorKind::NotFound, error));
    }
    Answers::copy(&folder, "solutions")
}
