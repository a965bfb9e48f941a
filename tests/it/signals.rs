//! The signals that ask the program to stop: which of them count, and what the first and the second
//! do.

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::os::unix::process::ExitStatusExt;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use rustix::fs::{Mode, OFlags};

use super::shutdown::{SOON, TOGETHER, stop_in_time};
use crate::support::peer::{Ending, Peer};
use crate::support::process::{self, Process, Signal, client};
use crate::support::server::{ANY_PORT, Server};
use crate::support::{PATIENCE, has, skip, wait_until};

#[test]
fn signals_that_arrive_together_count_as_one_and_everyone_is_told() {
    const PEERS: usize = 30;
    for signal in [Signal::HUP, Signal::TERM, Signal::INT].repeat(4) {
        let mut server = Server::start(&[]);
        let mut peers: Vec<_> = (0..PEERS).map(|_| Peer::connect(server.address)).collect();
        server.event_log().at_least(PEERS, "a client", |line| line.contains("Has Connected!"));
        // Both the shell and the kernel send a SIGHUP when a window closes.
        server.process.signal(signal);
        thread::sleep(Duration::from_micros(500));
        stop_in_time(&mut server, signal);
        for peer in &mut peers {
            assert_eq!(peer.rest(), (vec![server.farewell()], Ending::Closed));
        }
    }
}

#[test]
fn the_second_signal_ends_a_client_at_once() {
    // A server that reads and never closes: the client waits a moment for it to close.
    let listener = TcpListener::bind(ANY_PORT).unwrap();
    let mut ann = client(listener.local_addr().unwrap(), &["--name", "Ann", "--stay"]);
    let (stream, _) = listener.accept().unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    ann.err.line("the connection", |line| line.contains("Successful!"));
    let first = Instant::now();
    ann.signal(Signal::TERM);
    let mut goodbye = String::new();
    BufReader::new(&stream).read_line(&mut goodbye).unwrap();
    assert_eq!(goodbye, "Ann Disconnected!\n");
    let status = ann.end_by(Signal::HUP);
    assert!(first.elapsed() >= TOGETHER, "ended after {:?}", first.elapsed());
    assert_eq!(status.code(), Some(1));
}

/// Whether this system shows which signals were ignored at the start. If not, the test is skipped.
fn can_ignore() -> bool {
    if !cfg!(target_os = "linux") {
        skip("this system does not show which signals are ignored");
    }
    cfg!(target_os = "linux")
}

/// `nohup` starts a program with SIGHUP ignored, so the program must ignore it.
#[test]
fn under_nohup_a_hangup_stops_neither_server_nor_client() {
    if !can_ignore() || !has("nohup") {
        return;
    }
    let under_nohup = || {
        let mut command = Command::new("nohup");
        command.arg(env!("CARGO_BIN_EXE_tcp-chat"));
        process::clean(command)
    };
    let mut server = Server::run(under_nohup(), ANY_PORT, &[]);
    let mut command = under_nohup();
    command.args(["client", &server.address.to_string(), "--name", "Ann"]);
    let mut ann = Process::start(command);
    ann.err.line("the connection", |line| line.contains("Successful!"));
    server.process.signal(Signal::HUP);
    ann.signal(Signal::HUP);
    // If one of them were about to stop, it could not finish all of this.
    for number in 0..200 {
        ann.type_line(&number.to_string());
        ann.out.expect(&format!("Ann: {number}"));
    }
    // And this signal would not be the first that counts.
    ann.signal(Signal::TERM);
    ann.exits(0);
    stop_in_time(&mut server, Signal::TERM);
    server.event_log().expect(&server.farewell());
}

/// A script's `tcp-chat server &` is started with SIGINT ignored.
#[test]
fn an_ignored_interrupt_stops_neither_server_nor_client_nor_demo() {
    if !can_ignore() {
        return;
    }
    let ignoring = || process::program_after("trap '' INT");
    let mut server = Server::run(ignoring(), ANY_PORT, &[]);
    let mut command = ignoring();
    command.args(["client", &server.address.to_string(), "--name", "Ann"]);
    let mut ann = Process::start(command);
    ann.err.line("the connection", |line| line.contains("Successful!"));
    server.process.signal(Signal::INT);
    ann.signal(Signal::INT);
    for number in 0..200 {
        ann.type_line(&number.to_string());
        ann.out.expect(&format!("Ann: {number}"));
    }
    ann.signal(Signal::TERM);
    ann.exits(0);
    stop_in_time(&mut server, Signal::TERM);
    let mut command = ignoring();
    command.args(["demo", "--fast"]);
    Process::start(command).exits(0);
}

/// A name that nobody resolves: `/etc/hosts` is a pipe, so the server waits for its writer.
#[test]
fn the_first_signal_ends_a_server_that_resolves_a_name() {
    let alone = Command::new("unshare").args(["--mount", "true"]).status();
    if !alone.is_ok_and(|status| status.success()) {
        return skip("it takes unshare, and root, to change /etc/hosts for one process");
    }
    let hosts = std::env::temp_dir().join(format!("tcp-chat-hosts-{}", std::process::id()));
    let made = Command::new("mkfifo").arg(&hosts).status();
    assert!(made.expect("mkfifo is there").success());
    let mut command = process::clean(Command::new("unshare"));
    command.args([
        "--mount",
        "sh",
        "-c",
        "mount --bind \"$1\" /etc/hosts && exec \"$0\" server a.b:0",
    ]);
    command.arg(env!("CARGO_BIN_EXE_tcp-chat")).arg(&hosts);
    let mut server = Process::start(command);
    // The pipe has a writer only once somebody reads it.
    let mut writer = None;
    wait_until("the server looks the name up", || {
        let flags = OFlags::WRONLY | OFlags::NONBLOCK;
        writer = rustix::fs::open(&hosts, flags, Mode::empty()).ok();
        writer.is_some()
    });
    let begin = Instant::now();
    server.signal(Signal::INT);
    let status = server.ended();
    assert_eq!(status.signal(), Some(Signal::INT.as_raw()), "{status}");
    assert!(begin.elapsed() < SOON, "ended after {:?}", begin.elapsed());
    std::fs::remove_file(&hosts).expect("it is ours");
}
