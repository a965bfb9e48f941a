//! Stdout and stderr in every state: closed, full, a full pipe, or a broken pipe. The program never
//! panics, and the streams do not delay or end the chat.

use std::fs::OpenOptions;
use std::io::{self, ErrorKind, PipeReader, Write};
use std::net::SocketAddr;
use std::path::Path;
use std::process::Stdio;
use std::sync::atomic::{AtomicU16, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, Instant};

use rustix::fs::{OFlags, fcntl_setfl};

use crate::support::peer::Peer;
use crate::support::process::{self, Process, Signal};
use crate::support::server::Server;
use crate::support::{is_free, skip, wait_until};

/// How soon a server must stop. It promises two seconds; here many servers stop at once.
const SOON: Duration = Duration::from_secs(4);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stream {
    /// A file, which takes everything.
    Good,
    Closed,
    /// `/dev/full`: every write fails.
    NoSpace,
    /// A full pipe without a reader.
    Unread,
    /// A pipe whose reader has closed it.
    Broken,
}

const ALL: [Stream; 5] =
    [Stream::Good, Stream::Closed, Stream::NoSpace, Stream::Unread, Stream::Broken];

/// All kinds of streams that this machine has.
fn kinds() -> impl Iterator<Item = Stream> {
    let no_space = Path::new("/dev/full").exists();
    if !no_space {
        skip("there is no /dev/full");
    }
    ALL.into_iter().filter(move |kind| no_space || *kind != Stream::NoSpace)
}

/// Starts the program with these streams. The reader of an unread pipe must live as long as the
/// process.
fn start(out: Stream, err: Stream, arguments: &[&str]) -> (Process, [Option<PipeReader>; 2]) {
    let redirect = |kind, redirection| if kind == Stream::Closed { redirection } else { "" };
    let script = format!("exec {} {}", redirect(out, ">&-"), redirect(err, "2>&-"));
    let mut command = process::program_after(&script);
    let ((stdout, out), (stderr, err)) = (open(out), open(err));
    command.args(arguments).stdin(Stdio::piped()).stdout(stdout).stderr(stderr);
    (Process::start_with(command), [out, err])
}

fn open(kind: Stream) -> (Stdio, Option<PipeReader>) {
    let (reader, mut writer) = io::pipe().expect("a pipe");
    match kind {
        Stream::Good | Stream::Closed => (Stdio::null(), None),
        Stream::NoSpace => {
            (OpenOptions::new().write(true).open("/dev/full").expect("it is there").into(), None)
        }
        Stream::Unread => {
            fcntl_setfl(&writer, OFlags::NONBLOCK).expect("a flag can be set");
            // Fill the pipe to the last byte.
            for size in [4096, 1] {
                let full = loop {
                    if let Err(error) = writer.write(&vec![b'.'; size]) {
                        break error;
                    }
                };
                assert_eq!(full.kind(), ErrorKind::WouldBlock);
            }
            fcntl_setfl(&writer, OFlags::empty()).expect("a flag can be taken back");
            (writer.into(), Some(reader))
        }
        Stream::Broken => (writer.into(), None),
    }
}

/// Runs `check` with every pair of streams, several pairs at a time.
fn each_pair(check: impl Fn(Stream, Stream) + Sync) {
    thread::scope(|scope| {
        for err in kinds() {
            let check = &check;
            scope.spawn(move || kinds().for_each(|out| check(out, err)));
        }
    });
}

/// An own address for each server here, because these servers cannot report their port. The ports
/// lie below the ports that systems assign by themselves. On Linux every address that begins with 127
/// is this machine, so each test process has an address of its own.
fn free_address() -> SocketAddr {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let [_, own @ ..] = std::process::id().to_be_bytes();
    let [a, b, c] = if cfg!(target_os = "linux") { own } else { [0, 0, 1] };
    let offset = u16::from(own[2] % 100);
    loop {
        let port = 10_000 + (offset * 100 + NEXT.fetch_add(1, Relaxed)) % 10_000;
        let address = SocketAddr::from(([127, a, b, c], port));
        if is_free(address) {
            return address;
        }
    }
}

fn connect(address: SocketAddr) -> Peer {
    let mut peer = None;
    wait_until("the server answers", || {
        peer = Peer::try_connect(address).ok();
        peer.is_some()
    });
    peer.expect("it answered")
}

#[test]
fn a_server_serves_and_stops() {
    each_pair(|out, err| {
        let address = free_address();
        let (mut server, readers) =
            start(out, err, &["server", &address.to_string(), "--max-clients", "2"]);
        let mut ann = connect(address);
        ann.say("Ann is here");
        ann.expect("Ann is here");
        let mut bob = connect(address);
        bob.say("Bob is here");
        bob.expect("Bob is here");
        ann.expect("Bob is here");
        // Each of these is a warning on stderr.
        for _ in 0..5 {
            assert!(connect(address).line().starts_with("* Server full: "));
        }
        for number in 0..100 {
            let line = format!("Ann: {number}");
            ann.say(&line);
            ann.expect(&line);
            bob.expect(&line);
        }
        let begin = Instant::now();
        server.signal(Signal::TERM);
        let status = server.ended();
        let took = begin.elapsed();
        assert_eq!(status.code(), Some(0), "stdout {out:?}, stderr {err:?}: {status}");
        assert!(took < SOON, "stdout {out:?}, stderr {err:?}: ended after {took:?}");
        ann.expect(&format!("Server @PORT #{} Offline...", address.port()));
        drop(readers);
    });
}

