//! `--timeline FILE`: what the threads do, as a file that Perfetto and `chrome://tracing` show.
//!
//! It sees the lines that the threads log at `trace`; `Sequence_Diagram.md` draws some of them. A thread
//! notes the time and hands its line over without waiting; lines that do not fit are counted. A thread
//! of its own looks up in [`WORDS`] what each line says, and writes Chrome's trace events: complete
//! steps only, because a missing end would spoil everything after it. It writes whole lines, so a
//! server that is killed leaves a readable file, too.

use std::borrow::Cow;
use std::cell::Cell;
use std::collections::HashMap;
use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, Write as _};
use std::path::Path;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};
use std::thread;
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
const ROSTER: u32 = 1;
const SKIPS: u32 = 2;

/// The beginning of the file: an array, whose end may be missing, and the names of these tracks.
const HEAD: &str = r#"[
{"name":"process_name","ph":"M","pid":1,"tid":1,"args":{"name":"tcp-chat server"}},
{"name":"thread_name","ph":"M","pid":1,"tid":1,"args":{"name":"roster"}},
{"name":"thread_name","ph":"M","pid":1,"tid":2,"args":{"name":"skipped"}},
"#;

/// How a line begins, which steps of its thread it ends, which step it begins, what the thread has done
/// since its last line, and what the number at the end of the line counts. A line that is not here
/// is a moment.
const WORDS: [(&str, &[&str], &str, &str, &str); 13] = [
    ("reads bytes: ", &[], "", "reads", "bytes"),
    ("reads no more", &["waits for its turn"], "", "reads", ""),
    ("appends to pending", &["waits for its turn"], "", "appends to pending", ""),
    ("the roster is busy", &[], "", "finds the roster busy", ""),
    ("finds nothing pending", &[], "", "finds nothing pending", ""),
    ("waits for the roster", &["sends the backlog"], "waits for the roster", "", ""),
    ("locks the roster", &["waits for the roster"], "holds the roster", "", ""),
    ("lets others append", &[], "lets others append", "", ""),
    ("takes all that is pending, lines: ", &["lets others append"], "", "", "lines"),
    ("sends to all peers: ", &[], "sends", "", "peers"),
    ("unlocks the roster", &["holds the roster"], "", "", ""),
    ("sends the backlog, batches: ", &[], "sends the backlog", "", "batches"),
    ("waits for its turn", &[], "waits for its turn", "", ""),
];

/// What the writing thread is given.
enum Task {
    /// A line, its time, and its track. The first line of a track brings the name of the thread, and so
    /// does the first one after lines that were skipped.
    Note(Instant, u32, Option<String>, Cow<'static, str>),
    /// Write everything, and drop this sender.
    End(Sender<()>),
}

/// The channel to the writing thread, if there is a timeline.
static TASKS: OnceLock<Sender<Task>> = OnceLock::new();

/// How many lines were skipped that the file does not mention yet.
static SKIPPED: AtomicU64 = AtomicU64::new(0);

static TRACKS: AtomicU32 = AtomicU32::new(SKIPS + 1);

thread_local! {
    /// The track of this thread, and whether the writing thread has been given its last line.
    static TRACK: Cell<(u32, bool)> = Cell::new((TRACKS.fetch_add(1, Relaxed), false));
}

/// Notes a line of the log. This never waits.
pub(crate) fn note(record: &Record) {
    let Some(tasks) = TASKS.get() else { return };
    if record.level() == Level::Trace && record.target().starts_with("tcp_chat") {
        let (at, (track, is_known)) = (Instant::now(), TRACK.get());
        let name = || thread::current().name().unwrap_or("a thread").to_owned();
        let line =
            record.args().as_str().map_or_else(|| record.args().to_string().into(), Cow::from);
        let note = Task::Note(at, track, (!is_known).then(name), line);
        let fits = tasks.try_send(note).is_ok();
        TRACK.set((track, fits));
        SKIPPED.fetch_add(u64::from(!fits), Relaxed);
    }
}

/// Makes the file, or empties it.
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
        written: (Duration::ZERO, 0),
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

/// A thread, as its lines tell it.
struct Track {
    name: String,
    /// The steps that have begun, the outermost first: name, beginning, numbers.
    open: Vec<(&'static str, Duration, String)>,
    /// When its last line came.
    last: Duration,
}

/// The thread that writes.
struct Writer {
    file: File,
    begin: Instant,
    /// When it wrote last, and how long the file was then.
    written: (Duration, u64),
    tracks: HashMap<u32, Track>,
    /// Whole lines that are to be written.
    text: String,
}

impl Writer {
    fn run(mut self, tasks: &Receiver<Task>) -> io::Result<()> {
        while let Ok(first) = tasks.recv() {
            for task in std::iter::once(first).chain(tasks.try_iter()) {
                match task {
                    Task::Note(at, track, name, line) => self.add(at, track, name, &line),
                    Task::End(_end) => return self.write(),
                }
                if self.text.len() > WRITE {
                    self.write()?;
                }
            }
            self.write()?;
            thread::sleep(REST);
        }
        Ok(())
    }

