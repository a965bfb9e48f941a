//! Every way to end: the client says goodbye, and restores the terminal.

use std::process::{Command, Stdio};
use std::time::Duration;

use tcp_chat::client::{Screen, Show};

use crate::support::process::{Signal, program, program_after};
use crate::support::pty::{Terminal, client, client_with};
use crate::support::server::Server;
use crate::support::{has, usage, wait_until};

/// How long a client may take to end when its output has no reader.
const STUCK: Duration = Duration::from_secs(5);

/// Half a second of processor time. A short chat needs much less.
const MANY_TICKS: u64 = 50;

/// Ends a client that has said something, and checks the terminal after it.
fn leaves_nothing_behind(draft: &str, how: impl FnOnce(&mut Terminal)) {
    let server = Server::start(&[]);
    let mut ann = client(&server, "Ann", 80);
    let mut bob = server.join();
    ann.type_line("hello");
    ann.wait("my own line", |view| view.is_own("Ann: hello"));
    assert!(!ann.is_as_before(), "the editor reads every key");
    ann.type_in(draft);
    ann.wait("the draft", |view| view.cursor_row() == format!("> {draft}").trim_end());
    how(&mut ann);
    ann.ends(0);
    assert!(ann.is_as_before(), "the modes are restored");
    bob.await_line("Ann Disconnected!");
    ann.look(|view| {
        assert!(!view.wants_pastes());
        assert_eq!(view.cursor_row(), "", "the shell's prompt has a row of its own");
        assert_eq!(view.count("Ann Disconnected!"), 1);
    });
}

#[test]
fn ctrl_c_says_goodbye_and_gives_the_terminal_back() {
    leaves_nothing_behind("", |ann| ann.type_in("\x03"));
}

#[test]
fn ctrl_d_says_goodbye_and_gives_the_terminal_back() {
    leaves_nothing_behind("", |ann| ann.type_in("\x04"));
}

#[test]
fn quit_says_goodbye_and_gives_the_terminal_back() {
    leaves_nothing_behind("", |ann| ann.type_line("/quit"));
}

#[test]
fn signals_say_goodbye_and_give_the_terminal_back() {
    for signal in [Signal::TERM, Signal::HUP, Signal::INT] {
        leaves_nothing_behind("", |ann| ann.process.signal(signal));
        leaves_nothing_behind("half a line", |ann| ann.process.signal(signal));
    }
}

#[test]
fn a_failure_gives_the_terminal_back_and_says_why() {
    let mut server = Server::start(&[]);
    let mut ann = client_with(&server, &["--name", "Ann", "--no-reconnect"], 80);
    ann.type_in("half a line");
    ann.wait("the draft", |view| view.cursor_row() == "> half a line");
    server.stop();
    ann.ends(1);
    assert!(ann.is_as_before());
    ann.wait("the reason", |view| view.count("tcp-chat: Connection to ") == 1);
    ann.look(|view| {
        assert_eq!(view.count("> half a line"), 1, "the draft can still be read");
        assert_eq!(view.cursor_row(), "");
    });

    let mut command = program();
    command.args(["client", &server.address.to_string(), "--name", "Ann", "--no-reconnect"]);
    let mut ann = Terminal::run(command, 80);
    ann.ends(1);
    assert!(ann.is_as_before());
    ann.wait("the reason", |view| view.count("Failed (") == 1);
}

#[test]
fn a_terminal_that_takes_nothing_does_not_keep_a_client_from_ending() {
    let server = Server::start(&[]);
    let mut ann = client(&server, "Ann", 80);
    ann.stop();
    // More than all the buffers between the two can hold.
    let mut bob = server.join();
    let flood = format!("Bob: {}\n", "x".repeat(500)).repeat(4000);
    bob.try_send(flood).expect("the room takes it");
    bob.finish();
    server.reason_of(bob.port());
    ann.process.signal(Signal::TERM);
    assert_eq!(ann.process.ended_within(STUCK).code(), Some(0));
    assert!(ann.is_as_before());
}

#[test]
fn a_dumb_terminal_is_spared_everything() {
    let server = Server::start(&[]);
    let mut command = program();
    command.args(["client", &server.address.to_string(), "--name", "Ann"]);
    let mut ann = Terminal::run_with(command, 80, |command, tty| {
        command.env("TERM", "dumb").stdin(tty()).stdout(tty()).stderr(tty());
    });
    ann.wait("the connection", |view| view.count("Successful!") == 1);
    ann.type_in("hello\n");
    ann.wait_row("Ann: hello");
    ann.type_in("/qiut\n");
    ann.wait("the mistake", |view| view.count("No command /qiut") == 1);
    ann.type_in("/quit\n");
    ann.process.exits(0);
    ann.look(|view| assert!(!view.bytes.contains(&0x1b), "no escape sequences"));
}

