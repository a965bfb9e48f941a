//! A script that pipes numbered lines into a client, and what others should hear of it.

use std::collections::HashSet;

/// The lines 1, 2, 3… as `seq` would print them.
pub(crate) fn numbers(count: usize) -> String {
    (1..=count).fold(String::new(), |text, number| format!("{text}{number}\n"))
}

/// What a client of this name makes of them.
pub(crate) fn said(name: &str, count: usize) -> Vec<String> {
    (1..=count).map(|number| format!("{name}: {number}")).collect()
}

/// What `name` said in these lines, each line where it was heard first; and how many came again.
pub(crate) fn heard_of(name: &str, lines: &[String]) -> (Vec<String>, usize) {
    let start = format!("{name}: ");
    let own = lines.iter().filter(|line| line.starts_with(&start));
    let mut seen = HashSet::new();
    let (first, again): (Vec<_>, Vec<_>) = own.cloned().partition(|line| seen.insert(line.clone()));
    (first, again.len())
}
