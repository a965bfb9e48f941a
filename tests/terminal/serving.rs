//! The server on a terminal: it says how to join and how to stop it, and colours the event log.

use std::net::SocketAddr;
use std::os::unix::process::CommandExt;

use crate::support::peer::Peer;
use crate::support::process::{Signal, program};
use crate::support::pty::{Terminal, View};

/// A name of the program as a user may have typed it.
const PROGRAM: &str = "bin/tcp-chat";

fn server(flags: &[&str]) -> (Terminal, String) {
    let mut command = program();
    command.arg0(PROGRAM).args(["server", "127.0.0.1:0"]).args(flags);
    let server = Terminal::run(command, 80);
    server.wait("the first line of the event log", |view| view.count("Online...") == 1);
    let address = server.look(|view| {
        let rows = view.rows();
        let start = rows.iter().find_map(|row| row.strip_prefix("listening on ")).expect("a row");
        start.split([';', ' ']).next().unwrap_or_default().to_owned()
    });
    (server, address)
}

#[test]
fn a_server_says_how_to_join_how_to_stop_it_and_how_it_went() {
    let (mut server, address) = server(&[]);
    server.wait_row(&format!("    {PROGRAM} client {address} --name NAME"));
    server.wait_row(&format!("    nc {}", address.replace(':', " ")));
    server.wait_row("Ctrl-C stops it");
    let mut ann = Peer::connect(address.parse().expect("an address"));
    ann.say("Ann: hello");
    server.wait_row("Ann: hello");
    server.process.signal(Signal::INT);
    server.process.exits(0);
    server.wait_row("stopped; 1 client connected, 1 message delivered");
}

#[test]
fn the_event_log_has_the_colours_of_the_client() {
    let (server, address) = server(&[]);
    let mut command = program();
    command.args(["client", &address, "--name", "Ann"]);
    let mut ann = Terminal::run(command, 80);
    ann.wait("the title when connected", |view| view.title().contains("@PORT #"));
    ann.type_line("hello");
    let colour = |terminal: &Terminal| {
        terminal.wait("the line", |view| view.count("Ann: hello") == 1);
        terminal.look(|view: &mut View| view.colour_of("Ann: hello"))
    };
    assert_eq!(colour(&server), colour(&ann));
    assert_ne!(colour(&server), Some(vt100::Color::Default));
}

#[test]
fn the_title_and_the_event_log_say_how_many_are_here() {
    let (mut server, address) = server(&[]);
    let address: SocketAddr = address.parse().expect("an address");
    let title = |rest: &str| format!("Room @PORT #{}: {rest}", address.port());
    server.wait("the first title", |view| view.title() == title("0 here, 0 messages"));
    let mut ann = Peer::connect(address);
    let came = |peer: &Peer, here| {
        server.wait_row(&format!("Client @PORT #{} Has Connected! ({here} here)", peer.port()));
    };
    came(&ann, 1);
    let mut bob = Peer::connect(address);
    came(&bob, 2);
    ann.say("Ann: hello");
    server.wait("the title", |view| view.title() == title("2 here, 1 message"));
    bob.expect("Ann: hello");
    let port = bob.port();
    drop(bob);
    let row = format!("Client @PORT #{port} Has Disconnected! (left after 0 s, 1 here)");
    server.wait("the stay", |view| {
        view.rows().iter().any(|it| *it == row || *it == row.replace("after 0 s", "after 1 s"))
    });
    server.process.signal(Signal::INT);
    server.process.exits(0);
    server.wait("the title of the shell", |view| view.title().is_empty());
}

#[test]
fn a_server_on_all_addresses_says_where_others_reach_it() {
    let mut command = program();
    command.args(["server", "0.0.0.0:0"]);
    let server = Terminal::run(command, 80);
    server.wait_row("Ctrl-C stops it");
    let own = if_addrs::get_if_addrs().expect("the machine has addresses").into_iter();
    let own = own.filter(|it| !it.is_loopback() && !it.is_link_local() && it.ip().is_ipv4());
    for ip in own.map(|it| it.ip()) {
        let row = format!("other machines reach it at {ip}:");
        server.wait(&row, |view| view.count(&row) == 1);
    }
    server.look(|view| assert_eq!(view.count("reach it at 127."), 0));
}

#[test]
fn the_banner_fits_the_server() {
    let (server, address) = server(&["--framing", "raw", "--echo", "others"]);
    server.wait_row(&format!(
        "    {PROGRAM} client --framing raw --local-echo {address} --name NAME"
    ));
    server.look(|view| assert_eq!(view.count("    nc "), 0, "nc sends no raw messages"));
}

#[test]
fn the_banner_has_every_flag_that_a_client_needs() {
    let (server, address) = server(&["--framing", "raw", "--name-first", "--prefix", "{name}: "]);
    server
        .wait_row(&format!("    {PROGRAM} client --framing raw --introduce {address} --name NAME"));
}

#[test]
fn a_name_with_several_addresses_has_one_command() {
    let mut command = program();
    command.arg0(PROGRAM).args(["server", "localhost:0"]);
    let server = Terminal::run(command, 80);
    server.wait("the end of the banner", |view| view.count("Ctrl-C stops it") == 1);
    let rows = server.look(View::all_rows);
    let listening = rows.iter().filter(|row| row.starts_with("listening on ")).count();
    let name = if listening == 1 { "" } else { "localhost" };
    for begin in [format!("    {PROGRAM} client {name}"), format!("    nc {name}")] {
        assert_eq!(rows.iter().filter(|row| row.starts_with(&begin)).count(), 1, "{rows:?}");
    }
    assert!(rows.iter().any(|row| row.ends_with("; join from another terminal:")), "{rows:?}");
}

#[test]
fn the_hint_how_to_join_can_be_pasted() {
    for (typed, pasted) in [
        ("tcp-chat", "tcp-chat"),
        ("./my chat/tcp-chat", "'./my chat/tcp-chat'"),
        ("Ann's/tcp-chat", "\"Ann's/tcp-chat\""),
        ("", "tcp-chat"),
    ] {
        let mut command = program();
        command.arg0(typed).args(["server", "127.0.0.1:0"]);
        let server = Terminal::run(command, 80);
        server.wait(pasted, |view| view.count(&format!("    {pasted} client 127.0.0.1:")) == 1);
    }
}
