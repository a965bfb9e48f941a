//! A section of a page as one session: its commands are run in order, in as many shells as it
//! names, and what their terminals show is compared with what the page shows.

use std::collections::{BTreeMap, HashMap};
use std::env;
use std::fs;
use std::net::Ipv4Addr;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process;
use std::sync::atomic::{AtomicU16, Ordering::Relaxed};

use rustix::process::Signal;

use super::compare::Numbers;
use super::page::{Section, top};
use super::shell::{Shell, programs};
use super::support::{is_free, skip};

/// The port that the pages name, and how many from there on.
const PORT: u16 = 3234;
const PORTS: u16 = 4;

/// What a section may want that not every machine has.
const TOOLS: [&str; 4] = ["nc", "python3", "bash", "lsof"];

/// Commands that are named and not run here: they would run these tests, take minutes, or want a
/// network. Nothing can be shown of what they print.
const NOT_RUN: [&str; 7] = [
    "cargo test",
    "cargo bench",
    "cargo doc",
    "cargo build",
    "cargo clippy",
    "cargo fmt",
    "cargo install",
];

/// Runs the section; fails with the line of the page that does not tell the truth.
pub(crate) fn play(section: &Section) {
    play_all(&[section]);
}

/// Runs the sections one after the other in the same shells, as a reader does who goes through a
/// page. What still runs at the end of one is ended with Ctrl-C.
pub(crate) fn play_all(sections: &[&Section]) {
    let scene = Scene::new();
    let mut shells = BTreeMap::<&str, Shell>::new();
    for section in sections.iter().filter(|section| can_be_played(section)) {
        let mut numbers = Numbers::default();
        (0..PORTS).for_each(|port| numbers.is(PORT + port, scene.port + port));
        for block in section.blocks.iter().filter(|block| block.language == "console") {
            let open = || Shell::open(&scene.folder, block.label, &scene.variables());
            let shell = shells.entry(block.label).or_insert_with(open);
            for (number, line) in &block.lines {
                let place = format!("{}, line {number}", section.place);
                step(shell, &place, line, &scene, &mut numbers);
            }
        }
        for shell in shells.values_mut() {
            shell.close(&section.place);
        }
        if sections.len() > 1 {
            for shell in shells.values_mut() {
                shell.clear(&section.place);
            }
        }
    }
}

/// Whether the section has commands that can be run here.
fn can_be_played(section: &Section) -> bool {
    let console = section.blocks.iter().filter(|block| block.language == "console");
    let lines: Vec<&str> = console.flat_map(|block| &block.lines).map(|(_, line)| *line).collect();
    let commands: Vec<&str> = lines.iter().filter_map(|line| line.strip_prefix("$ ")).collect();
    if let Some(missing) = commands.iter().find_map(|command| missing_tool(command)) {
        skip(&format!("{}: there is no {missing}", section.place));
        return false;
    }
    let none = commands.iter().all(|command| is_not_run(command));
    assert!(!none || lines.len() == commands.len(), "{}: shows what nobody checks", section.place);
    !none
}

fn step(shell: &mut Shell, place: &str, line: &str, scene: &Scene, numbers: &mut Numbers) {
    match line {
        "^C" => shell.signal(Signal::INT),
        "^Z" => shell.signal(Signal::STOP),
        "$ fg" => shell.signal(Signal::CONT),
        "…" => shell.skip(),
        _ => match (line.strip_prefix("$ "), line.strip_prefix("> ")) {
            (Some(command), _) if is_not_run(command) => {}
            (Some(command), _) => shell.run(place, &scene.with_real_ports(command)),
            (None, Some(typed)) => shell.types(typed),
            (None, None) => shell.shows(place, line, numbers),
        },
    }
}

/// Whether a command is only named on the page.
pub(crate) fn is_not_run(command: &str) -> bool {
    let is_variable = |word: &&str| word.split_once('=').is_some_and(|(name, _)| is_name(name));
    let command: Vec<&str> = command.split(' ').skip_while(is_variable).collect();
    let command = command.join(" ");
    NOT_RUN.iter().any(|not_run| command.starts_with(not_run))
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_')
}

