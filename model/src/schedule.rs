//! A schedule as text: a column for each thread, a row for each step, the holder of each lock after it,
//! and where it broke.
//!
//! Why it is here: a fault between threads is easy to see when their steps stand side by side. This is
//! plain data and text. The game fills it in (`model/examples/scheduler.rs`), and so can any program
//! that runs threads step by step.

use std::fmt::Write;
use std::iter;

/// Between two columns.
const GAP: &str = "  ";

/// No column is narrower, or each word would need a row of its own.
const NARROWEST: usize = 9;

/// The steps of all threads, in the order in which they happened.
#[derive(Default)]
pub(crate) struct History {
    pub(crate) steps: Vec<Step>,
}

/// Something that one thread did without a break.
pub(crate) struct Step {
    /// The place of the thread in the list of the threads' names.
    pub(crate) thread: usize,
    pub(crate) what: String,
    /// For each lock, the thread that holds it after this step.
    pub(crate) holders: Vec<Option<usize>>,
}

impl History {
    /// The table, at most `width` wide where that is possible. `fault` says what is broken after the last
    /// step. A lock that no thread holds between two steps has no column.
    pub(crate) fn table(
        &self,
        threads: &[String],
        locks: &[&str],
        fault: Option<&str>,
        width: usize,
    ) -> String {
        let is_held = |lock: &usize| self.steps.iter().any(|step| step.holders[*lock].is_some());
        let held: Vec<_> = (0..locks.len()).filter(is_held).collect();
        let lock_width = |lock: &usize| locks[*lock].len().max(longest(threads));
        // In front of the columns stands the number of the step.
        let number = self.steps.len().to_string().len().max(2);
        let taken: usize = held.iter().map(|lock| GAP.len() + lock_width(lock)).sum();
        let left = width.saturating_sub(number + taken);
        let column = (left / threads.len().max(1)).saturating_sub(GAP.len()).max(NARROWEST);
        let widths: Vec<_> = iter::once(number)
            .chain(threads.iter().map(|_| column))
            .chain(held.iter().map(lock_width))
            .collect();

        let mut text = String::from(if held.is_empty() {
            "Each row is a step. No thread holds a lock between two steps.\n"
        } else {
            "Each row is a step. On the right: which thread holds the lock after it.\n"
        });
        let locks = held.iter().map(|lock| locks[*lock].to_owned());
        let head: Vec<_> =
            iter::once(String::new()).chain(threads.iter().cloned()).chain(locks).collect();
        row(&mut text, &head, &widths);
        for (number, step) in (1..).zip(&self.steps) {
            let mut cells = vec![format!("{number:>width$}", width = widths[0])];
            cells.resize(1 + threads.len(), String::new());
            cells[1 + step.thread].clone_from(&step.what);
            cells.extend(held.iter().map(|lock| {
                step.holders[*lock].map_or("free".to_owned(), |thread| threads[thread].clone())
            }));
            row(&mut text, &cells, &widths);
        }
        if let (Some(fault), Some(last)) = (fault, self.steps.last()) {
            // Under the step that broke it.
            let place = widths[..=last.thread].iter().map(|width| width + GAP.len()).sum();
            let _ = writeln!(text, "{:place$}^ here", "");
            for line in wrapped(fault, width) {
                text.extend([&line, "\n"]);
            }
        }
        text
    }
}

fn longest(words: &[String]) -> usize {
    words.iter().map(|word| word.chars().count()).chain([4]).max().unwrap_or_default()
}

/// Adds a row of the table. A cell that is too long goes on below.
fn row(text: &mut String, cells: &[String], widths: &[usize]) {
    let cells: Vec<_> =
        cells.iter().zip(widths).map(|(cell, width)| wrapped(cell, *width)).collect();
    let height = cells.iter().map(Vec::len).max().unwrap_or_default();
    for line in 0..height {
        let mut rest = String::new();
        for (cell, width) in cells.iter().zip(widths) {
            let piece = cell.get(line).map_or("", String::as_str);
            let _ = write!(rest, "{piece:width$}{GAP}");
        }
        text.extend([rest.trim_end(), "\n"]);
    }
}

/// The lines of a paragraph. A word that is too long has a line of its own.
pub(crate) fn wrapped(text: &str, width: usize) -> Vec<String> {
    // A number that stands on the right of its column begins with spaces.
    if text.chars().count() <= width {
        return vec![text.to_owned()];
    }
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let line = lines.last_mut().filter(|line| !line.is_empty());
        match line.filter(|line| line.chars().count() + 1 + word.chars().count() <= width) {
            Some(line) => line.extend([" ", word]),
            None => lines.push(word.to_owned()),
        }
    }
    lines.retain(|line| !line.is_empty());
    lines
}
