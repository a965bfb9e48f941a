//! The demo ends well, in time, and leaves no process behind.

use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::thread;
use std::time::Duration;

use crate::support::process::{self, Process, Signal};
use crate::support::pty::Terminal;

/// Runs the demo to its end, and checks that none of its processes outlives it.
fn watch(flags: &[&str]) -> Vec<String> {
    static WATCHED: AtomicU32 = AtomicU32::new(0);
    let mark = format!("test {}, demo {}", std::process::id(), WATCHED.fetch_add(1, Relaxed));
    let mut command = process::program();
    command.arg("demo").args(flags).env(MARK, &mark);
    let mut demo = Process::start(command);
    let status = demo.ended_within(Duration::from_secs(60));
    let shown = demo.out.lines();
    assert_eq!(status.code(), Some(0), "{:?}; {:?}", demo.err.lines(), demo.out.last_words());
    assert_eq!(demo.err.lines(), Vec::<String>::new());
    assert_eq!(marked(&mark), 0, "a process of the demo is left");
    shown
}

/// Whether the process `by` showed a line with this text.
fn showed(shown: &[String], by: &str, what: &str) -> bool {
    shown.iter().any(|line| {
        line.split_once('|').is_some_and(|(name, text)| name.trim() == by && text.contains(what))
    })
}

#[test]
fn it_shows_each_step() {
    let shown = watch(&["--fast"]);
    for (by, what) in [
        ("Server", "Has Connected!"),
        ("Server", "Has Disconnected! (left after "),
        ("Ann", "Ann: "),
        ("Bob", "Ann: "),
        ("Cleo", "Ann: "),
        ("Bob", "Ann Disconnected!"),
        ("Cleo", "Offline..."),
        ("Bob", "Lost"),
        ("Bob", "Successful!"),
    ] {
        assert!(showed(&shown, by, what), "{by} did not show {what:?}: {shown:#?}");
    }
    // The clients that stayed were connected to two servers.
    let connections = |name: &str| {
        let own = shown.iter().filter(|line| line.trim_start().starts_with(name));
        own.filter(|line| line.contains("Successful!")).count()
    };
    assert_eq!(["Ann", "Bob", "Cleo"].map(connections), [1, 2, 2]);
}

/// The headings. Each has the lines below it, without digits and in alphabetical order.
fn acts(shown: &[String]) -> Vec<Vec<String>> {
    let digits = |line: &String| line.replace(|c: char| c.is_ascii_digit(), "");
    let mut acts: Vec<Vec<String>> = Vec::new();
    for line in shown {
        if line.starts_with("---") {
            acts.push(Vec::new());
        } else {
            acts.last_mut().expect("a heading first").push(digits(line).trim().to_owned());
        }
    }
    for act in &mut acts {
        act.sort();
    }
    acts
}

#[test]
fn each_line_stands_under_its_heading() {
    let acts = acts(&watch(&["--fast", "--clients", "2"]));
    let expected: [&[&str]; 9] = [
        &["Server | Server @PORT # Online...", "Server | listening on ...:"],
        &[
            "Ann | Connection to Server @PORT # (...) Successful! You are Ann @PORT #",
            "Bob | Connection to Server @PORT # (...) Successful! You are Bob @PORT #",
            "Server | Client @PORT # Has Connected! ( here)",
            "Server | Client @PORT # Has Connected! ( here)",
        ],
        &[
            "Ann > hello",
            "Ann | Ann: hello",
            "Ann | Bob: hello",
            "Bob > hello",
            "Bob | Ann: hello",
            "Bob | Bob: hello",
            "Server | Ann: hello",
            "Server | Bob: hello",
        ],
        &[
            "Ann | Ann Disconnected!",
            "Bob | Ann Disconnected!",
            "Server | Ann Disconnected!",
            "Server | Client @PORT # Has Disconnected! (left after  s,  here)",
        ],
        &[
            "Bob | Connection to Server @PORT # (...) Failed (connection refused); retrying",
            "Bob | Connection to Server @PORT # (...) Lost (the server closed it)",
            "Bob | Server @PORT # Offline...",
            "Server | Server @PORT # Offline...",
        ],
        &["Bob > is anybody there?"],
        &[
            "Bob > still here",
            "Bob | Bob: is anybody there?",
            "Bob | Bob: still here",
            "Bob | Connection to Server @PORT # (...) Successful! You are Bob @PORT #",
            "Server | Bob: is anybody there?",
            "Server | Bob: still here",
            "Server | Client @PORT # Has Connected! ( here)",
            "Server | Server @PORT # Online...",
            "Server | listening on ...:",
        ],
        &[
            "Bob | Bob Disconnected!",
            "Server | Bob Disconnected!",
            "Server | Client @PORT # Has Disconnected! (left after  s,  here)",
            "Server | Server @PORT # Offline...",
        ],
        &[],
    ];
    assert_eq!(acts.len(), expected.len(), "{acts:#?}");
    for (mut act, expected) in acts.into_iter().zip(expected) {
        // Other tests check the report of a server that has stopped.
        act.retain(|line| !line.starts_with("Server | stopped; "));
        assert_eq!(act, expected);
    }
}