fn missing_tool(command: &str) -> Option<&str> {
    let words = command.split(|c: char| c.is_whitespace() || "();|&$".contains(c));
    let mut tools = words.filter(|word| TOOLS.contains(word));
    let paths = env::var_os("PATH").unwrap_or_default();
    let is_here = |tool: &str| env::split_paths(&paths).any(|path| path.join(tool).exists());
    let no_proc = command.contains("/proc/") && !Path::new("/proc/self").exists();
    tools.find(|tool| !is_here(tool)).or(no_proc.then_some("/proc"))
}

/// A folder that looks like the repository and can be written to, and ports of its own.
struct Scene {
    folder: PathBuf,
    port: u16,
}

impl Drop for Scene {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

impl Scene {
    fn new() -> Self {
        let port = free_ports();
        let folder = format!("docs-{}-{port}", process::id());
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(folder);
        fs::create_dir_all(&folder).expect("a folder can be made");
        for entry in fs::read_dir(top()).expect("the repository is there") {
            let entry = entry.expect("it can be read");
            if !entry.file_name().to_string_lossy().starts_with('.')
                && entry.file_name() != "target"
            {
                symlink(entry.path(), folder.join(entry.file_name())).expect("a link can be made");
            }
        }
        programs(&folder.join(".programs"));
        for profile in ["debug", "release"] {
            let built = folder.join("target").join(profile);
            fs::create_dir_all(&built).expect("a folder can be made");
            symlink(env!("CARGO_BIN_EXE_tcp-chat"), built.join("tcp-chat"))
                .expect("a link can be made");
        }
        Self { folder, port }
    }

    fn variables(&self) -> HashMap<&'static str, String> {
        let paths = env::var_os("PATH").unwrap_or_default();
        let paths = [self.folder.join(".programs")].into_iter().chain(env::split_paths(&paths));
        let path = env::join_paths(paths).expect("the path is a path");
        let tests = env::current_exe().expect("this program has a name");
        let built = tests.parent().and_then(Path::parent).expect("a folder");
        HashMap::from([
            ("PATH", path.to_string_lossy().into_owned()),
            ("BUILT", built.to_string_lossy().into_owned()),
            // As if the reader had run the first command of the page in each shell.
            ("PORT", self.port.to_string()),
            ("TCP_CHAT_ADDR", format!("127.0.0.1:{}", self.port)),
            ("TCP_CHAT_FAST", "true".to_owned()),
            ("LC_ALL", "C.UTF-8".to_owned()),
        ])
    }

    fn with_real_ports(&self, command: &str) -> String {
        let mut real = String::new();
        let mut rest = command;
        while let Some(start) = rest.find(|c: char| c.is_ascii_digit()) {
            let digits = rest[start..].bytes().take_while(u8::is_ascii_digit).count();
            let number = &rest[start..start + digits];
            real += &rest[..start];
            match number.parse::<u16>().map(|port| port.wrapping_sub(PORT)) {
                Ok(offset) if offset < PORTS => real += &(self.port + offset).to_string(),
                _ => real += number,
            }
            rest = &rest[start + digits..];
        }
        real + rest
    }
}

/// The first of [`PORTS`] free ports. A page names its port before there is a server that could
/// choose one; these lie below those that systems hand out by themselves.
fn free_ports() -> u16 {
    static TAKEN: AtomicU16 = AtomicU16::new(0);
    let offset = process::id() % 25;
    loop {
        let next = u32::from(TAKEN.fetch_add(PORTS, Relaxed)) + offset * 400;
        let port = 20_000 + u16::try_from(next % 10_000).expect("a small number");
        let is_free = |port| is_free((Ipv4Addr::LOCALHOST, port).into());
        if (port..port + PORTS).all(is_free) {
            return port;
        }
    }
}
