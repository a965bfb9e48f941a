//! The command line: the behaviour that scripts rely on, and the help and errors of the program.

use std::process::{Command, Stdio};

use crate::support::peer::Peer;
use crate::support::process::{self, Process, Signal, client};
use crate::support::server::Server;

/// The flags of each command. Scripts rely on them, so they must stay.
const FLAGS: [(&str, &[&str]); 3] = [
    (
        "server",
        &[
            "--echo",
            "--framing",
            "--name-first",
            "--ask",
            "--max-line",
            "--max-clients",
            "--rate",
            "--stall-timeout",
            "--max-backlog",
            "--dead-link",
            "--cores",
            "--quiet",
            "--timestamps",
            "--timeline",
        ],
    ),
    (
        "client",
        &[
            "--name",
            "--framing",
            "--introduce",
            "--local-echo",
            "--stay",
            "--no-reconnect",
            "--give-up-after",
            "--timestamps",
        ],
    ),
    ("demo", &["--clients", "--fast", "--timeline"]),
];

fn run(arguments: &[&str]) -> Process {
    let mut command = process::program();
    command.args(arguments);
    Process::start(command)
}

fn with_environment(mut command: Command, variables: &[(&str, &str)]) -> Command {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.envs(variables.iter().copied());
    command
}

#[test]
fn help_names_every_flag_and_its_variable() {
    let mut all = run(&["--help"]);
    all.exits(0);
    for (name, flags) in FLAGS {
        assert!(all.out.count(|line| line.trim_start().starts_with(name)) > 0, "no {name}");
        let mut help = run(&[name, "--help"]);
        help.exits(0);
        let text = help.out.lines().join("\n");
        for flag in flags {
            let variable = format!("TCP_CHAT_{}=", flag[2..].to_uppercase().replace('-', "_"));
            assert!(text.contains(flag), "{name} --help does not name {flag}");
            assert!(text.contains(&variable), "{name} --help does not name {variable}");
        }
        assert_eq!(help.err.lines(), Vec::<String>::new());
        if name != "demo" {
            assert!(text.contains("127.0.0.1:3234"), "{name} --help does not name the default");
        }
    }
}

#[test]
fn short_help_has_one_line_for_each_flag_and_no_variables() {
    for (name, flags) in FLAGS {
        let mut help = run(&[name, "-h"]);
        help.exits(0);
        let lines = help.out.lines();
        assert!(lines.iter().all(|line| !line.contains("TCP_CHAT_")), "{lines:#?}");
        for flag in flags {
            let is_its_line =
                |line: &&String| line.trim_start().starts_with('-') && line.contains(flag);
            assert_eq!(lines.iter().filter(is_its_line).count(), 1, "{flag}");
        }
        // Text that does not fit on the line of its flag would stand on a deeply indented line
        // below it.
        assert!(lines.iter().all(|line| !line.starts_with(&" ".repeat(16))), "{lines:#?}");
    }
    let mut help = run(&["--help"]);
    help.exits(0);
    help.out.expect("Exit status: 0 success, 1 error at run time, 2 wrong usage");
}

#[test]
fn a_variable_that_says_no_is_the_flag_not_given() {
    let server = Server::start(&[]);
    for (no, value) in [(true, "0"), (true, "false"), (true, ""), (false, "1"), (false, "true")] {
        let mut command = process::program();
        command.args(["client", "--name", "Ann"]).env("TCP_CHAT_TIMESTAMPS", value);
        command.env("TCP_CHAT_ADDR", server.address.to_string()).env("TCP_CHAT_STAY", "0");
        command.env("TCP_CHAT_INTRODUCE", "");
        let mut ann = Process::start(command);
        ann.pipe("hello\n".to_owned());
        ann.exits(0);
        assert_eq!(ann.out.count(|line| line == "Ann: hello") == 1, no, "{value:?}");
    }
}

