//! Typed text: it is never torn or lost, and commands work.

use std::process::Stdio;

use crate::support::pty::{Terminal, View, client, client_command};
use crate::support::server::Server;

#[test]
fn messages_do_not_tear_the_draft() {
    let server = Server::start(&[]);
    for columns in [80, 40] {
        let mut ann = client(&server, "Ann", columns);
        let mut bob = server.join();
        let sentence = "a sentence that is longer than one row of this window, so that it wraps";
        for (number, letter) in sentence.chars().enumerate() {
            bob.send(format!("Bob: message {number}.\n"));
            ann.type_in(&letter.to_string());
        }
        let last = sentence.len() - 1;
        ann.wait("the last message and the last letter", |view| {
            view.count(&format!("message {last}.")) == 1 && view.cursor_row().ends_with("wraps")
        });
        ann.look(|view| {
            let rows = view.all_rows();
            let bobs: Vec<&String> = rows.iter().filter(|row| row.contains("message")).collect();
            let whole: Vec<String> = (0..=last).map(|n| format!("Bob: message {n}.")).collect();
            assert_eq!(
                bobs,
                whole.iter().collect::<Vec<_>>(),
                "each in a row of its own, in order"
            );
            let prompts: Vec<&String> = rows.iter().filter(|row| row.starts_with('>')).collect();
            assert_eq!(prompts.len(), 1, "the draft has one row: {prompts:?}");
            assert!(sentence.ends_with(&prompts[0][2..]), "it shows the end: {prompts:?}");
        });
        ann.type_in("\r");
        ann.wait("the line to come back", |view| {
            view.cursor_row() == ">" && view.count("a sentence") == 1
        });
        bob.await_line(&format!("Ann: {sentence}"));
    }
}

#[test]
fn a_log_that_is_redirected_does_not_tear_the_draft() {
    let server = Server::start(&[]);
    let mut command = client_command(&server, &["--name", "Ann"]);
    command.env("RUST_LOG", "trace");
    let mut ann = Terminal::run_with(command, 120, |command, tty| {
        command.stdin(tty()).stdout(tty()).stderr(Stdio::piped());
    });
    ann.joins(&server);
    let mut bob = server.join();
    let sentence = "a draft that is typed while something is logged";
    for (number, letter) in sentence.chars().enumerate() {
        bob.send(format!("Bob: message {number}.\n"));
        ann.type_in(&letter.to_string());
    }
    ann.wait("the last message and the whole draft", |view| {
        view.count(&format!("message {}.", sentence.len() - 1)) == 1
            && view.cursor_row() == format!("> {sentence}")
    });
    ann.type_in("\r");
    ann.wait("the line to come back", |view| view.is_own(&format!("Ann: {sentence}")));
    let rows = ann.look(View::all_rows);
    for thread in ["reader: connects to ", "reader: reads lines: ", "writer: sends lines: 1"] {
        ann.process.err.expect_start(thread);
    }
    let of_chat =
        ["Bob: message", "Ann Connected!", "-- Type a line", "-- Connection to Server @PORT", ">"];
    let strange = rows.iter().filter(|row| {
        let row = row.trim_start();
        !row.is_empty()
            && row != format!("Ann: {sentence}")
            && !of_chat.iter().any(|c| row.starts_with(c))
    });
    assert_eq!(strange.collect::<Vec<_>>(), Vec::<&String>::new());
}

#[test]
fn every_line_of_a_paste_is_a_message_and_none_typed_ahead_is_lost() {
    let server = Server::start(&[]);
    let mut ann = client(&server, "Ann", 80);
    let mut bob = server.join();
    ann.type_in("\x1b[200~one\n  two\n\nthree\x1b[201~\rfour\rfive\rsix");
    for line in ["one", "  two", "", "three", "four", "five"] {
        bob.await_line(&format!("Ann: {line}"));
        ann.wait("my own line", |view| view.is_own(format!("Ann: {line}").trim_end()));
    }
    ann.wait("the unsent text", |view| view.cursor_row() == "> six");
}

