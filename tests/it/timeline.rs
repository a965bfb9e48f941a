//! `--timeline FILE`: the file says what the threads did, can be read at any time, and delays nothing.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{Read, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::thread;

use crate::shutdown::stop_in_time;
use crate::support::process::{self, Process, Signal};
use crate::support::server::Server;
use crate::support::{has, wait_until};

/// A file that is gone after the test.
struct Timeline(PathBuf);

impl Timeline {
    fn new(name: &str) -> Self {
        let name = format!("{name}-{}.json", std::process::id());
        Self(Path::new(env!("CARGO_TARGET_TMPDIR")).join(name))
    }

    fn path(&self) -> &str {
        self.0.to_str().expect("the name is text")
    }

    fn server(&self) -> Server {
        Server::start(&["--timeline", self.path()])
    }

    fn text(&self) -> String {
        fs::read_to_string(&self.0).expect("the server has made it")
    }
}

impl Drop for Timeline {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

/// Something that a thread did. The times are in nanoseconds.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Step {
    start: u64,
    end: u64,
    name: String,
    numbers: String,
}

/// The value behind a key, up to the end of it.
fn value<'a>(line: &'a str, key: &str, end: char) -> &'a str {
    let (_, rest) = line.split_once(&format!("\"{key}\":")).unwrap_or_else(|| panic!("{line}"));
    rest.split(end).next().expect("a value")
}

fn nanoseconds(text: &str) -> u64 {
    let (whole, part) = text.split_once('.').expect("microseconds, with a fraction");
    assert_eq!(part.len(), 3, "{text}");
    format!("{whole}{part}").parse().expect("a time is not negative")
}

/// The steps on each track. Fails if the text is not an array of whole events, if steps of one track
/// overlap without one being inside the other, or if two threads hold the roster at once.
fn tracks(text: &str) -> BTreeMap<String, Vec<Step>> {
    let events = text.strip_prefix("[\n").and_then(|rest| rest.strip_suffix(",\n"));
    let (mut names, mut tracks) = (BTreeMap::new(), BTreeMap::<_, Vec<_>>::new());
    for line in events.expect("whole lines").split(",\n") {
        assert!(line.starts_with('{') && line.ends_with("}}"), "not an event: {line}");
        let track = value(line, "tid", ',');
        let (_, numbers) = line.split_once("\"args\":").expect("arguments");
        if value(line, "ph", ',') == "\"M\"" {
            names.insert(track, value(numbers, "name", '}').trim_matches('"').to_owned());
            continue;
        }
        assert_eq!(value(line, "ph", ','), "\"X\"", "{line}");
        let start = nanoseconds(value(line, "ts", ','));
        let end = start + nanoseconds(value(line, "dur", ','));
        let name = value(line, "name", ',').trim_matches('"').to_owned();
        tracks.entry(names[track].clone()).or_default().push(Step {
            start,
            end,
            name,
            numbers: numbers.trim_end_matches('}').to_owned() + "}",
        });
    }
    for (track, steps) in &mut tracks {
        steps.sort_by_key(|step| (step.start, std::cmp::Reverse(step.end)));
        let mut around = Vec::<&Step>::new();
        for step in &*steps {
            while around.last().is_some_and(|outer| outer.end <= step.start) {
                around.pop();
            }
            if let Some(outer) = around.last() {
                assert!(step.end <= outer.end, "{track}: {step:?} is not inside {outer:?}");
                assert_ne!(track, "roster", "{step:?} and {outer:?}");
            }
            around.push(step);
        }
    }
    tracks
}

fn named<'a>(steps: &'a [Step], name: &str) -> Vec<&'a Step> {
    steps.iter().filter(|step| step.name == name).collect()
}

#[test]
fn it_says_what_each_thread_did() {
    let timeline = Timeline::new("each-thread");
    let mut server = timeline.server();
    let (mut ann, mut bob) = (server.join(), server.join());
    ann.say("Ann: hello");
    ann.expect("Ann: hello");
    bob.expect("Ann: hello");
    let name = format!("client #{}", ann.port());
    drop((ann, bob));
    stop_in_time(&mut server, Signal::TERM);
    assert_eq!(server.process.err.count(|line| line.contains("roster")), 0, "stderr is silent");

    let tracks = tracks(&timeline.text());
    let own = &tracks[&name];
    let said = named(own, "reads")[0];
    assert_eq!(said.numbers, "{\"bytes\":11}");
    let [appended] = named(own, "appends to pending")[..] else { panic!("{own:?}") };
    let [sent] = named(own, "sends")[..] else { panic!("{own:?}") };
    assert_eq!(sent.numbers, "{\"peers\":2}");
    let holds = named(own, "holds the roster");
    let held = holds.iter().find(|step| step.numbers == "{\"lines\":1,\"peers\":2}");
    let held = held.unwrap_or_else(|| panic!("{own:?}"));
    assert!(said.end <= appended.start && appended.end <= held.start, "{own:?}");
    assert!(held.start <= sent.start && sent.end <= held.end, "{own:?}");
    // The roster's track says the same of the holder.
    let of_roster: Vec<_> = named(&tracks["roster"], &name);
    assert!(of_roster.iter().any(|step| (step.start, step.end) == (held.start, held.end)));
    assert_eq!(of_roster.len(), holds.len());
    let starts = |step: &&Step| step.name == format!("starts the thread {name}");
    assert_eq!(tracks["handshakes"].iter().filter(starts).count(), 1);
    assert_eq!(named(&tracks["main"], "all threads have ended").len(), 1);
    assert!(!tracks.contains_key("skipped"), "nothing is skipped");
}

