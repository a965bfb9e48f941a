//! The demo: it ends well, in time, and leaves nothing behind.

use std::thread;
use std::time::Duration;

use crate::support::process::{self, Process, Signal};

/// Runs the demo to its end, and makes sure that none of its processes outlives it.
fn watch(flags: &[&str]) -> Vec<String> {
    let mark = format!("test {} with {flags:?}", std::process::id());
    let mut command = process::program();
    command.arg("demo").args(flags).env(MARK, &mark);
    let mut demo = Process::start(command);
    let status = demo.ended_within(Duration::from_secs(15));
    let shown = demo.out.lines();
    assert_eq!(status.code(), Some(0), "{:?}; {:?}", demo.err.lines(), demo.out.last_words());
    assert_eq!(demo.err.lines(), Vec::<String>::new());
    assert_eq!(marked(&mark), 0, "a process of the demo lives on");
    shown
}

/// Whether `by` showed this.
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
        ("Server", "Has Disconnected! (left)"),
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
    // Those who stayed met two servers.
    let connections = |name: &str| {
        let own = shown.iter().filter(|line| line.trim_start().starts_with(name));
        own.filter(|line| line.contains("Successful!")).count()
    };
    assert_eq!(["Ann", "Bob", "Cleo"].map(connections), [1, 2, 2]);
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
fn what_is_set_for_another_server_does_not_change_it() {
    let mut command = process::program();
    command.args(["demo", "--fast"]);
    command.env("TCP_CHAT_ECHO", "others").env("TCP_CHAT_ADDR", "127.0.0.1:1");
    Process::start(command).exits(0);
}

#[test]
fn one_that_is_ended_takes_its_processes_along() {
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
    assert_eq!(marked(&mark), 0, "a process of the demo lives on");
}

/// A variable that all processes of one demo inherit.
const MARK: &str = "DEMO_UNDER_TEST";

/// How many processes there are with this mark. Where that cannot be seen, none.
fn marked(mark: &str) -> usize {
    let mark = format!("{MARK}={mark}");
    let Ok(processes) = std::fs::read_dir("/proc") else { return 0 };
    let environments =
        processes.filter_map(|process| std::fs::read(process.ok()?.path().join("environ")).ok());
    environments
        .filter(|environment| environment.split(|&byte| byte == 0).any(|v| v == mark.as_bytes()))
        .count()
}