#[test]
fn version_is_that_of_the_package() {
    let mut version = run(&["--version"]);
    version.exits(0);
    assert_eq!(version.out.lines(), [format!("tcp-chat {}", env!("CARGO_PKG_VERSION"))]);
}

#[test]
fn wrong_usage_is_told_from_failure() {
    let long_name = "x".repeat(33);
    let wrong: &[&[&str]] = &[
        &[],
        &["serve"],
        &["server", "--colour"],
        &["server", "nonsense"],
        &["server", "127.0.0.1"],
        &["server", "127.0.0.1:65536"],
        &["server", ":3234"],
        &["server", "127.0.0.1:0", "127.0.0.1:0"],
        &["server", "--echo", "none"],
        &["server", "--framing", "morse"],
        &["server", "--max-line", "0"],
        &["server", "--max-line=-1"],
        &["server", "--max-line", "many"],
        &["server", "--max-clients", "0"],
        &["server", "--max-clients=-5"],
        &["server", "--max-backlog", "0"],
        &["server", "--rate", "0"],
        &["server", "--rate=-1"],
        &["server", "--rate", "nan"],
        &["server", "--stall-timeout=-1"],
        &["server", "--stall-timeout", "inf"],
        &["server", "--dead-link", "0"],
        &["server", "--dead-link", "32768"],
        &["server", "--cores", "2"],
        &["client", "--name", ""],
        &["client", "--name", "a:b"],
        &["client", "--name", "a\nb"],
        &["client", "--name", "a\tb"],
        &["client", "--name", "\x1b[2J"],
        &["client", "--name", "\u{202e}a"],
        &["client", "--name", " "],
        &["client", "--name", "Ann "],
        &["client", "--name", "Ann\u{200b}"],
        &["client", "--name", &long_name],
        &["client", "--give-up-after=-1"],
        &["client", "--give-up-after", "soon"],
        &["client", "3234"],
        &["server", "--max-clients", "1000001"],
        &["server", "--max-backlog", "1099511627777"],
        &["server", "--max-backlog", "18446744073709551615"],
        &["server", "--rate", "2e9"],
        &["server", "--stall-timeout", "1000001"],
        &["client", "--give-up-after", "1e7"],
        &["demo", "--tmux"],
        &["demo", "--clients", "0"],
        &["demo", "--clients=-3"],
    ];
    for arguments in wrong {
        let mut process = run(arguments);
        let status = process.ended();
        assert_eq!(status.code(), Some(2), "{arguments:?} is wrong usage");
        assert_eq!(process.out.lines(), Vec::<String>::new(), "{arguments:?}");
        let said = process.err.lines();
        // Without any argument, stderr shows the whole help.
        assert!(said.len() == 1 || arguments.is_empty(), "{arguments:?}: {said:?}");
        let said = said.join("\n");
        assert!(said.contains(" --help"), "{arguments:?} does not say what to do: {said}");
        assert!(!said.contains("panicked"), "{arguments:?}: {said}");
        assert!(!said.contains('\x1b'), "{arguments:?} drives the terminal: {said:?}");
    }
}

#[test]
fn a_failure_is_one_line_that_says_what_to_do() {
    // Port 1 is free, because only a privileged program may listen there, and none does.
    let failing: &[(&[&str], &str)] = &[
        (&["server", "no-such-host.invalid:0"], "no-such-host.invalid"),
        (&["server", "192.0.2.1:0"], "192.0.2.1"),
        (&["client", "127.0.0.1:1", "--no-reconnect"], "is the server running?"),
        (&["client", "127.0.0.1:1", "--give-up-after", "0.2"], "is the server running?"),
        (&["client", "127.0.0.1:1", "--give-up-after", "0"], "use a longer --give-up-after"),
    ];
    for (arguments, explanation) in failing {
        let mut process = run(arguments);
        process.exits(1);
        assert_eq!(process.out.lines(), Vec::<String>::new(), "{arguments:?}");
        let said = process.err.lines();
        let errors: Vec<_> = said.iter().filter(|line| line.starts_with("tcp-chat: ")).collect();
        assert_eq!(errors.len(), 1, "{said:?}");
        assert_eq!(said.last(), errors.last().copied(), "nothing comes after it: {said:?}");
        assert!(errors[0].contains(explanation), "{said:?}");
    }
}

