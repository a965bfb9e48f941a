//! The environment variables: an empty one is the flag not given, and an error names the one that it
//! comes from.

use crate::support::process::{self, Process};
use crate::support::server::Server;

/// The variables that the help of this command names.
fn variables(command: &str) -> Vec<String> {
    let mut help = process::program();
    help.args([command, "--help"]);
    let mut help = Process::start(help);
    help.exits(0);
    let text = help.out.lines().join(" ");
    let names = text.split("[env: ").skip(1).filter_map(|rest| rest.split('=').next());
    names.map(str::to_owned).collect()
}

#[test]
fn an_empty_variable_is_the_flag_not_given() {
    let mut server = process::program();
    let names = variables("server");
    assert!(names.len() > 10, "{names:?}");
    server.envs(names.iter().map(|name| (name, "")));
    let server = Server::run(server, crate::support::server::ANY_PORT, &[]);
    let mut client = process::program();
    client.args(["client", &server.address.to_string()]);
    client.envs(variables("client").iter().map(|name| (name, "")));
    let mut client = Process::start(client);
    client.pipe("hello\n".to_owned());
    client.exits(0);
    client.out.expect(&format!("Client{}: hello", client.id()));
}

#[test]
fn an_error_names_the_variable_that_it_comes_from() {
    let error = |arguments: &[&str], variables: &[(&str, &str)]| {
        let mut command = process::program();
        command.args(arguments).envs(variables.iter().copied());
        let mut process = Process::start(command);
        process.exits(2);
        process.err.lines().join("")
    };
    for (command, name, value) in [
        ("server", "TCP_CHAT_MAX_LINE", "none"),
        ("server", "TCP_CHAT_ADDR", "nonsense"),
        ("server", "TCP_CHAT_ECHO", "nobody"),
        ("client", "TCP_CHAT_NAME", "a:b"),
        ("client", "TCP_CHAT_GIVE_UP_AFTER", "soon"),
        ("demo", "TCP_CHAT_CLIENTS", "1"),
    ] {
        let said = error(&[command], &[(name, value), ("TCP_CHAT_RAW", "127.0.0.1:0")]);
        assert!(said.contains(&format!(" (from {name}); see ")), "{said}");
    }
    // Here the error comes from the command line.
    let wrong_flag = ["server", "--max-line", "none"];
    for variable in [("TCP_CHAT_MAX_LINE", "20"), ("TCP_CHAT_MAX_LINE", "none")] {
        let said = error(&wrong_flag, &[variable]);
        assert!(!said.contains("(from "), "{said}");
    }
}
