//! Grades a class: a folder for each student, and a row of CSV for each folder.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::build::Answers;
use crate::{report, run};

/// Prints the header, and each row as soon as it is known.
pub(crate) fn grade(class: &Path) -> io::Result<()> {
    let context = |error| io::Error::other(format!("cannot read {}: {error}", class.display()));
    let mut students = Vec::new();
    for entry in fs::read_dir(class).map_err(context)? {
        let entry = entry.map_err(context)?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) && !name.starts_with('.') {
            students.push((name, entry.path()));
        }
    }
    if students.is_empty() {
        let class = class.display();
        return Err(io::Error::other(format!(
            "no student: {class} must have a folder for each, with their files e1_remove_once.rs, …"
        )));
    }
    students.sort();
    let mut out = io::stdout();
    writeln!(out, "{}", report::csv_header())?;
    for (number, (name, folder)) in (1..).zip(&students) {
        eprintln!("{number} of {}: {name}", students.len());
        let answers = Answers::copy(&place(folder), &format!("student-{number}"))?;
        writeln!(out, "{}", report::csv_row(name, &run::grade(&answers, &[])?))?;
    }
    Ok(())
}

/// Where the answers are: in the folder itself, or in their place if the whole repository was handed
/// in. A link to a place outside is no such place.
fn place(folder: &Path) -> PathBuf {
    let inside = folder.join("exercises/answers");
    let real =
        inside.canonicalize().and_then(|inside| Ok(inside.starts_with(folder.canonicalize()?)));
    if real.unwrap_or(false) { inside } else { folder.to_owned() }
}