    /// Finds out what a line says, and adds the steps that it ends.
    fn add(&mut self, at: Instant, number: u32, name: Option<String>, line: &str) {
        let Self { begin, tracks, text, .. } = self;
        let now = at.saturating_duration_since(*begin);
        if let Some(name) = name {
            let _ = writeln!(
                text,
                r#"{{"name":"thread_name","ph":"M","pid":1,"tid":{number},"args":{{"name":"{name}"}}}},"#
            );
            // After lines that were skipped, nothing is known of the steps that had begun.
            tracks.insert(number, Track { name, open: Vec::new(), last: now });
        }
        let Some(track) = tracks.get_mut(&number) else { return };
        // A line without such words is a moment: it begins and ends now.
        let words = WORDS.iter().find(|(start, ..)| line.starts_with(start));
        let &(start, ends, begins, did, counts) = words.unwrap_or(&("", &[], "", "", ""));
        let (did, since) = if words.is_some() { (did, track.last) } else { (line, now) };
        while track.open.iter().any(|(name, ..)| ends.contains(name)) {
            let Some((name, since, numbers)) = track.open.pop() else { break };
            add_step(text, number, name, (since, now), &numbers);
            if name == "holds the roster" {
                add_step(text, ROSTER, &track.name, (since, now), &numbers);
            }
        }
        let numbers = match counts {
            "" => String::new(),
            counts => format!("\"{counts}\":{},", &line[start.len()..]),
        };
        track.open.iter_mut().for_each(|(.., of_step)| *of_step += &numbers);
        if !did.is_empty() {
            add_step(text, number, did, (since, now), &numbers);
        }
        if !begins.is_empty() {
            track.open.push((begins, now, numbers));
        }
        track.last = now;
    }

    fn write(&mut self) -> io::Result<()> {
        let (last, length) = self.written;
        let (now, skipped) = (self.begin.elapsed(), SKIPPED.swap(0, Relaxed));
        if skipped > 0 {
            add_step(&mut self.text, SKIPS, &format!("{skipped} lines skipped"), (last, now), "");
        }
        self.written = (now, length + self.text.len() as u64);
        let written = self.file.write_all(self.text.as_bytes());
        self.text.clear();
        // Half a line at its end would spoil the file.
        written.inspect_err(|_| _ = self.file.set_len(length))
    }
}

/// Adds a complete step to the text.
fn add_step(
    text: &mut String,
    track: u32,
    name: &str,
    (start, end): (Duration, Duration),
    numbers: &str,
) {
    let [start, length] = [start, end.saturating_sub(start)].map(|time| time.as_secs_f64() * 1e6);
    let (name, numbers) = (name.replace(['"', '\\'], "'"), numbers.trim_end_matches(','));
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
