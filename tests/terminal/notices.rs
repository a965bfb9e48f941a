//! What the client itself says can be told from what comes over the wire, whatever strangers send.

use crate::support::process::program;
use crate::support::pty::{Terminal, client, client_command, client_with};
use crate::support::server::{ANY_PORT, Server};

/// Lines that imitate the client, and how they are shown.
const FORGED: [(&str, &str); 6] = [
    ("-- Connection lost", "| -- Connection lost"),
    ("  -- Connection lost", "|   -- Connection lost"),
    ("\u{200b}-- Connection lost", "| \u{200b}-- Connection lost"),
    ("—— Connection lost", "| —— Connection lost"),
    ("\x1b[2m-- Connection lost", "␛[2m-- Connection lost"),
    ("- a list", "- a list"),
];

#[test]
fn nothing_from_the_wire_looks_like_a_notice() {
    let server = Server::start(&[]);
    let ann = client(&server, "Ann", 80);
    let mut bob = server.join();
    // The window is full after 80 columns, and the rest would begin a row.
    let long = "x".repeat(80);
    bob.send(format!("{long}--\u{a0}Connection\u{a0}lost\n"));
    for (line, shown) in FORGED {
        bob.send(format!("{line}\n"));
        ann.wait(shown, |view| view.count(shown) > 0);
    }
    bob.send("Connection to Server @PORT #1 (localhost) Lost (the server closed it)\n");
    ann.wait("the last", |view| view.count("Lost (the server closed it)") == 1);
    let notice = ann.look(|view| view.colour_of("-- Type a line"));
    ann.look(|view| {
        let rows = view.all_rows();
        let notices: Vec<&String> = rows.iter().filter(|row| row.starts_with("--")).collect();
        assert_eq!(notices.len(), 2, "the hint and the connection: {notices:?}");
        assert!(rows.contains(&"  --\u{a0}Connection\u{a0}lost".to_owned()), "{rows:?}");
        assert_eq!(view.colour_of("Connection to Server"), Some(vt100::Color::Default));
        assert_ne!(notice, Some(vt100::Color::Default));
    });
}

#[test]
fn a_sentence_of_the_server_is_no_person() {
    let server = Server::start(&[]);
    let mut ann = client(&server, "Ann", 80);
    let mut bob = server.join();
    bob.send("* Line refused: a line may have at most 7 bytes, yours had more\n");
    ann.wait("the sentence", |view| view.count("* Line refused: ") == 1);
    let colours = ann.look(|view| ["* Line", "-- Type"].map(|row| view.colour_of(row)));
    assert_eq!(colours[0], colours[1], "one dim piece, and no name");
    ann.type_line("/names");
    ann.wait("nobody", |view| view.count("-- Heard since ") == 1);
    ann.look(|view| assert_eq!(view.count(": nobody"), 1, "{:?}", view.rows()));
}

#[test]
fn notices_have_their_mark_without_colours_and_on_a_dumb_terminal() {
    let server = Server::start(&[]);
    for (name, variable) in [("TERM", "dumb"), ("NO_COLOR", "1")] {
        let mut command = client_command(&server, &["--name", "Ann"]);
        command.env(name, variable);
        let mut ann = Terminal::run_with(command, 100, |command, tty| {
            command.env(name, variable).stdin(tty()).stdout(tty()).stderr(tty());
        });
        ann.wait("the connection", |view| view.count("-- Connection to Server @PORT #") == 1);
        let mut bob = server.join();
        bob.send("-- Connection lost\nBob: hello\n");
        ann.wait_row("| -- Connection lost");
        let enter = if variable == "dumb" { "\n" } else { "\r" };
        ann.type_in(&format!("/names{enter}"));
        ann.wait("the names", |view| view.count(": Bob (now)") == 1);
        ann.type_in(&format!("/nonsense{enter}"));
        ann.wait("the complaint", |view| view.count("-- No command /nonsense") == 1);
        ann.type_in(&format!("/quit{enter}"));
        ann.process.exits(0);
    }
}

#[test]
fn a_full_server_is_told_once_and_then_the_client_is_silent() {
    let mut command = program();
    command.env("RUST_LOG", "debug");
    let server = Server::run(command, ANY_PORT, &["--max-clients", "1"]);
    let mut guest = server.join();
    let turned_away = |line: &str| line.contains("turned a client away");
    let mut clients = (0..5).map(|_| {
        let ann = Terminal::in_session(&client_command(&server, &["--name", "Ann"]), 100, 24);
        // The server's log shows each attempt.
        let before = server.process.err.count(turned_away);
        server.process.err.at_least(before + 3, "attempts", turned_away);
        ann.wait("the notice", |view| view.count("Failed (the server is full)") > 0);
        ann
    });
    // On a busy machine, an answer may come after more than the 0.3 s for which a client waits.
    let ann = clients.find(|ann| ann.look(|view| view.count("Successful!") == 0));
    let ann = ann.expect("this machine is too slow for the test");
    ann.look(|view| {
        assert_eq!(view.count("Failed (the server is full); retrying"), 1, "{:?}", view.rows());
        for unwanted in ["Successful!", "Server full", "Lost ("] {
            assert_eq!(view.count(unwanted), 0, "{unwanted}: {:?}", view.all_rows());
        }
        assert_eq!(view.cursor_row(), "offline>");
    });
    guest.finish();
    guest.expect_end();
    ann.wait("the place", |view| view.count("Successful!") == 1 && view.cursor_row() == ">");
    server.event_log().expect("Ann Connected!");
}

#[test]
fn a_stranger_who_says_that_the_server_is_full_loses_nobody_a_line() {
    let server = Server::start(&[]);
    let ann = client_with(&server, &["--name", "Ann", "--framing", "lines"], 80);
    let mut bob = server.join();
    bob.send("* Server full: 0 clients are connected, try again later\nBob: no\n");
    ann.wait_row("* Server full: 0 clients are connected, try again later");
    ann.wait_row("Bob: no");
}

#[test]
fn light_grounds_have_their_own_colours() {
    let server = Server::start(&[]);
    let colour = |flags: &[&str], ground: &str| {
        let mut command = program();
        command.args(["client", &server.address.to_string(), "--name", "Ann"]).args(flags);
        let ann = Terminal::run_with(command, 80, |command, tty| {
            command.env("COLORFGBG", ground).stdin(tty()).stdout(tty()).stderr(tty());
        });
        ann.wait("the hint", |view| view.count("-- Type a line") == 1);
        ann.look(|view| view.colour_of("-- Type a line").expect("it is there"))
    };
    let dark = colour(&[], "15;0");
    let light = colour(&["--light"], "15;0");
    assert_ne!(dark, light);
    assert_eq!(colour(&[], "0;15"), light);
    assert_eq!(colour(&[], "0;default;15"), light);
    assert_eq!(colour(&[], ""), dark);
}