#[test]
fn flags_can_be_given_by_the_environment() {
    let variables = [
        ("TCP_CHAT_ADDR", "127.0.0.1:0"),
        ("TCP_CHAT_ECHO", "others"),
        ("TCP_CHAT_MAX_LINE", "10"),
        ("TCP_CHAT_TIMESTAMPS", "true"),
    ];
    let mut command = with_environment(process::program(), &variables);
    command.args(["server", "--max-line", "20"]);
    let server = Process::start_with(command);
    let said = server.err.line("its address", |line| line.starts_with("listening on "));
    let address = said["listening on ".len()..].split(';').next().unwrap().parse().unwrap();
    let mut ann = Peer::connect(address);
    let mut bob = Peer::connect(address);
    server.out.at_least(2, "a client", |line| line.contains("Has Connected!"));
    ann.say("fifteen letters");
    bob.expect("fifteen letters");
    bob.say(&"x".repeat(21));
    assert!(bob.line().starts_with("* Line refused: "));
    ann.say("next");
    bob.expect("next");
    assert!(ann.pending().is_empty(), "a speaker receives its own line");
    let line = server.out.line("the time", |line| line.ends_with("next"));
    assert_eq!(line.replace(|c: char| c.is_ascii_digit(), "0"), "00:00:00 next");

    let address = address.to_string();
    let variables = [
        ("TCP_CHAT_ADDR", address.as_str()),
        ("TCP_CHAT_NAME", "Lou"),
        ("TCP_CHAT_LOCAL_ECHO", "1"),
    ];
    let mut command = with_environment(process::program(), &variables);
    command.arg("client");
    let mut lou = Process::start_with(command);
    lou.pipe("hello\n".to_owned());
    lou.exits(0);
    bob.expect("Lou: hello");

    let mut wrong = Process::start_with(with_environment(
        {
            let mut command = process::program();
            command.arg("server");
            command
        },
        &[("TCP_CHAT_MAX_LINE", "none")],
    ));
    wrong.exits(2);
}

#[test]
fn a_client_without_a_name_is_called_after_its_process() {
    let server = Server::start(&["--quiet"]);
    let mut client = client(server.address, &["--timestamps"]);
    client.pipe("hello\n".to_owned());
    client.exits(0);
    let name = format!("Client{}", client.id());
    let heard = client.out.lines().join("\n").replace(|c: char| c.is_ascii_digit(), "0");
    let zeros = name.replace(|c: char| c.is_ascii_digit(), "0");
    assert_eq!(heard, format!("00:00:00 {zeros}: hello\n00:00:00 {zeros} Disconnected!"));
    let heard = client.out.lines();
    assert!(heard[0].ends_with(&format!("{name}: hello")), "{heard:?}");
    assert!(server.event_log().lines().is_empty(), "a quiet server prints an event log");
}

#[test]
fn a_client_keeps_notices_apart_from_the_chat() {
    let mut server = Server::start(&[]);
    let mut ann = client(server.address, &["--name", "Ann"]);
    ann.type_line("hello");
    ann.out.expect("Ann: hello");
    assert_eq!(ann.out.lines(), ["Ann: hello"]);
    let server_port = format!("#{}", server.port());
    ann.err.line("a notice that names the server", |line| line.contains(&server_port));
    ann.signal(Signal::INT);
    ann.exits(0);
    assert_eq!(ann.out.lines(), ["Ann: hello", "Ann Disconnected!"]);
    assert!(server.stop().success());
}
