//! `tcp-chat demo --tmux`: four panes, and nothing left of them at the end.

use std::process::Command;

use crate::support::has;
use crate::support::process::{Process, Signal, program};
use crate::support::pty::Terminal;

fn demo() -> Command {
    let mut command = program();
    command.args(["demo", "--tmux"]);
    command
}

/// Opens the window, says something in it, ends it, and makes sure that tmux has ended as well.
fn opens_and_ends(end: impl FnOnce(&mut Terminal)) {
    if !has("tmux") {
        return;
    }
    let mut demo = Terminal::run(demo(), 120);
    demo.wait("four panes, and everyone in the room", |view| {
        let shown = view.rows().join(" ");
        let named = |name: &&str| shown.contains(&format!("{name} @PORT #"));
        ["Server", "Ann", "Bob", "Cleo"].iter().all(named)
            && shown.matches("Has Connected!").count() == 3
    });
    demo.type_line("hello");
    demo.wait("it in all of them", |view| view.rows().join(" ").matches("Ann: hello").count() == 4);
    let socket = format!("tcp-chat-demo-{}", demo.process.id());
    end(&mut demo);
    demo.process.exits(0);
    let left = Command::new("tmux").args(["-L", &socket, "list-sessions"]).output();
    assert!(!left.expect("tmux runs").status.success(), "tmux lives on");
}

#[test]
fn ctrl_q_ends_the_demo_in_tmux() {
    opens_and_ends(|demo| demo.type_in("\x11"));
}

#[test]
fn a_signal_ends_the_demo_in_tmux() {
    opens_and_ends(|demo| demo.process.signal(Signal::TERM));
}

#[test]
fn without_tmux_or_a_terminal_it_says_so() {
    let demo_here = Terminal::run_with(demo(), 80, |command, tty| {
        command.env("PATH", "").stdin(tty()).stdout(tty()).stderr(tty());
    });
    demo_here.wait_row("tcp-chat: tmux is not installed; install it, or leave out --tmux");

    let mut demo_there = Process::start(demo());
    demo_there.exits(1);
    assert_eq!(
        demo_there.err.lines(),
        ["tcp-chat: the demo in tmux needs a terminal; without --tmux it needs none"]
    );
}
