//! `--timeline FILE`: what the threads do, as a file that Perfetto and `chrome://tracing` show.
//!
//! It sees the lines that the threads log at `trace`; `Sequence_Diagram.md` draws some of them. A thread
//! notes the time and hands its line over without waiting; lines that do not fit are counted. A thread
//! of its own looks up in [`WORDS`] what each line says, and writes Chrome's trace events: complete
//! steps only, because a missing end would spoil everything after it. It writes whole lines, so a server
//! that is killed leaves a readable file, too; only if it was writing, the last line may be cut.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, Write as _};
use std::mem;
use std::path::Path;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::thread::{self, Thread, ThreadId};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use crossbeam_channel::{Receiver, Sender, bounded};
use log::{Level, LevelFilter, Record};

use super::stderr;

/// How many lines may wait to be written: 5 MB of memory.
const WAITING: usize = 65_536;

/// How much is written at once, in bytes.
const WRITE: usize = 65_536;

/// How long the thread rests after it has written. While it rests, no other thread need wake it.
const REST: Duration = Duration::from_millis(20);

/// The tracks that belong to no thread: who holds the roster, and where lines were skipped.
const ROSTER: usize = 1;
const SKIPS: usize = 2;

/// The beginning of the file: an array, whose end may be missing, and the names of these tracks.
const HEAD: &str = r#"[
{"name":"process_name","ph":"M","pid":1,"tid":1,"args":{"name":"tcp-chat server"}},
{"name":"thread_name","ph":"M","pid":1,"tid":1,"args":{"name":"roster"}},
{"name":"thread_name","ph":"M","pid":1,"tid":2,"args":{"name":"skipped"}},
"#;

/// The step that contains others.
const HOLDS: &str = "holds the roster";

/// How a line begins, what its thread has done since its last line, what the thread does until the
/// next line of this table, and what the number at the end of the line counts. Only [`HOLDS`] goes on
/// until the roster is unlocked. A line that is not here is a moment.
const WORDS: [(&str, &str, &str, &str); 13] = [
    ("reads bytes: ", "reads", "", "bytes"),
    ("reads no more", "reads", "", ""),
    ("appends to pending", "appends to pending", "", ""),
    ("the roster is busy", "finds the roster busy", "", ""),
    ("finds nothing pending", "finds nothing pending", "", ""),
    ("waits for the roster", "", "waits for the roster", ""),
    ("locks the roster", "", HOLDS, ""),
    ("lets others append", "", "lets others append", ""),
    ("takes all that is pending, lines: ", "", "", "lines"),
    ("sends to all peers: ", "", "sends", "peers"),
    ("unlocks the roster", "", "", ""),
    ("sends the backlog, batches: ", "", "sends the backlog", "batches"),
    ("waits for its turn", "", "waits for its turn", ""),
];