#[test]
fn with_a_pipe_on_one_side_lines_are_lines() {
    let server = Server::start(&[]);
    let with = |streams: fn(&mut std::process::Command, &dyn Fn() -> Stdio)| {
        let mut command = program();
        command.args(["client", &server.address.to_string(), "--name", "Ann"]);
        Terminal::run_with(command, 80, streams)
    };

    let mut ann = with(|command, tty| {
        command.stdin(Stdio::piped()).stdout(tty()).stderr(tty());
    });
    ann.process.type_line("/quit is just a line");
    ann.wait_row("Ann: /quit is just a line");
    ann.process.end_input();
    ann.process.exits(0);
    ann.look(|view| assert!(!view.bytes.contains(&0x1b), "no escape sequences"));

    let mut ann = with(|command, tty| {
        command.stdin(tty()).stdout(Stdio::piped()).stderr(tty());
    });
    ann.wait("the connection", |view| view.count("Successful!") == 1);
    ann.type_in("from the keyboard\n");
    let out = ann.process.out.clone();
    wait_until("it comes out of the pipe", || {
        out.count(|line| line == "Ann: from the keyboard") == 1
    });
    ann.type_in("/quit\n");
    ann.process.exits(0);
}

#[test]
fn a_terminal_that_is_closed_ends_the_client() {
    let server = Server::start(&[]);
    let ann = client(&server, "Ann", 80);
    let mut bob = server.join();
    let mut process = ann.close();
    bob.await_line("Ann Disconnected!");
    process.ended();
}

/// If SIGHUP is ignored, the end of the input ends the client.
#[test]
fn a_terminal_that_is_closed_ends_a_client_that_ignores_hangups_and_it_does_not_spin() {
    if !has("setsid") {
        return;
    }
    let server = Server::start(&[]);
    let mut bob = server.join();
    for (name, term) in [("Ann", "xterm-256color"), ("Cleo", "dumb")] {
        let mut command = program_after(&format!("trap '' HUP; export TERM={term}"));
        command.args(["client", &server.address.to_string(), "--name", name]);
        let ann = Terminal::in_session(&command, 80, 24);
        ann.wait("the connection", |view| view.count("Successful!") == 1);
        let mut process = ann.close();
        bob.await_line(&format!("{name} Disconnected!"));
        if cfg!(target_os = "linux") {
            wait_until("it ends", || usage::is_zombie(process.id()));
            let ticks = usage::ticks(process.id());
            assert!(ticks < MANY_TICKS, "{name} used {ticks} ticks of the processor's clock");
        }
        process.ended();
    }
}

#[test]
fn a_panic_in_any_thread_gives_the_terminal_back() {
    let mut command = Command::new(std::env::current_exe().expect("this program has a name"));
    command.args(["--exact", "leaving::a_client_with_a_fault", "--ignored", "--nocapture"]);
    let mut faulty = Terminal::run(command, 80);
    faulty.wait("the prompt", |view| view.cursor_row() == ">");
    assert!(faulty.is_raw());
    faulty.type_line("now");
    faulty.ends(1);
    assert!(faulty.is_as_before());
    faulty.wait("why, and the end of pasting", |view| {
        view.count("a bug in this program ended it") == 1
            && view.count("on purpose") == 1
            && !view.wants_pastes()
    });
}

#[test]
#[ignore = "a program for the test above"]
fn a_client_with_a_fault() {
    use crate::app::ui::{paint::Palette, terminal};
    let palette = Palette::new(true, false);
    let look = terminal::Look { timestamps: false, palette, bell: true, has_echo: true };
    let Ok((mut terminal, input)) = terminal::Terminal::open(look) else {
        return;
    };
    terminal.show(Show::Name("Ann".parse().expect("a name"), 1000));
    terminal.show(Show::State(Some(1), 0));
    terminal.flush().expect("it is shown");
    input.recv_timeout(STUCK).expect("a line is typed");
    // A frame must be waiting when the fault happens.
    for number in 0..200 {
        terminal.notice(format!("notice {number}"));
        terminal.flush().expect("it is shown");
    }
    let _ = std::thread::spawn(|| panic!("on purpose")).join();
}

/// A long paste, and no server: each line waits. If the cost of a line grew with the number of
/// lines that wait, this would take minutes.
#[test]
fn many_waiting_lines_do_not_delay_the_end() {
    const LINES: usize = 349_000;
    let mut command = program();
    command.args(["client", "127.0.0.1:1", "--name", "Ann"]);
    let mut ann = Terminal::in_session(&command, 100, 24);
    ann.wait("the first attempt", |view| view.all_rows().join("").contains("retrying"));
    ann.type_in(&format!("\x1b[200~{}\x1b[201~\r\x03", "ab\r".repeat(LINES)));
    ann.ends(1);
    ann.wait("the number", |view| {
        view.all_rows().join("").contains(&format!("tcp-chat: {LINES} lines were not sent: "))
    });
    assert!(ann.is_as_before());
}

#[test]
fn without_a_thread_the_terminal_is_given_back() {
    let Some(user) = usage::OtherUser::new(61_235) else { return };
    let server = Server::start(&[]);
    for threads in 1..=12 {
        let mut command = user.program(threads);
        command.args(["client", &server.address.to_string(), "--name", "Ann"]);
        let mut ann = Terminal::run(command, 200);
        let mut ended = false;
        wait_until("the client says something", || {
            ended = ann.process.has_ended();
            ended
                || ann.look(|view| view.rows().iter().any(|row| row.starts_with("-- Type a line")))
        });
        if ended {
            let why = "Resource temporarily unavailable (os error 11); no thread is left: end other \
                       programs, or raise ulimit -u";
            ann.wait("the reason", |view| view.rows().iter().any(|row| row.ends_with(why)));
            ann.process.exits(1);
        } else {
            ann.type_line("/quit");
            ann.process.ended();
        }
        assert!(ann.is_as_before(), "with {threads} threads");
    }
}
