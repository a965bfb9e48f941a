//! A script that pipes numbered lines into a client, and the lines that others should receive.

use std::collections::HashSet;

/// The lines 1, 2, 3… as `seq` prints them.
pub(crate) fn numbers(count: usize) -> String {
    (1..=count).fold(String::new(), |text, number| format!("{text}{number}\n"))
}

/// The lines that a client with this name sends for them.
pub(crate) fn said(name: &str, count: usize) -> Vec<String> {
    (1..=count).map(|number| format!("{name}: {number}")).collect()
}

/// The lines of `name` without duplicates, in the order of their first appearance; and the number
/// of duplicates.
pub(crate) fn heard_of(name: &str, lines: &[String]) -> (Vec<String>, usize) {
    let start = format!("{name}: ");
    let own = lines.iter().filter(|line| line.starts_with(&start));
    let mut seen = HashSet::new();
    let (first, again): (Vec<_>, Vec<_>) = own.cloned().partition(|line| seen.insert(line.clone()));
    (first, again.len())
}