#[test]
fn arrows_bring_back_earlier_lines() {
    let server = Server::start(&[]);
    let mut ann = client(&server, "Ann", 80);
    for line in ["first", "/nonsense", "third"] {
        ann.type_line(line);
    }
    ann.wait("the last to come back", |view| view.is_own("Ann: third"));
    ann.type_in("draft");
    let (up, down) = ("\x1b[A", "\x1b[B");
    for (key, shown) in [
        (up, "> third"),
        (up, "> /nonsense"),
        (up, "> first"),
        (up, "> first"),
        (down, "> /nonsense"),
        (down, "> third"),
        (down, "> draft"),
        (down, "> draft"),
        (up, "> third"),
    ] {
        ann.type_in(key);
        ann.wait(shown, |view| view.cursor_row() == shown);
    }
    ann.type_in(" again\r");
    ann.wait("the line said again", |view| view.is_own("Ann: third again"));
    ann.type_in(up);
    ann.wait("the newest line", |view| view.cursor_row() == "> third again");
}

#[test]
fn an_unknown_command_is_a_mistake_and_not_a_message() {
    let server = Server::start(&[]);
    let mut ann = client(&server, "Ann", 80);
    let mut bob = server.join();
    ann.type_line("/qiut");
    ann.wait_row("-- No command /qiut, see /help. To say this line, type //qiut");
    ann.type_line("/frob now");
    ann.wait_row("-- No command /frob now, see /help. To say this line, type //frob now");
    ann.type_line("//etc/motd is a file");
    ann.wait("the line said", |view| view.is_own("Ann: /etc/motd is a file"));
    bob.await_line("Ann: /etc/motd is a file");
    ann.type_line("/help");
    ann.wait_row("-- /quit       leave; so do Ctrl-C and Ctrl-D on an empty line");
    ann.type_in("/disc\t");
    ann.wait("the completed command", |view| view.cursor_row() == "> /disconnect");
}

#[test]
fn one_can_hang_up_type_on_and_come_back() {
    let server = Server::start(&[]);
    let mut ann = client(&server, "Ann", 80);
    let mut bob = server.join();
    ann.type_line("/disconnect");
    bob.await_line("Ann Disconnected!");
    ann.wait("the title", |view| view.title() == "Ann (not connected)");
    ann.type_line("said to nobody");
    ann.wait("the line waiting", |view| view.is_own("Ann: said to nobody (waiting)"));
    ann.type_line("/connect");
    bob.await_line("Ann: said to nobody");
    ann.wait("the line delivered", |view| view.is_own("Ann: said to nobody"));
    ann.type_line("/connect");
    ann.wait_row(&format!("-- Connected to Server @PORT #{} (127.0.0.1) already", server.port()));
}

#[test]
fn a_server_that_restarts_takes_nothing_from_the_draft() {
    let mut server = Server::start(&[]);
    let address = server.address;
    for columns in [80, 40] {
        let mut ann = client(&server, "Ann", columns);
        ann.type_in("it is");
        ann.wait("the draft", |view| view.cursor_row() == "> it is");
        server.process.kill();
        ann.wait("the title", |view| view.title() == "Ann (not connected)");
        ann.type_in(" gone");
        ann.wait("the draft", |view| view.cursor_row() == "offline> it is gone");
        ann.type_in("\r");
        ann.wait("the line waiting", |view| view.is_own("Ann: it is gone (waiting)"));
        ann.type_in("and I type on");
        server = Server::at(address, &[]);
        let mut bob = server.join();
        bob.await_line("Ann: it is gone");
        ann.wait("the line delivered", |view| view.is_own("Ann: it is gone"));
        ann.wait("the draft, whole", |view| view.cursor_row() == "> and I type on");
        ann.type_in("\x03\x03");
        ann.ends(0);
    }
}

#[test]
fn a_line_that_does_not_come_back_is_shown_as_waiting() {
    let server = Server::start(&["--echo", "others"]);
    let mut ann = client(&server, "Ann", 80);
    ann.type_line("does it echo");
    ann.wait("the line waiting", |view| view.is_own("Ann: does it echo (waiting)"));
}

