//! The prompt tells the state in words; a paste is a block, and is sent as a whole or not at all.

use std::time::Duration;

use crate::support::fake::Fake;
use crate::support::process::program;
use crate::support::pty::{Terminal, View, client, client_command};
use crate::support::server::Server;

#[test]
fn the_prompt_says_how_many_lines_wait() {
    let mut server = Server::start(&[]);
    let mut ann = client(&server, "Ann", 80);
    ann.wait("connected", |view| view.cursor_row() == ">");
    server.stop();
    ann.wait("no connection", |view| view.cursor_row() == "offline>");
    ann.type_line("one");
    ann.wait("one line", |view| view.cursor_row() == "1 waiting>");
    ann.type_in("\x1b[200~two\nthree\n\x1b[201~");
    ann.wait("a paste", |view| view.cursor_row() == "2 lines> two↵three↵");
    ann.type_in("\r");
    ann.wait("three lines", |view| view.cursor_row() == "3 waiting>");
    server = Server::at(server.address, &[]);
    ann.wait("connected again", |view| view.cursor_row() == ">");
    for line in ["Ann: one", "Ann: two", "Ann: three"] {
        server.event_log().expect(line);
    }
}

/// It tries again and again, and the terminal may be scrolled back, or have text marked.
#[test]
fn attempts_that_fail_draw_nothing() {
    let mut server = Server::start(&[]);
    let ann = client(&server, "Ann", 80);
    server.stop();
    ann.wait("an attempt that failed", |view| {
        view.count(" Failed (") == 1 && view.cursor_row() == "offline>"
    });
    // Each frame turns off the wrapping of lines while it draws the prompt.
    let frames = |view: &mut View| view.written().matches("\x1b[?7l").count();
    let before = ann.look(frames);
    assert!(!ann.wait_for(Duration::from_secs(1), |view| frames(view) > before));
}

#[test]
fn a_line_that_was_given_up_waits_no_more() {
    let fake = Fake::listen();
    let mut command = program();
    command.args(["client", &fake.address().to_string(), "--name", "Ann", "--framing", "raw"]);
    let mut ann = Terminal::in_session(&command, 80, 24);
    let mut call = fake.answer();
    ann.wait("the connection", |view| view.count("Successful!") == 1);
    ann.type_line("(quit)");
    for _ in 0..3 {
        assert_eq!(call.hear_bytes(11), "Ann: (quit)");
        drop(call);
        call = fake.answer();
    }
    ann.wait("the complaint", |view| view.count("-- Given up") == 1);
    drop((call, fake));
    ann.wait("no connection", |view| view.cursor_row() == "offline>");
}

#[test]
fn a_paste_keeps_its_left_edge_and_its_blank_lines() {
    let server = Server::start(&[]);
    let mut bob = server.join();
    let program = "def f(x):\n    if x:\n        return 1\n\n    return 2\n";
    for columns in [200, 80, 40] {
        let mut ann = client(&server, "Ann", columns);
        bob.await_line("Ann Connected!");
        ann.type_in(&format!("\x1b[200~{program}\x1b[201~"));
        ann.wait("the paste", |view| view.cursor_row().starts_with("5 lines> "));
        ann.type_in("\r");
        for line in program.lines() {
            bob.expect(&format!("Ann: {line}"));
            ann.wait(line, |view| view.is_own(format!("Ann: {line}").trim_end()));
        }
        ann.type_in("\x03");
        bob.await_line("Ann Disconnected!");
    }
}

#[test]
fn a_paste_with_a_line_that_is_too_long_is_not_sent() {
    let server = Server::start(&[]);
    let mut ann = client(&server, "Ann", 100);
    let mut bob = server.join();
    ann.type_in(&format!("\x1b[200~one\n{}\nthree\x1b[201~\r", "é".repeat(600)));
    ann.wait("why", |view| {
        view.count(
            "-- Not sent: besides your name, a line may have at most 1019 bytes, and line 2 has",
        ) == 1
    });
    ann.wait("the draft", |view| view.cursor_row().starts_with("3 lines> "));
    ann.type_in("\x03after\r");
    bob.expect("Ann: after");
}

#[test]
fn at_the_question_for_a_name_a_command_is_no_name() {
    let server = Server::start(&[]);
    let mut ann = Terminal::in_session(&client_command(&server, &[]), 80, 24);
    ann.wait("the question", |view| view.count("-- Your name? Press Enter to use Client") == 1);
    for (number, command) in ["/names", "/nick Ann", "/nonsense", "/connect"].iter().enumerate() {
        ann.type_line(command);
        ann.wait(command, |view| {
            view.count("-- Type a name first, or /quit to leave") == number + 1
        });
    }
    ann.type_in("\x1b[200~one\ntwo\x1b[201~\r");
    ann.wait("a refusal", |view| view.count("-- Not accepted: a name may not contain") == 1);
    ann.type_line(&"x".repeat(33));
    ann.wait("a refusal", |view| view.count("-- Not accepted: a name has 1 to 32 characters") == 1);
    ann.type_line("/quit");
    ann.ends(0);
}

#[test]
fn one_is_told_once_who_one_is() {
    let server = Server::start(&[]);
    let ann = client(&server, "Ann", 100);
    ann.wait("the hint", |view| view.count("-- Type a line and press Enter") == 1);
    ann.look(|view| assert_eq!(view.count("You are"), 1, "{:?}", view.rows()));
    let mut command = program();
    command.args(["client", "127.0.0.1:1", "--name", "Ann"]);
    let mut ann = Terminal::in_session(&command, 100, 24);
    ann.wait("the first attempt", |view| view.count("; retrying") == 1);
    ann.type_line("/quit");
    ann.ends(0);
    ann.look(|view| assert_eq!(view.count("Failed ("), 1, "{:?}", view.rows()));
}

/// A word that is longer than a row is left to the terminal, so it is one word when it is copied.
#[test]
fn a_long_word_is_not_cut() {
    let server = Server::start(&[]);
    let ann = client(&server, "Ann", 40);
    let mut bob = server.join();
    let address = format!("https://example.org/{}", "path/".repeat(20));
    bob.say(&format!("Bob: see {address} please"));
    ann.wait("its end", |view| view.count("please") == 1);
    ann.look(|view| assert!(view.written().contains(&address), "no newline inside"));
}

#[test]
fn a_client_without_a_name_asks_for_one() {
    let server = Server::start(&[]);
    let mut ann = Terminal::in_session(&client_command(&server, &[]), 80, 24);
    ann.wait("the question", |view| view.count("Your name? Press Enter to use Client") == 1);
    ann.type_line("a:b");
    ann.wait_row("-- Not accepted: a name may not contain ':' or control characters");
    ann.type_line("Ann");
    ann.joins(&server);
    // The answer was no message, so Up does not bring it back.
    ann.type_in("\x1b[Ahello\r");
    ann.wait("my own line", |view| view.is_own("Ann: hello"));

    let mut other = Terminal::in_session(&client_command(&server, &[]), 80, 24);
    other.wait("the question", |view| view.count("Your name? Press Enter to use Client") == 1);
    other.type_line("");
    other.joins(&server);
    let name = format!("Client{}", other.process.id());
    other.look(|view| assert!(view.title().starts_with(&name), "{}", view.title()));

    let mut nobody = Terminal::in_session(&client_command(&server, &[]), 80, 24);
    nobody.wait("the question", |view| view.count("Your name? Press Enter to use Client") == 1);
    nobody.type_in("\x03");
    nobody.ends(0);
    assert!(nobody.is_as_before());
}
