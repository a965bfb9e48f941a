//! The server's event log when its output fails for a while: the log goes on as soon as the output
//! does, and says how many lines are missing.

use std::fs::{self, File};
use std::io::{self, BufRead as _, BufReader, Read as _};
use std::process::Stdio;

use rustix::fs::{OFlags, fcntl_setfl};

use crate::support::peer::Peer;
use crate::support::process::{self, Output};
use crate::support::server::{ANY_PORT, Server};
use crate::support::wait_until;

fn server(script: &str, output: impl Into<Stdio>) -> Server {
    let mut command = process::program_after(script);
    command.stdin(Stdio::null()).stdout(output).stderr(Stdio::piped());
    Server::run_with(command, ANY_PORT, &[])
}

/// Says lines and hears them, until `enough`. Counts them in `said`.
fn talk(peer: &mut Peer, said: &mut usize, mut enough: impl FnMut() -> bool) {
    wait_until("enough is said", || {
        let line = format!("number {said} {}", "x".repeat(200));
        peer.say(&line);
        peer.expect(&line);
        *said += 1;
        enough()
    });
}

/// The numbers of the whole lines that were said.
fn numbers(log: &str) -> Vec<usize> {
    let lines = log.lines().filter(|line| line.ends_with(&"x".repeat(200)));
    let numbers = lines.filter_map(|line| line.strip_prefix("number ")?.split(' ').next());
    numbers.map(|number| number.parse().expect("a number")).collect()
}

#[test]
fn a_full_disk_costs_the_lines_that_do_not_fit_into_memory_and_no_more() {
    let path = std::env::temp_dir().join(format!("tcp-chat-log-{}", std::process::id()));
    let file = File::options().append(true).create_new(true).open(&path).expect("a new file");
    // A file has at most 256 KiB: the next write fails, as on a full disk.
    let server = server("trap '' XFSZ; ulimit -f 256", file);
    let log = || fs::read_to_string(&path).expect("a log");
    let fails = || server.process.err.count(|line| line.contains("cannot write the event log"));
    let mut peer = Peer::connect(server.address);
    let mut said = 0;
    talk(&mut peer, &mut said, || fails() > 0);
    let full = log().len();
    // More than the server keeps in memory.
    for _ in 0..6000 {
        talk(&mut peer, &mut said, || true);
    }
    // The disk has space again. It is full again before the server has printed all that waited.
    let mut printed = String::new();
    wait_until("the log says what is missing", || {
        let new = log();
        if new.len() == full {
            printed += &new;
            let file = File::options().write(true).open(&path);
            file.and_then(|file| file.set_len(0)).expect("it is ours");
            return false;
        }
        new.contains(" skipped: ") && new.ends_with('\n')
    });
    printed += &log();
    let missing = printed
        .lines()
        .find_map(|line| line.strip_prefix("* ")?.split_once(" line")?.0.parse::<usize>().ok());
    let before = numbers(&printed);
    assert_eq!(before, (0..before.len()).collect::<Vec<_>>(), "all in order");
    assert_eq!(missing, Some(said - before.len()), "{said} said, {} printed", before.len());
    talk(&mut peer, &mut said, || true);
    wait_until("it goes on", || numbers(&log()).last() == Some(&(said - 1)));
    assert_eq!(fails(), 1, "it is said once");
    fs::remove_file(&path).expect("it is ours");
}

/// Nobody speaks after the lines that were skipped.
#[test]
fn a_log_that_is_read_late_says_at_once_what_is_missing() {
    let (reader, writer) = io::pipe().expect("a pipe");
    let mut command = process::program_after("true");
    command.stdin(Stdio::null()).stdout(writer).stderr(Stdio::piped());
    let server = Server::run_with(command, ANY_PORT, &["--max-line", "1048576"]);
    let mut peer = Peer::connect(server.address);
    let mut say = |line: &str| {
        peer.say(line);
        peer.expect(line);
    };
    // The printer waits for the reader of the pipe, and then has all that fits into memory.
    say(&"x".repeat(100_000));
    for _ in 0..5 {
        say(&"x".repeat(1_000_000));
    }
    let mut reader = BufReader::new(reader);
    let mut first = String::new();
    while first.len() < 100_000 {
        first.clear();
        reader.read_line(&mut first).expect("it is text");
    }
    reader.read_exact(&mut [0]).expect("the printer writes the next line");
    for _ in 0..10 {
        say("short");
    }
    let log = Output::collect(reader);
    let skipped =
        |line: &String| line.strip_prefix("* ")?.split_once(" line")?.0.parse::<usize>().ok();
    // An event may be skipped as well: a client that is behind, or has caught up.
    log.wait_for("what is missing", |lines, _| {
        (lines.iter().filter_map(skipped).sum::<usize>() >= 10).then_some(())
    });
}

#[test]
fn a_non_blocking_output_is_waited_for() {
    let (reader, writer) = io::pipe().expect("a pipe");
    fcntl_setfl(&writer, OFlags::NONBLOCK).expect("a flag can be set");
    let server = server("true", writer);
    let mut peer = Peer::connect(server.address);
    // Nobody reads yet, and a pipe holds less than this.
    for mut number in 0..1000 {
        talk(&mut peer, &mut number, || true);
    }
    let log = Output::collect(reader);
    log.line("the last line", |line| line.starts_with("number 999 "));
    assert_eq!(numbers(&log.lines().join("\n")), (0..1000).collect::<Vec<_>>());
}
