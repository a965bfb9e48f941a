//! The forms of a grade: text for its author, JSON for a program, a row of CSV for a lecturer.

use std::fmt::Write;

use exercises::grading::EXERCISES;

use crate::run::Graded;

/// How many lines are shown of the output of an answer.
const LAST_LINES: usize = 20;

/// A line for each exercise, and the total. `all`: also how it fails.
pub(crate) fn text(graded: &[Graded], all: bool) -> String {
    let mut text = String::new();
    for one in graded {
        if all {
            details(&mut text, one);
        }
        let (number, name) = (one.number, one.exercise.name());
        let end =
            one.failure().map_or("pass".to_owned(), |failure| format!("fail: {}", failure.message));
        let (points, of) = (one.points(), one.verdicts.len());
        let _ = writeln!(text, "{number}  {name:<23} {points} of {of}  {end}");
        if all {
            for (promise, verdict) in one.exercise.promises.iter().zip(&one.verdicts) {
                let word = if verdict.is_ok() { "pass" } else { "fail" };
                let _ = writeln!(text, "   {word}: {promise}");
            }
        }
    }
    let _ = writeln!(text, "total: {} of {} points", points(graded), of(graded));
    text
}

fn points(graded: &[Graded]) -> usize {
    graded.iter().map(Graded::points).sum()
}

fn of(graded: &[Graded]) -> usize {
    graded.iter().map(|one| one.verdicts.len()).sum()
}

/// What the compiler and the answer have printed, and the schedule that broke the answer.
fn details(text: &mut String, one: &Graded) {
    text.push_str(&one.messages);
    let lines: Vec<_> = one.printed.lines().collect();
    let skipped = lines.len().saturating_sub(LAST_LINES);
    if skipped > 0 {
        let _ = writeln!(text, "({skipped} lines before these are left out)");
    }
    for line in &lines[skipped..] {
        let _ = writeln!(text, "{line}");
    }
    if let Some(failure) = one.failure().filter(|failure| !failure.schedule.is_empty()) {
        let _ = writeln!(text, "{}", failure.schedule);
    }
}

/// One object, in the form of Gradescope's `results.json`.
pub(crate) fn json(graded: &[Graded]) -> String {
    let mut tests = Vec::new();
    for one in graded {
        for (index, (promise, verdict)) in
            (1..).zip(one.exercise.promises.iter().zip(&one.verdicts))
        {
            let (score, status, output) = match verdict {
                Ok(()) => (1, "passed", String::new()),
                Err(failure) => {
                    // The compiler is the same for all tests of an answer.
                    let messages = if index == 1 { &*one.messages } else { "" };
                    let text = format!("{}\n{}{messages}", failure.message, failure.schedule);
                    (0, "failed", text.trim_end().to_owned())
                }
            };
            tests.push(format!(
                r#"{{"number": "{}.{index}", "name": {}, "score": {score}, "max_score": 1, "status": "{status}", "output": {}}}"#,
                one.number,
                quoted(&format!("{}: {promise}", one.exercise.name())),
                quoted(&output),
            ));
        }
    }
    let output = quoted(&format!("{} of {} points", points(graded), of(graded)));
    let (score, tests) = (points(graded), tests.join(",\n    "));
    format!(
        "{{\n  \"score\": {score},\n  \"output\": {output},\n  \"tests\": [\n    {tests}\n  ]\n}}\n"
    )
}

/// A string of JSON.
fn quoted(text: &str) -> String {
    let mut quoted = String::from('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            '\n' => quoted.push_str("\\n"),
            c if c.is_control() => {
                let _ = write!(quoted, "\\u{:04x}", u32::from(c));
            }
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

pub(crate) fn csv_header() -> String {
    let exercises = (1..=EXERCISES.len()).map(|number| format!("e{number}"));
    format!("student,{},total,remarks", exercises.collect::<Vec<_>>().join(","))
}

pub(crate) fn csv_row(student: &str, graded: &[Graded]) -> String {
    let remarks = graded.iter().filter_map(|one| {
        let failure = one.failure()?;
        Some(format!("e{}: {}", one.number, failure.message))
    });
    let remarks = remarks.collect::<Vec<_>>().join(" | ");
    let mut cells = vec![cell(student)];
    cells.extend(graded.iter().map(|one| one.points().to_string()));
    cells.extend([points(graded).to_string(), cell(&remarks)]);
    cells.join(",")
}

/// A cell of CSV. Quotes are doubled.
fn cell(text: &str) -> String {
    if text.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.to_owned()
    }
}
