//! Builds answers, each as a program of its own, from this folder or from copies.

use std::env;
use std::fs;
use std::io;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use exercises::grading::EXERCISES;

use crate::run::wait_for;
use crate::words;

/// All programs together take seconds. (The tools that they share are built before.)
const LIMIT: Duration = Duration::from_secs(120);

/// No answer is a tenth as long, in bytes.
const LONGEST: u64 = 100_000;

/// A folder of answers.
pub(crate) struct Answers {
    folder: PathBuf,
    /// For each exercise: why its answer is not even built.
    refused: Vec<Option<String>>,
    is_copy: bool,
}

/// A program that runs the tests of one answer, or the reason why there is none.
pub(crate) struct Program {
    pub(crate) path: Result<PathBuf, String>,
    /// What the compiler has to say.
    pub(crate) messages: String,
}

impl Answers {
    /// The answers in this repository.
    pub(crate) fn here() -> Self {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("answers");
        let texts = EXERCISES.iter().map(|exercise| read(&folder, exercise.file));
        let refused = texts.map(|text| text.and_then(|text| words::check(&text)).err()).collect();
        Self { folder, refused, is_copy: false }
    }

    /// Copies the answers from a folder, and nothing else. `name` is that of the copy.
    pub(crate) fn copy(from: &Path, name: &str) -> io::Result<Self> {
        let folder = target()?.join("graded").join(name);
        if folder.exists() {
            fs::remove_dir_all(&folder)?;
        }
        fs::create_dir_all(&folder)?;
        let mut refused = Vec::new();
        for (number, exercise) in (1..).zip(EXERCISES) {
            let text =
                read(from, exercise.file).and_then(|text| words::check(&text).map(|()| text));
            if let Ok(text) = &text {
                fs::write(folder.join(exercise.file).with_extension("rs"), text)?;
                // `answers/src/bin` includes this.
                fs::write(
                    folder.join(format!("e{number}.rs")),
                    format!("mod {};\n", exercise.file),
                )?;
            }
            refused.push(text.err());
        }
        Ok(Self { folder, refused, is_copy: true })
    }

    /// Builds the answers to these exercises, in the same order. An error in one answer stops no other.
    pub(crate) fn build(&self, numbers: &[usize]) -> io::Result<Vec<Program>> {
        let sound: Vec<_> =
            numbers.iter().filter(|number| self.refused[**number - 1].is_none()).copied().collect();
        let together = if sound.is_empty() { None } else { Some(self.cargo(&sound)?) };
        numbers.iter().map(|number| self.program(*number, together.as_ref())).collect()
    }

    fn program(&self, number: usize, together: Option<&(bool, String)>) -> io::Result<Program> {
        if let Some(reason) = &self.refused[number - 1] {
            return Ok(Program { path: Err(reason.clone()), messages: String::new() });
        }
        // What went well is not built again, and then cargo repeats its warnings.
        let (built, messages) = match together {
            Some((true, messages)) if messages.is_empty() => (true, String::new()),
            _ => self.cargo(&[number])?,
        };
        let path = if built {
            let name = format!("e{number}{}", env::consts::EXE_SUFFIX);
            Ok(env::current_exe()?.with_file_name(name))
        } else {
            Err(format!("does not compile: {}", first_error(&messages)))
        };
        Ok(Program { path, messages })
    }

    /// Returns whether all of these are built, and the messages of the compiler.
    fn cargo(&self, numbers: &[usize]) -> io::Result<(bool, String)> {
        let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("answers/Cargo.toml");
        command.args(["build", "--quiet", "--color=never", "--keep-going"]);
        command.arg("--manifest-path").arg(manifest).arg("--target-dir").arg(target()?);
        if !cfg!(debug_assertions) {
            command.arg("--release");
        }
        if self.is_copy {
            command.args(["--features", "elsewhere"]).env("ANSWERS", &self.folder);
        }
        for number in numbers {
            command.args(["--bin", &format!("e{number}")]);
        }
        // It starts compilers, and they must end with it. (Answers start nothing, and Ctrl-C should reach
        // them.)
        command.process_group(0);
        let ended = wait_for(command, "", LIMIT)?;
        Ok(match ended.status {
            Some(status) => (status.success(), ended.output),
            None => (false, format!("error: no end of the compiler after {} s", LIMIT.as_secs())),
        })
    }
}

/// The folder in which cargo builds.
fn target() -> io::Result<PathBuf> {
    let program = env::current_exe()?;
    let folder = program.parent().and_then(Path::parent).map(Path::to_owned);
    folder.ok_or_else(|| io::ErrorKind::NotFound.into())
}

/// Reads an answer. A link out of the folder is no answer.
fn read(folder: &Path, file: &str) -> Result<String, String> {
    let path = folder.join(file).with_extension("rs");
    let missing = || format!("there is no file {file}.rs");
    let real = path.canonicalize().map_err(|_| missing())?;
    let inside = folder.canonicalize().is_ok_and(|folder| real.starts_with(folder));
    let meta = real.metadata().map_err(|_| missing())?;
    if !inside || !meta.is_file() {
        return Err(format!("{file}.rs is no file of this folder"));
    }
    if meta.len() > LONGEST {
        return Err(format!("{file}.rs is too long for an answer"));
    }
    fs::read_to_string(real).map_err(|error| format!("{file}.rs cannot be read: {error}"))
}

/// The first error in one line, with its place.
fn first_error(messages: &str) -> String {
    let mut lines = messages.lines().skip_while(|line| !line.starts_with("error"));
    let error = lines.next().unwrap_or("see the messages of cargo");
    let place = lines.next().and_then(|line| line.trim_start().strip_prefix("--> "));
    let Some(place) = place else { return error.to_owned() };
    let file = Path::new(place).file_name().unwrap_or_default();
    format!("{error} ({})", file.display())
}
