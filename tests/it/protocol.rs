//! The client of docs/protocol.md: the page shows exactly this file, and the client does everything
//! that the page says.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::has;
use crate::support::process::Process;
use crate::support::server::Server;

fn docs() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs")
}

#[test]
fn the_page_shows_the_client_whole() {
    let client = fs::read_to_string(docs().join("client.py")).expect("the client");
    let page = fs::read_to_string(docs().join("protocol.md")).expect("the page");
    assert!(page.contains(&format!("```python\n{client}```\n")));
}

#[test]
fn twenty_lines_of_python_take_part() {
    if !has("python3") {
        return;
    }
    let server = Server::start(&[]);
    let mut ann = server.join();
    let mut command = Command::new("python3");
    command.arg(docs().join("client.py"));
    command.args(["127.0.0.1", &server.port().to_string(), "Dora"]);
    let mut dora = Process::start(command);
    dora.type_line("héllo 你好");
    dora.out.expect("Dora: héllo 你好");
    ann.await_line("Dora: héllo 你好");
    // Sent in three pieces. Two of the cuts are inside a character.
    let said = "Ann: привет\n".as_bytes();
    for part in [&said[..6], &said[6..10], &said[10..]] {
        ann.send(part);
    }
    dora.out.expect("Ann: привет");
    dora.end_input();
    dora.exits(0);
    assert_eq!(dora.err.lines(), Vec::<String>::new());
    assert_eq!(dora.out.last_words().last().map(String::as_str), Some("Dora Disconnected!"));
    ann.await_line("Dora Disconnected!");
}

#[test]
fn the_page_has_the_sentences_of_the_server() {
    let page = fs::read_to_string(docs().join("protocol.md")).expect("the page");
    let server = Server::start(&["--max-clients", "2"]);
    let mut ann = server.join();
    ann.send(format!("{}\n", "x".repeat(1025)));
    let refused = ann.line();
    assert!(page.contains(&format!("`{refused}`")), "{refused}");
    let _bob = server.join();
    let mut surplus = crate::support::peer::Peer::connect(server.address);
    let full = surplus.line().replace("2 clients", "100 clients");
    assert!(page.contains(&format!("`{full}`")), "{full}");
    surplus.expect_end();
}