/// A line: when and by which thread it was logged, and how many lines were skipped until then.
type Note = (Instant, Thread, u64, Cow<'static, str>);

/// What the writing thread is given.
enum Task {
    Note(Note),
    /// Write everything, and drop this sender.
    End(Sender<()>),
}

static TASKS: OnceLock<Sender<Task>> = OnceLock::new();

static SKIPPED: AtomicU64 = AtomicU64::new(0);

/// Notes a line of the log. This never waits.
pub(crate) fn note(record: &Record) {
    let Some(tasks) = TASKS.get() else { return };
    if record.level() == Level::Trace && record.target().starts_with("tcp_chat") {
        let (at, skipped) = (Instant::now(), SKIPPED.load(Relaxed));
        let line =
            record.args().as_str().map_or_else(|| record.args().to_string().into(), Cow::from);
        if tasks.try_send(Task::Note((at, thread::current(), skipped, line))).is_err() {
            SKIPPED.fetch_add(1, Relaxed);
        }
    }
}

pub(crate) fn create(path: &Path) -> Result<File> {
    let failed = || format!("cannot write the timeline {}; choose another file", path.display());
    File::create(path).with_context(failed)
}

/// Begins to write what this process does. Returns the file, for [`finish`].
pub(crate) fn start(path: &Path) -> Result<File> {
    let file = create(path)?;
    let writer = Writer {
        file: file.try_clone()?,
        begin: Instant::now(),
        skipped: 0,
        tracks: HashMap::new(),
        text: HEAD.to_owned(),
    };
    let (sender, tasks) = bounded(WAITING);
    let write = move || {
        if let Err(error) = writer.run(&tasks) {
            log::warn!("cannot write the timeline any more: {error}; it ends here");
        }
    };
    thread::Builder::new().name("timeline".to_owned()).spawn(write)?;
    TASKS.get_or_init(|| sender);
    log::set_max_level(LevelFilter::Trace);
    Ok(file)
}

/// Waits until everything is written, but not for long.
pub(crate) fn finish(file: &File) {
    let (end, ended) = bounded(0);
    if TASKS.get().is_some_and(|tasks| tasks.send_timeout(Task::End(end), 10 * REST).is_ok()) {
        stderr::wait_for(&ended, file);
    }
}

struct Track {
    number: usize,
    /// The steps that have begun, the outermost first: name, beginning, numbers.
    open: Vec<(&'static str, Duration, String)>,
    last: Duration,
}

struct Writer {
    file: File,
    begin: Instant,
    /// How many lines had been skipped before the last line came.
    skipped: u64,
    tracks: HashMap<ThreadId, Track>,
    text: String,
}

impl Writer {
    fn run(mut self, tasks: &Receiver<Task>) -> io::Result<()> {
        for task in tasks {
            match task {
                Task::Note(note) => self.add(&note),
                Task::End(_end) => return self.write(),
            }
            if tasks.is_empty() || self.text.len() > WRITE {
                self.write()?;
            }
            if tasks.is_empty() {
                thread::sleep(REST);
            }
        }
        Ok(())
    }

    /// Finds out what a line says, and adds the steps that it ends.
    fn add(&mut self, (at, thread, skipped, line): &Note) {
        let Self { tracks, text, .. } = self;
        let now = at.saturating_duration_since(self.begin);
        if *skipped > self.skipped {
            let what = format!("{} lines skipped", skipped - self.skipped);
            let last = tracks.values().map(|track| track.last).max().unwrap_or_default();
            add_step(text, SKIPS, &what, [last, now], "");
            self.skipped = *skipped;
            // Any thread may miss them: nothing is known of the steps that had begun.
            for track in tracks.values_mut() {
                (track.open, track.last) = (Vec::new(), now);
            }
        }
        let (number, name) = (SKIPS + 1 + tracks.len(), thread.name().unwrap_or("a thread"));
        let track = tracks.entry(thread.id()).or_insert_with(|| {
            let _ = writeln!(
                text,
                r#"{{"name":"thread_name","ph":"M","pid":1,"tid":{number},"args":{{"name":"{name}"}}}},"#
            );
            Track { number, open: Vec::new(), last: now }
        });
        let last = mem::replace(&mut track.last, now);
        let words = WORDS.iter().find(|(start, ..)| line.starts_with(start));
        let Some(&(start, did, does, counts)) = words else {
            return add_step(text, track.number, line, [now, now], "");
        };
        let ends = |step: &str| step != HOLDS || start == "unlocks the roster";
        while let Some((step, since, numbers)) = track.open.pop_if(|(step, ..)| ends(step)) {
            add_step(text, track.number, step, [since, now], &numbers);
            if step == HOLDS {
                add_step(text, ROSTER, name, [since, now], &numbers);
            }
        }
        let numbers = match counts {
            "" => String::new(),
            counts => format!("\"{counts}\":{},", &line[start.len()..]),
        };
        track.open.iter_mut().for_each(|(.., of_step)| *of_step += &numbers);
        if !did.is_empty() {
            add_step(text, track.number, did, [last, now], &numbers);
        }
        if !does.is_empty() {
            track.open.push((does, now, numbers));
        }
    }

    fn write(&mut self) -> io::Result<()> {
        let length = self.file.metadata()?.len();
        let written = self.file.write_all(mem::take(&mut self.text).as_bytes());
        // Half a line at its end would spoil the file.
        written.inspect_err(|_| _ = self.file.set_len(length))
    }
}

fn add_step(text: &mut String, track: usize, name: &str, time: [Duration; 2], numbers: &str) {
    let [start, end] = time.map(|time| time.as_secs_f64() * 1e6);
    let (length, name) = ((end - start).max(0.0), name.replace(['"', '\\'], "'"));
    let numbers = numbers.trim_end_matches(',');
    let _ = writeln!(
        text,
        r#"{{"name":"{name}","ph":"X","ts":{start:.3},"dur":{length:.3},"pid":1,"tid":{track},"args":{{{numbers}}}}},"#
    );
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::WORDS;

    /// How the other lines begin. Each of them is a moment, and is drawn with its own words.
    const MOMENTS: [&str; 10] = [
        "has hung up before it could join",
        "joins as peer ",
        "peer ",
        "removes the record of peer ",
        "the record of peer ",
        "starts the thread ",
        "accepts no more",
        "nobody to accept: ",
        "a caller has hung up already",
        "all threads have ended",
    ];

    /// The lines that the server logs at `trace`, up to the first value in them.
    fn logged() -> Vec<String> {
        let mut found = Vec::new();
        for folder in ["src/room", "src/server"] {
            let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
            for file in fs::read_dir(folder).expect("a folder").flatten() {
                let Ok(text) = fs::read_to_string(file.path()) else { continue };
                for call in text.split("log::trace!(").skip(1) {
                    let (_, line) = call.split_once('"').expect("a text");
                    let end = line.find(['"', '{']).expect("its end");
                    found.push(line[..end].to_owned());
                }
            }
        }
        found
    }

    #[test]
    fn each_line_of_the_server_is_known_and_no_other() {
        let known: Vec<_> = WORDS.iter().map(|(begin, ..)| *begin).chain(MOMENTS).collect();
        let logged = logged();
        assert!(logged.len() > 20, "{logged:?}");
        for line in &logged {
            assert!(known.iter().any(|begin| line.starts_with(begin)), "not in WORDS: {line}");
        }
        for begin in known {
            assert!(logged.iter().any(|line| line.starts_with(begin)), "nobody logs: {begin}");
        }
    }
}