#[test]
fn a_client_ends_by_itself_or_when_it_is_told() {
    each_pair(|out, err| {
        let server = Server::start(&[]);
        let address = server.address.to_string();
        let (mut client, readers) = start(out, err, &["client", &address, "--name", "Ann"]);
        client.pipe("hello\n".repeat(100));
        // The client sets its signal handler before it connects.
        server.event_log().line("the client", |line| line.contains("Has Connected!"));
        // The client waits for the reader of its stdout pipe, as other programs do.
        let waits = out == Stream::Unread;
        let status = if waits { client.end_by(Signal::TERM) } else { client.ended() };
        let codes = match out {
            Stream::Good | Stream::Closed => &[0][..],
            Stream::NoSpace => &[1],
            // Some lines may not have come back by then.
            Stream::Unread | Stream::Broken => &[0, 1],
        };
        let code = status.code().expect("an exit, and no panic");
        assert!(codes.contains(&code), "stdout {out:?}, stderr {err:?}: {status}");
        drop(readers);
    });
}

#[test]
fn a_client_whose_notices_nobody_reads_goes_on_and_ends() {
    let server = Server::start(&[]);
    let mut bob = server.join();
    let address = server.address.to_string();
    let (mut ann, readers) =
        start(Stream::Good, Stream::Unread, &["client", &address, "--name", "Ann"]);
    // A line that is too long causes a notice. These are more notices than may wait to be written.
    let too_long = format!("{}\n", "x".repeat(2000));
    ann.pipe(format!("first\n{}last\n", too_long.repeat(1100)));
    bob.expect("Ann: first");
    bob.expect("Ann: last");
    bob.expect("Ann Disconnected!");
    let begin = Instant::now();
    ann.exits(1);
    assert!(begin.elapsed() < SOON, "it ended after {:?}", begin.elapsed());
    drop(readers);
}

#[test]
fn a_client_says_that_it_cannot_show_the_chat_and_nothing_if_nobody_wants_it() {
    let server = Server::start(&[]);
    let address = server.address.to_string();
    for out in kinds().filter(|kind| [Stream::NoSpace, Stream::Broken].contains(kind)) {
        let mut command = process::program();
        command.args(["client", &address, "--name", "Ann", "--stay"]);
        command.stdin(Stdio::piped()).stdout(open(out).0).stderr(Stdio::piped());
        let mut ann = Process::start_with(command);
        ann.type_line("hello");
        let status = ann.ended();
        let said = ann.err.lines();
        let about_it: Vec<_> = said.iter().filter(|line| line.starts_with("tcp-chat: ")).collect();
        if out == Stream::Broken {
            assert_eq!((status.code(), about_it.len()), (Some(0), 0), "{said:?}");
        } else {
            assert_eq!((status.code(), about_it.len()), (Some(1), 1), "{said:?}");
            let words = "cannot write to stdout (no space left on device): redirect it elsewhere";
            assert!(about_it[0].ends_with(words), "{said:?}");
        }
    }
}

#[test]
fn a_log_filter_that_is_none_is_said_in_one_line() {
    for err in kinds() {
        let mut command = process::program();
        let (stderr, reader) = open(err);
        command.args(["client", "127.0.0.1:1", "--no-reconnect"]).env("RUST_LOG", "===");
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(stderr);
        Process::start_with(command).exits(1);
        drop(reader);
    }
    let mut command = process::program();
    command.args(["client", "127.0.0.1:1", "--no-reconnect"]).env("RUST_LOG", "===");
    let mut client = Process::start(command);
    client.exits(1);
    let said = client.err.lines();
    assert_eq!(said.len(), 2, "{said:?}");
    assert!(
        said[0].contains("RUST_LOG=\"===\" is not a valid filter; RUST_LOG=trace shows"),
        "{said:?}"
    );
    assert!(said[1].starts_with("tcp-chat: Connection to "), "{said:?}");
}

#[test]
fn errors_end_with_their_status() {
    let server = Server::start(&[]);
    let address = server.address.to_string();
    each_pair(|out, err| {
        for (arguments, code) in [
            (&["server", address.as_str()][..], 1),
            (&["client", "127.0.0.1:1", "--no-reconnect"], 1),
            (&["man", "nothing"], 1),
            (&["server", "nonsense"], 2),
            (&[], 2),
        ] {
            if arguments.contains(&"client") && err == Stream::Unread {
                continue; // Its notices wait for the reader.
            }
            let (mut process, readers) = start(out, err, arguments);
            let status = process.ended();
            let case = format!("{arguments:?}, stdout {out:?}, stderr {err:?}");
            assert_eq!(status.code(), Some(code), "{case}");
            drop(readers);
        }
    });
}

#[test]
fn help_fails_only_where_there_is_no_space() {
    for out in kinds().filter(|kind| *kind != Stream::Unread) {
        for arguments in [
            &["--help"][..],
            &["-h"],
            &["server", "--help"],
            &["--version"],
            &["man"],
            &["completions", "bash"],
        ] {
            let (mut process, _readers) = start(out, Stream::Good, arguments);
            let status = process.ended();
            let code = i32::from(out == Stream::NoSpace);
            assert_eq!(status.code(), Some(code), "{arguments:?}, stdout {out:?}");
        }
    }
}

#[test]
fn a_demo_that_cannot_be_seen_ends_as_an_error() {
    for out in kinds().filter(|kind| [Stream::NoSpace, Stream::Broken].contains(kind)) {
        for err in kinds() {
            let (mut demo, _readers) = start(out, err, &["demo", "--fast"]);
            let status = demo.ended();
            assert_eq!(status.code(), Some(1), "stdout {out:?}, stderr {err:?}");
        }
    }
}
