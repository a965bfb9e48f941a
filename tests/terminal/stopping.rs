//! Ctrl-Z and `fg`, SIGSTOP and SIGCONT: the client gives the terminal to the shell and takes it
//! back, and never leaves it half restored.

use std::process::Command;

use crate::support::process::{Signal, clean};
use crate::support::pty::{Terminal, client};
use crate::support::server::Server;
use crate::support::{has, wait_until};

const TIMES: usize = 10;

/// A shell with job control. Each time the client stops, the shell says so, waits for Enter, and
/// lets the client continue.
const SHELL: &str = r#"
set -m
"$0" "$@"
count=0
while count=$((count + 1)); printf 'stopped %d\n' $count; read -r answer; do
    fg > /dev/null || [ $? -gt 128 ] || exit 0
done
"#;

#[test]
fn ctrl_z_and_fg_leave_the_terminal_to_whom_it_belongs() {
    if !has("setsid") {
        return;
    }
    let server = Server::start(&[]);
    let mut shell = clean(Command::new("sh"));
    shell.args(["-c", SHELL, env!("CARGO_BIN_EXE_tcp-chat"), "client"]);
    shell.args([&server.address.to_string(), "--name", "Ann"]);
    let mut ann = Terminal::in_session(&shell, 80, 24);
    ann.joins(&server);
    let mut bob = server.join();
    for time in 1..=TIMES {
        ann.type_in("draft");
        ann.wait("the draft", |view| view.cursor_row() == "> draft");
        ann.type_in("\x1a");
        ann.wait_row(&format!("stopped {time}"));
        assert!(ann.is_as_before(), "the shell has the terminal");
        bob.send(format!("Bob: meanwhile {time}\n"));
        ann.type_in("\n");
        ann.wait_row(&format!("Bob: meanwhile {time}"));
        ann.wait("the draft", |view| view.cursor_row() == "> draft");
        assert!(ann.is_raw(), "the client has the terminal");
        ann.type_in(&format!(" {time}\r"));
        bob.await_line(&format!("Ann: draft {time}"));
    }
    ann.type_line("/quit");
    ann.wait_row(&format!("stopped {}", TIMES + 1));
    assert!(ann.is_as_before());
}

#[test]
fn a_client_that_was_stopped_takes_the_terminal_again() {
    let server = Server::start(&[]);
    let mut ann = client(&server, "Ann", 80);
    for time in 1..=TIMES {
        ann.process.signal(Signal::STOP);
        // A shell does the same.
        ann.set_as_before();
        ann.process.signal(Signal::CONT);
        wait_until("the client has the terminal", || ann.is_raw());
        ann.type_in(&format!("message {time}\r"));
        ann.wait("my own line", |view| view.is_own(&format!("Ann: message {time}")));
        assert!(ann.is_raw());
    }
}

#[test]
fn where_no_shell_is_above_ctrl_z_does_nothing() {
    let server = Server::start(&[]);
    let mut ann = client(&server, "Ann", 80);
    ann.type_in("\x1astill here\r");
    ann.wait("my own line", |view| view.is_own("Ann: still here"));
}
