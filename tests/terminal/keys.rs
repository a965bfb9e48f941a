//! Keys, and what is no key: the replies of a terminal, and the rest of a sequence that comes late.

use std::thread;
use std::time::Duration;

use crate::support::pty::client;
use crate::support::server::Server;

/// A slow connection delays the rest of a sequence for this long.
const LATE: Duration = Duration::from_millis(80);

#[test]
fn the_rest_of_a_key_may_come_late() {
    let server = Server::start(&[]);
    let mut ann = client(&server, "Ann", 80);
    ann.type_line("earlier");
    ann.wait("my line", |view| view.is_own("Ann: earlier"));
    for (first, rest, shown) in
        [("\x1b", "[A", "> earlier"), ("\x1b[", "B", ">"), ("\x1bO", "A", "> earlier")]
    {
        ann.type_in(first);
        thread::sleep(LATE);
        ann.type_in(rest);
        ann.wait(shown, |view| view.cursor_row() == shown);
    }
}

#[test]
fn a_paste_that_begins_late_is_no_command() {
    let server = Server::start(&[]);
    let mut ann = client(&server, "Ann", 80);
    let mut bob = server.join();
    for pause in [LATE, Duration::from_millis(700)] {
        ann.type_in("\x1b");
        thread::sleep(pause);
        ann.type_in("[200~one\r/quit\r\x1b");
        thread::sleep(pause);
        ann.type_in("[201~");
        ann.wait("the paste", |view| view.cursor_row() == "2 lines> one↵/quit↵");
        ann.type_in("\r");
        bob.await_line("Ann: one");
        bob.await_line("Ann: /quit");
    }
}

#[test]
fn the_replies_of_a_terminal_are_not_typed() {
    let server = Server::start(&[]);
    let mut ann = client(&server, "Ann", 80);
    let mut bob = server.join();
    for reply in [
        "\x1b]11;rgb:ffff/ffff/ffff\x07",
        "\x1b]10;rgb:0000/0000/0000\x1b\\",
        "\x1bP>|XTerm(390)\x1b\\",
        "\x1b[>0;276;0c",
        "\x1b[12;40R",
    ] {
        ann.type_in(&format!("be{reply}fore\r"));
        bob.await_line("Ann: before");
    }
    // Alt-] begins what never ends, and a pause ends it.
    ann.type_in("\x1b]");
    thread::sleep(Duration::from_millis(700));
    ann.type_in("typed\r");
    bob.await_line("Ann: typed");
}

#[test]
fn ctrl_w_deletes_to_the_space_and_ctrl_y_brings_it_back() {
    let server = Server::start(&[]);
    let mut ann = client(&server, "Ann", 80);
    for (keys, shown) in [
        ("see https://example.org/a-b?c=d ", "> see https://example.org/a-b?c=d"),
        ("\x17", "> see"),
        ("\x19", "> see https://example.org/a-b?c=d"),
        ("\x17\x17", ">"),
    ] {
        ann.type_in(keys);
        ann.wait(shown, |view| view.cursor_row() == shown);
    }
}

#[test]
fn ctrl_l_clears_the_screen_and_help_names_the_keys() {
    let server = Server::start(&[]);
    let mut ann = client(&server, "Ann", 80);
    // Otherwise it may come after the screen is cleared.
    ann.wait_row("Ann Connected!");
    ann.type_line("/help");
    ann.wait("the keys", |view| view.count("-- keys  ") == 1 && view.count("Ctrl-Y puts") == 1);
    ann.look(|view| {
        let rows = view.rows();
        let at = |text| rows.iter().position(|row| row.contains(text)).expect("the help");
        let help = &rows[at("-- /connect")..at("Ctrl-Y puts")];
        assert!(help.iter().all(|row| row.starts_with("-- ")), "a row is wrapped: {rows:?}");
    });
    ann.type_in("draft\x0c");
    ann.wait("an empty screen", |view| {
        view.rows()[0] == "> draft" && view.rows()[1..].iter().all(String::is_empty)
    });
}