#[test]
fn a_line_that_is_too_long_is_not_sent_and_stays() {
    let server = Server::start(&[]);
    let mut ann = client(&server, "Ann", 80);
    ann.type_line(&"x".repeat(1020));
    let why = "-- Not sent: besides your name, a line may have at most 1019 bytes, and it has";
    ann.wait_row(why);
    ann.wait("the draft, which stays", |view| view.cursor_row().ends_with('x'));
    ann.type_in("\x7f\r");
    ann.wait("the line delivered", |view| view.count("Ann: xxx") == 1);
}

#[test]
fn the_window_may_change_its_size_at_any_time() {
    let server = Server::start(&[]);
    let mut ann = client(&server, "Ann", 80);
    let mut bob = server.join();
    let draft = "half of a line that is not short";
    ann.type_in(draft);
    ann.wait("the draft", |view| view.cursor_row().ends_with("short"));
    for (columns, rows) in [(40, 24), (30, 10), (12, 6), (200, 50), (80, 24)] {
        ann.resize(columns, rows);
        ann.type_in(".");
        bob.send(format!("Bob: {columns}\n"));
        ann.wait_row(&format!("Bob: {columns}"));
        ann.wait("the end of the draft in one row", |view| {
            let row = view.cursor_row();
            row.starts_with("> ") && row.ends_with('.') && row.len() > 5
        });
    }
    ann.type_in("\r");
    bob.await_line(&format!("Ann: {draft}....."));
}

#[test]
fn a_draft_longer_than_the_window_scrolls_in_its_row() {
    let server = Server::start(&[]);
    for columns in [12, 30] {
        let mut ann = client(&server, "Ann", columns);
        let mut bob = server.join();
        ann.type_in("0123456789abcdefghijklmnopqrstuvwxyz0123456789👋");
        ann.wait("its end", |view| view.cursor_row().ends_with("9👋"));
        ann.type_in("\x01");
        ann.wait("its beginning", |view| view.cursor_row().starts_with("> 0123456"));
        ann.type_in("A");
        ann.wait("the inserted text", |view| view.cursor_row().starts_with("> A012345"));
        ann.look(|view| assert_eq!(view.cursor().1, 3, "the cursor is behind it"));
        ann.type_in("\x05\x7f!\r");
        bob.await_line("Ann: A0123456789abcdefghijklmnopqrstuvwxyz0123456789!");
    }
}

#[test]
fn a_paste_of_several_lines_is_text_and_never_a_command() {
    let server = Server::start(&[]);
    let mut ann = client(&server, "Ann", 80);
    let mut bob = server.join();
    ann.wait("paste marks", |view| view.wants_pastes());
    ann.type_in("\x1b[200~one\r\n/quit\r\n//three\r\n\t/help\r\nfive\x1b[201~");
    ann.wait("all in one row", |view| {
        view.cursor_row() == "5 lines> one↵/quit↵//three↵ /help↵five"
    });
    ann.type_in("\r");
    for line in ["one", "/quit", "//three", "\t/help", "five"] {
        bob.await_line(&format!("Ann: {line}"));
    }
}

#[test]
fn ctrl_c_clears_the_draft_and_up_brings_it_back() {
    let server = Server::start(&[]);
    let mut ann = client(&server, "Ann", 80);
    ann.type_in("half a line");
    ann.wait("the draft", |view| view.cursor_row() == "> half a line");
    ann.type_in("\x03");
    ann.wait("an empty line", |view| view.cursor_row() == ">");
    ann.type_in("\x1b[A");
    ann.wait("the draft again", |view| view.cursor_row() == "> half a line");
    ann.type_in("\x03\x03");
    ann.ends(0);
}

#[test]
fn tab_completes_names_that_were_heard() {
    let server = Server::start(&[]);
    let mut ann = client(&server, "Ann", 80);
    let mut bob = server.join();
    bob.send("Bobby: hello\n");
    ann.wait_row("Bobby: hello");
    ann.type_in("hello b\t!");
    ann.wait("the name", |view| view.cursor_row() == "> hello Bobby!");
}
