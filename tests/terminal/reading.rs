//! Received lines: their place, their colour, and how they are wrapped.

use crate::support::process::program;
use crate::support::pty::{Terminal, client, client_with};
use crate::support::server::Server;

#[test]
fn own_messages_at_a_fixed_place_and_once_the_others_at_the_left() {
    let server = Server::start(&[]);
    for columns in [80, 40, 30] {
        let name = format!("Ann{columns}");
        let mut ann = client(&server, &name, columns);
        let mut bob = server.join();
        ann.type_line("hello");
        let own = format!("{name}: hello");
        ann.wait("my own line", |view| view.is_own(&own));
        bob.send("Bob: hello yourself\n");
        ann.wait("his line, and the prompt below it", |view| {
            view.rows().contains(&"Bob: hello yourself".to_owned()) && view.cursor_row() == ">"
        });
        ann.look(|view| assert_eq!(view.count("hello"), 2, "{:?}", view.all_rows()));
    }
}

#[test]
fn a_name_has_one_colour_wherever_it_is_shown() {
    let server = Server::start(&[]);
    let mut ann = client(&server, "Ann", 80);
    let mut bob = client(&server, "Bob", 80);
    ann.type_line("from Ann");
    bob.type_line("from Bob");
    for terminal in [&ann, &bob] {
        terminal.wait("both", |view| {
            view.colour_of("Ann: from").is_some() && view.colour_of("Bob: from").is_some()
        });
    }
    let colour = |terminal: &Terminal, name: &str| {
        terminal.look(|view| view.colour_of(&format!("{name}: from")).expect("the line is there"))
    };
    assert_eq!(colour(&ann, "Ann"), colour(&bob, "Ann"));
    assert_eq!(colour(&ann, "Bob"), colour(&bob, "Bob"));
    assert_ne!(colour(&ann, "Ann"), colour(&ann, "Bob"));
    assert_ne!(colour(&ann, "Ann"), vt100::Color::Default);
}

#[test]
fn wide_characters_wrap_between_two_of_them() {
    let server = Server::start(&[]);
    let mut ann = client(&server, "Ann", 30);
    let bob = client(&server, "Bob", 40);
    ann.type_line("你好世界这是一个很长的中文句子用来测试换行👋👋👋👋");
    // An own block begins at column 10 of 30. A block at the left has later rows indented.
    for row in ["Ann: 你好世界这是一", "个很长的中文句子用来", "测试换行👋👋👋👋"]
    {
        ann.wait("my own block", |view| view.is_own(row));
    }
    bob.wait_row("Ann: 你好世界这是一个很长的中文句子用来");
    bob.wait_row("  测试换行👋👋👋👋");
}

#[test]
fn a_line_longer_than_the_window_is_whole_and_there_once() {
    let server = Server::start(&[]);
    let mut ann = client(&server, "Ann", 30);
    let bob = client(&server, "Bob", 80);
    let words: Vec<String> = (100..280).map(|number| format!("w{number}")).collect();
    let line = words.join(" ");
    assert_eq!(line.len(), 899);
    ann.type_in(&line);
    ann.wait("the end of the draft", |view| view.rows().concat().ends_with("w279"));
    ann.type_in("\r");
    for terminal in [&ann, &bob] {
        terminal.wait("the last word", |view| view.count("w279") > 0 && view.cursor_row() == ">");
        terminal.look(|view| {
            let rows = view.all_rows().join(" ");
            let said: Vec<&str> =
                rows.split_whitespace().filter(|word| word.starts_with('w')).collect();
            assert_eq!(said, words, "each word once, in order");
        });
    }
}

#[test]
fn without_colours_everything_else_is_the_same() {
    let server = Server::start(&[]);
    let mut command = program();
    command.args(["client", &server.address.to_string(), "--name", "Ann"]);
    let mut ann = Terminal::run_with(command, 80, |command, tty| {
        command.env("NO_COLOR", "1").stdin(tty()).stdout(tty()).stderr(tty());
    });
    ann.joins(&server);
    ann.type_line("no colours");
    ann.wait("my own line", |view| view.is_own("Ann: no colours"));
    ann.look(|view| {
        let styled = view.bytes.windows(2).enumerate().filter(|(_, two)| *two == b"\x1b[");
        for (at, _) in styled {
            let end = view.bytes[at + 2..].iter().find(|byte| byte.is_ascii_alphabetic());
            assert_ne!(end, Some(&b'm'), "a colour or a style was set");
        }
    });
}

#[test]
fn raw_messages_of_several_lines_keep_their_lines() {
    let server = Server::start(&["--framing", "raw"]);
    let ann = client_with(&server, &["--framing", "raw", "--name", "Ann"], 80);
    let mut bob = server.join();
    bob.send("Bob: first\n    second");
    ann.wait_row("Bob: first");
    ann.wait_row("    second");
}

#[test]
fn every_line_has_its_time_if_asked_for() {
    let server = Server::start(&[]);
    let mut ann = client_with(&server, &["--name", "Ann", "--timestamps"], 120);
    let mut bob = server.join();
    ann.type_line("hello");
    bob.await_line("Ann: hello");
    bob.say("Bob: hello yourself");
    ann.type_line("/nonsense");
    ann.wait("a complaint", |view| view.count("No command /nonsense") == 1);
    ann.wait("both messages", |view| view.count("hello") == 2);
    let rows = ann.look(|view| view.rows());
    let shown: Vec<&str> =
        rows.iter().map(|row| row.trim()).filter(|row| !row.is_empty() && *row != ">").collect();
    assert!(shown.len() >= 5, "{shown:?}");
    for row in shown {
        let time = row.split(' ').next().unwrap_or_default();
        let digits: Vec<&str> = time.split(':').collect();
        let is_time = digits.len() == 3
            && digits.iter().all(|part| part.len() == 2 && part.parse::<u8>().is_ok());
        assert!(is_time, "no time in front of {row:?}");
    }
}
