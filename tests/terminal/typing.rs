//! What is typed: never torn, never lost, and the commands among it.

use crate::support::pty::client;
use crate::support::server::Server;

#[test]
fn what_one_types_is_not_torn_by_what_arrives() {
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
            let start = rows.iter().position(|row| row.starts_with("> ")).expect("a prompt");
            // A row that is not the last is full, with spaces at its end that are not shown.
            let width = usize::from(columns);
            let full = rows[start..].iter().map(|row| format!("{row:<width$}"));
            let draft = full.collect::<Vec<_>>().concat();
            assert_eq!(draft.trim_end(), format!("> {sentence}"));
        });
        ann.type_in("\r");
        ann.wait("the line to come back", |view| {
            view.cursor_row() == ">" && view.count("a sentence") == 1
        });
        bob.await_line(&format!("Ann: {sentence}"));
    }
}

#[test]
fn every_line_of_a_paste_is_a_message_and_none_typed_ahead_is_lost() {
    let server = Server::start(&[]);
    let mut ann = client(&server, "Ann", 80);
    let mut bob = server.join();
    ann.type_in("\x1b[200~one\ntwo\n\nthree\x1b[201~\rfour\rfive\rsix");
    for line in ["one", "two", "three", "four", "five"] {
        bob.await_line(&format!("Ann: {line}"));
        ann.wait("my own line", |view| view.is_on_the_right(&format!("Ann: {line}")));
    }
    ann.wait("what is not sent yet", |view| view.cursor_row() == "> six");
}

#[test]
fn arrows_bring_back_what_was_typed() {
    let server = Server::start(&[]);
    let mut ann = client(&server, "Ann", 80);
    for line in ["first", "/nonsense", "third"] {
        ann.type_line(line);
    }
    ann.wait("the last to come back", |view| view.is_on_the_right("Ann: third"));
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
    ann.wait("it said again", |view| view.is_on_the_right("Ann: third again"));
    ann.type_in(up);
    ann.wait("it as the newest", |view| view.cursor_row() == "> third again");
}

#[test]
fn an_unknown_command_is_a_mistake_and_not_a_message() {
    let server = Server::start(&[]);
    let mut ann = client(&server, "Ann", 80);
    let mut bob = server.join();
    ann.type_line("/qiut");
    ann.wait_row("No command /qiut, see /help. To say this line, type //qiut");
    ann.type_line("/frobnicate now");
    ann.wait_row("No command /frobnicate, see /help. To say this line, type //frobnicate now");
    ann.type_line("//etc/motd is a file");
    ann.wait("it said", |view| view.is_on_the_right("Ann: /etc/motd is a file"));
    bob.await_line("Ann: /etc/motd is a file");
    ann.type_line("/help");
    ann.wait_row("/quit        say goodbye and leave; so do Ctrl-C and Ctrl-D");
    ann.type_in("/disc\t");
    ann.wait("the command made whole", |view| view.cursor_row() == "> /disconnect");
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
    ann.wait("it waiting", |view| view.is_on_the_right("Ann: said to nobody (waiting)"));
    ann.type_line("/connect");
    bob.await_line("Ann: said to nobody");
    ann.wait("it delivered", |view| view.is_on_the_right("Ann: said to nobody"));
    ann.type_line("/connect");
    ann.wait_row(&format!("Connected to 127.0.0.1 @PORT #{} already", server.port()));
}

#[test]
fn a_server_that_goes_and_comes_back_takes_nothing_from_the_one_who_types() {
    let mut server = Server::start(&[]);
    let address = server.address;
    for columns in [80, 40] {
        let mut ann = client(&server, "Ann", columns);
        ann.type_in("it is");
        ann.wait("the draft", |view| view.cursor_row() == "> it is");
        server.process.kill();
        ann.wait("the title", |view| view.title() == "Ann (not connected)");
        ann.type_in(" gone");
        ann.wait("the draft", |view| view.cursor_row() == "> it is gone");
        ann.type_in("\r");
        ann.wait("it waiting", |view| view.is_on_the_right("Ann: it is gone (waiting)"));
        ann.type_in("and I type on");
        server = Server::at(address, &[]);
        let mut bob = server.join();
        bob.await_line("Ann: it is gone");
        ann.wait("it delivered", |view| view.is_on_the_right("Ann: it is gone"));
        ann.wait("the draft, whole", |view| view.cursor_row() == "> and I type on");
        ann.type_in("\x03");
        ann.ends(0);
    }
}

#[test]
fn a_line_that_does_not_come_back_is_shown_as_waiting() {
    let server = Server::start(&["--echo", "others"]);
    let mut ann = client(&server, "Ann", 80);
    ann.type_line("does it echo");
    ann.wait("it waiting", |view| view.is_on_the_right("Ann: does it echo (waiting)"));
}

#[test]
fn a_line_that_is_too_long_is_refused_and_can_be_brought_back() {
    let server = Server::start(&[]);
    let mut ann = client(&server, "Ann", 80);
    ann.type_line(&"x".repeat(1020));
    ann.wait_row("Not sent: with your name a line may have at most 1024 bytes, yours has 1025");
    ann.type_in("\x1b[A\x7f");
    ann.wait("it again", |view| view.cursor_row().ends_with('x'));
    ann.type_in("\r");
    ann.wait("it delivered", |view| view.count("Ann: xxx") == 1);
}

#[test]
fn the_window_may_change_its_width_at_any_time() {
    let server = Server::start(&[]);
    let mut ann = client(&server, "Ann", 80);
    let mut bob = server.join();
    ann.type_in("half of a line that is not short");
    ann.wait("the draft", |view| view.cursor_row().ends_with("short"));
    for columns in [40, 30, 100] {
        ann.resize(columns);
        bob.send(format!("Bob: {columns} columns\n"));
        ann.wait_row(&format!("Bob: {columns} columns"));
        ann.type_in(".");
        ann.wait("the draft, whole", |view| {
            let rows = view.rows();
            let start = rows.iter().rposition(|row| row.starts_with("> half")).unwrap_or(0);
            rows[start..].concat().starts_with("> half of a line that is not short.")
        });
        ann.type_line("");
        ann.wait("it on the right", |view| view.cursor_row() == ">");
        ann.type_in("half of a line that is not short");
    }
}