#[test]
fn a_narrow_window_breaks_no_word_in_two() {
    let mut command = process::program();
    command.args(["demo", "--fast"]);
    let mut demo = Terminal::run(command, 40);
    demo.process.exits(0);
    demo.wait("the last heading", |view| {
        String::from_utf8_lossy(&view.bytes).contains("Done: the demo")
    });
    let shown = demo.look(|view| String::from_utf8_lossy(&view.bytes).into_owned());
    let mut is_broken = false;
    for row in shown.lines() {
        let mut plain = String::new();
        // The text between an escape and the next `m` is a colour.
        for (index, part) in row.split('\x1b').enumerate() {
            plain += if index == 0 { part } else { part.split_once('m').expect("a colour").1 };
        }
        assert!(plain.chars().count() <= 40, "broken by the terminal: {plain:?}");
        is_broken |= plain.ends_with("| Connection to Server @PORT");
    }
    assert!(is_broken, "broken between words: {shown}");
}

#[test]
fn any_number_of_clients_will_do() {
    for clients in ["2", "5"] {
        let shown = watch(&["--fast", "--clients", clients]);
        let came = shown.iter().filter(|line| line.contains("Has Connected!")).count();
        let clients: usize = clients.parse().unwrap();
        assert_eq!(came, clients + clients - 1, "{shown:#?}");
    }
}

#[test]
fn variables_for_another_server_do_not_change_the_demo() {
    let mut command = process::program();
    command.args(["demo", "--fast"]);
    command.env("TCP_CHAT_ECHO", "others").env("TCP_CHAT_ADDR", "127.0.0.1:1");
    Process::start(command).exits(0);
}

#[test]
fn a_demo_that_is_stopped_ends_its_processes() {
    thread::scope(|scope| {
        for signal in [Signal::INT, Signal::TERM, Signal::HUP] {
            scope.spawn(move || end_by(signal));
        }
    });
}

fn end_by(signal: Signal) {
    let mark = format!("test {} of {signal:?}", std::process::id());
    let mut command = process::program();
    command.arg("demo").env(MARK, &mark);
    let mut demo = Process::start(command);
    demo.out.line("the server", |line| line.contains("listening on"));
    assert!(!cfg!(target_os = "linux") || marked(&mark) == 2, "a demo and a server");
    demo.signal(signal);
    demo.exits(1);
    assert_eq!(demo.err.lines(), ["tcp-chat: the demo was stopped"]);
    assert_eq!(marked(&mark), 0, "a process of the demo is left");
}

/// A variable that all processes of one demo inherit.
const MARK: &str = "DEMO_UNDER_TEST";

/// How many processes have this mark. Zero where the system does not show it.
fn marked(mark: &str) -> usize {
    let mark = format!("{MARK}={mark}");
    let Ok(processes) = std::fs::read_dir("/proc") else { return 0 };
    let environments =
        processes.filter_map(|process| std::fs::read(process.ok()?.path().join("environ")).ok());
    environments
        .filter(|environment| environment.split(|&byte| byte == 0).any(|v| v == mark.as_bytes()))
        .count()
}