#[test]
fn a_server_that_is_killed_at_full_load_leaves_whole_lines() {
    let timeline = Timeline::new("killed");
    let mut server = timeline.server();
    let peers: Vec<_> = (0..8).map(|_| server.join()).collect();
    let talkers: Vec<_> = peers
        .into_iter()
        .map(|mut peer| {
            thread::spawn(move || while peer.try_send("x\n").is_ok() && peer.next().is_ok() {})
        })
        .collect();
    // It is written while the server runs.
    wait_until("the file is long", || {
        fs::metadata(&timeline.0).is_ok_and(|it| it.len() > 1_000_000)
    });
    server.process.signal(Signal::KILL);
    server.process.ended();
    for talker in talkers {
        talker.join().expect("its connection ended");
    }

    // The system may cut the write that was under way.
    let text = timeline.text();
    let end = text.rfind(",\n").expect("a line");
    let tracks = tracks(&text[..end + 2]);
    assert_eq!(tracks.keys().filter(|name| name.starts_with("client #")).count(), 8);
    let busy = tracks.values().any(|steps| !named(steps, "lets others append").is_empty());
    assert!(busy, "nobody let others append: {:?}", tracks.keys());
}

#[test]
fn a_timeline_that_nobody_reads_delays_nothing_and_counts_what_it_skips() {
    let timeline = Timeline::new("pipe");
    let made = Command::new("mkfifo").arg(&timeline.0).status();
    assert!(made.expect("mkfifo is there").success());
    // Without a reader, the server could not open it.
    let mut pipe = File::options().read(true).write(true).open(&timeline.0).expect("a pipe");
    let mut server = timeline.server();
    let mut ann = server.join();
    for _ in 0..12_000 {
        ann.say("Ann: hello");
        ann.expect("Ann: hello");
    }
    let mut text = String::new();
    let mut bytes = vec![0; 1 << 16];
    // The whole step, not only its beginning.
    while text.split_once(" lines skipped\",").is_none_or(|(_, rest)| !rest.contains(",\n")) {
        // The next line that fits says how many did not.
        ann.say("Ann: hello");
        ann.expect("Ann: hello");
        let length = pipe.read(&mut bytes).expect("the server writes on");
        text += std::str::from_utf8(&bytes[..length]).expect("only text is written");
    }
    // Its writer waits for a reader again.
    stop_in_time(&mut server, Signal::TERM);
    let end = text.rfind(",\n").expect("a line");
    let tracks = tracks(&text[..end + 2]);
    assert!(tracks["skipped"].iter().all(|step| step.name.ends_with(" lines skipped")));
}

#[test]
#[cfg(target_os = "linux")]
fn a_full_disk_ends_the_timeline_and_not_the_chat() {
    let mut server = Server::start(&["--timeline", "/dev/full"]);
    let mut ann = server.join();
    let told = server.process.err.line("why", |line| line.contains("cannot write the timeline"));
    assert!(told.ends_with("it ends here"), "{told}");
    ann.say("Ann: hello");
    ann.expect("Ann: hello");
    stop_in_time(&mut server, Signal::TERM);
}

#[test]
fn a_file_that_cannot_be_made_is_an_error() {
    for command in [&["server", "127.0.0.1:0"][..], &["demo", "--fast"]] {
        let mut run = process::program();
        run.args(command).args(["--timeline", "/no/such/folder/timeline.json"]);
        let mut run = Process::start(run);
        run.exits(1);
        let said = run.err.lines();
        let [line] = &said[..] else { panic!("{said:?}") };
        assert!(line.contains("cannot write the timeline /no/such/folder/timeline.json"), "{line}");
        assert!(line.contains("choose another file"), "{line}");
    }
}

fn draw(arguments: &[&str]) -> Output {
    let mut python = Command::new("python3");
    python.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/timeline.py")).args(arguments);
    python.stdin(Stdio::null()).output().expect("python3 is there")
}

#[test]
fn the_demo_makes_one_and_it_can_be_drawn() {
    let timeline = Timeline::new("demo");
    let mut demo = process::program();
    demo.args(["demo", "--fast", "--timeline", timeline.path()]);
    Process::start(demo).exits(0);
    let tracks = tracks(&timeline.text());
    // Three clients were connected to the first server.
    assert_eq!(tracks.keys().filter(|name| name.starts_with("client #")).count(), 3);
    if !has("python3") {
        return;
    }
    // A server that is killed may leave a part of a line.
    let file = File::options().append(true).open(&timeline.0);
    file.and_then(|mut file| file.write_all(b"{\"name\":\"rea")).expect("it is ours");
    for theme in [&[][..], &["--dark"]] {
        let drawn = draw(&[&[timeline.path(), "--at", "joins as peer 3"], theme].concat());
        let picture = String::from_utf8_lossy(&drawn.stdout);
        assert!(drawn.status.success() && drawn.stderr.is_empty(), "{drawn:?}");
        assert!(picture.starts_with("<svg ") && picture.ends_with("</svg>\n"), "{picture}");
        for words in [">roster<", ">client #", ">holds the roster<", ">joins as peer 3<"] {
            assert!(picture.contains(words), "{words} is not in the picture");
        }
    }
    let missing = draw(&[timeline.path(), "--at", "joins as peer 99"]);
    let said = String::from_utf8_lossy(&missing.stderr);
    assert!(!missing.status.success() && said.lines().count() == 1, "{missing:?}");
    let other = draw(&[concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml")]);
    let said = String::from_utf8_lossy(&other.stderr);
    assert!(said.contains("is not a timeline") && said.lines().count() == 1, "{other:?}");
}
