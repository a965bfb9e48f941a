//! The client in a pipeline. Its exit status is true, whatever its input and its output are: status 0
//! means that the whole input was read, and that every line came back.

use std::fs::File;
use std::io::{self, PipeReader, PipeWriter, Read, Write};
use std::process::Stdio;
use std::time::{Duration, Instant};

use rustix::fs::{OFlags, fcntl_setfl};

use crate::support::process::{self, Process, Signal};
use crate::support::server::Server;

/// How soon a client must end after a signal.
const SOON: Duration = Duration::from_secs(2);

/// A client with these streams.
fn client(server: &Server, input: impl Into<Stdio>, output: impl Into<Stdio>) -> Process {
    let mut command = process::program();
    command.args(["client", &server.address.to_string(), "--name", "Ann"]);
    command.stdin(input).stdout(output).stderr(Stdio::piped());
    Process::start_with(command)
}

fn pipe() -> (PipeReader, PipeWriter) {
    io::pipe().expect("a pipe")
}

/// The errors that the client printed. All its other lines are notices about the connection.
fn errors(client: &Process) -> Vec<String> {
    let lines = client.err.lines();
    lines.into_iter().filter(|line| !line.starts_with("Connection to ")).collect()
}

#[test]
fn a_non_blocking_input_is_waited_for() {
    let server = Server::start(&[]);
    let (input, mut writer) = pipe();
    fcntl_setfl(&input, OFlags::NONBLOCK).expect("a flag can be set");
    let mut ann = client(&server, input, Stdio::piped());
    ann.err.line("the connection", |line| line.contains("Successful!"));
    for line in ["hello", "again"] {
        writeln!(writer, "{line}").expect("the client reads");
        ann.out.expect(&format!("Ann: {line}"));
    }
    drop(writer);
    ann.exits(0);
}

#[test]
fn an_input_that_cannot_be_read_is_a_failure() {
    let server = Server::start(&[]);
    let directory = File::open("/").expect("a directory");
    let write_only = File::options().write(true).open("/dev/null").expect("it is there");
    for (input, why) in [(directory, "is a directory"), (write_only, "bad file descriptor")] {
        let mut ann = client(&server, input, Stdio::piped());
        ann.exits(1);
        let error = format!("tcp-chat: cannot read stdin ({why}): redirect it from elsewhere");
        assert_eq!(errors(&ann), [error]);
    }
}

#[test]
fn a_non_blocking_output_is_waited_for() {
    const LINES: usize = 500;
    let server = Server::start(&[]);
    let (mut output, writer) = pipe();
    fcntl_setfl(&writer, OFlags::NONBLOCK).expect("a flag can be set");
    let mut ann = client(&server, Stdio::piped(), writer);
    ann.pipe(format!("{}\n", "x".repeat(900)).repeat(LINES));
    // Nobody reads now, and a pipe holds less than this.
    server.event_log().at_least(50, "a line", |line| line.starts_with("Ann: "));
    let mut text = String::new();
    output.read_to_string(&mut text).expect("text");
    ann.exits(0);
    assert_eq!(text.lines().filter(|line| line.starts_with("Ann: ")).count(), LINES);
}

#[test]
fn a_reader_that_has_gone_ends_it_silently_and_the_rest_of_the_input_counts() {
    let server = Server::start(&[]);
    let cases = [("one line\n".to_owned(), 0), ("one of many\n".repeat(100_000), 1)];
    for (input, status) in cases {
        let mut ann = client(&server, Stdio::piped(), pipe().1);
        ann.pipe(input);
        ann.exits(status);
        assert_eq!(errors(&ann), Vec::<String>::new());
    }
}

#[test]
fn a_signal_before_the_end_of_the_input_is_no_success() {
    let server = Server::start(&[]);
    let mut ann = client(&server, Stdio::piped(), Stdio::null());
    ann.pipe("one of many\n".repeat(1_000_000));
    server.event_log().at_least(100, "a line", |line| line.starts_with("Ann: "));
    ann.signal(Signal::TERM);
    ann.exits(1);
    assert_eq!(errors(&ann).len(), 1, "{:?}", errors(&ann));
}

#[test]
fn the_first_signal_ends_a_client_whose_output_nobody_reads() {
    for signal in [Signal::INT, Signal::TERM, Signal::HUP] {
        let server = Server::start(&[]);
        let (unread, output) = pipe();
        let mut ann = client(&server, Stdio::piped(), output);
        // A pipe holds less than this.
        ann.pipe(format!("{}\n", "x".repeat(900)).repeat(1000));
        server.event_log().at_least(50, "a line", |line| line.starts_with("Ann: "));
        let begin = Instant::now();
        ann.signal(signal);
        ann.exits(1);
        assert!(begin.elapsed() < SOON, "{signal:?}: ended after {:?}", begin.elapsed());
        drop(unread);
    }
}

#[test]
fn a_demo_whose_reader_has_gone_says_nothing() {
    let mut command = process::program();
    command.args(["demo", "--fast"]);
    command.stdin(Stdio::null()).stdout(pipe().1).stderr(Stdio::piped());
    let mut demo = Process::start_with(command);
    demo.exits(1);
    assert_eq!(demo.err.lines(), Vec::<String>::new());
}
