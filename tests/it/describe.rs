//! `tcp-chat completions` and `tcp-chat man`: a shell and a pager can use their output. The help and
//! the manual page name the program in such a way that a reader can paste their examples.

use std::os::unix::process::CommandExt;
use std::process::Command;

use crate::support::has;
use crate::support::process::{Process, program};

fn printed(arguments: &[&str]) -> String {
    let mut command = program();
    command.args(arguments);
    let mut process = Process::start(command);
    process.exits(0);
    assert_eq!(process.err.lines(), Vec::<String>::new());
    process.out.lines().join("\n")
}

#[test]
fn bash_completes_commands_and_flags() {
    if !has("bash") {
        return;
    }
    let completions = printed(&["completions", "bash"]);
    let complete = |typed: &[&str]| {
        let words = typed.iter().map(|word| format!("'{word}'")).collect::<Vec<_>>().join(" ");
        let (count, last) = (typed.len() - 1, typed[typed.len() - 1]);
        let before = typed[count - 1];
        let script = format!(
            "{completions}\nCOMP_WORDS=({words}) COMP_CWORD={count}\n\
             f=$(complete -p tcp-chat); f=${{f#*-F }}; \"${{f%% *}}\" tcp-chat '{last}' '{before}'\nprintf '%s\\n' \"${{COMPREPLY[@]}}\""
        );
        let done = Command::new("bash").arg("-c").arg(script).output().expect("bash runs");
        assert!(done.status.success(), "{done:?}");
        String::from_utf8(done.stdout).expect("text")
    };
    let commands = complete(&["tcp-chat", ""]);
    for command in ["server", "client", "demo", "completions", "man"] {
        assert!(commands.lines().any(|line| line == command), "{commands}");
    }
    assert_eq!(complete(&["tcp-chat", "se"]), "server\n");
    assert_eq!(complete(&["tcp-chat", "client", "--na"]), "--name\n");
}

#[test]
fn every_shell_has_completions_and_an_unknown_one_is_wrong_usage() {
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        assert!(printed(&["completions", shell]).contains("no-reconnect"), "{shell}");
    }
    let mut command = program();
    command.args(["completions", "csh"]);
    Process::start(command).exits(2);
}

#[test]
fn every_command_has_a_manual_page_with_its_flags_and_examples() {
    let page = printed(&["man"]);
    assert!(page.contains(".TH tcp-chat 1"), "{page}");
    for (name, flag) in [("server", "max\\-backlog"), ("client", "give\\-up\\-after")] {
        assert!(page.contains(&format!("tcp\\-chat\\-{name}(1)")), "{page}");
        let page = printed(&["man", name]);
        assert!(page.contains(flag), "{page}");
        assert!(page.contains(&format!(".SH EXAMPLES\n.nf\n  tcp\\-chat {name}")), "{page}");
    }
    let mut command = program();
    command.args(["man", "nothing"]);
    let mut process = Process::start(command);
    process.exits(1);
    let hint = format!("see {} --help", env!("CARGO_BIN_EXE_tcp-chat"));
    assert_eq!(process.err.lines(), [format!("tcp-chat: there is no command nothing; {hint}")]);
}

/// A reader can paste the examples and the hints of a program that is not installed.
#[test]
fn help_and_errors_name_the_program_as_it_was_started() {
    for (typed, pasted) in
        [("target/release/tcp-chat", "target/release/tcp-chat"), ("my chat", "'my chat'")]
    {
        let started = |arguments: &[&str]| {
            let mut command = program();
            command.arg0(typed).args(arguments);
            Process::start(command)
        };
        for name in ["server", "client", "demo", "completions", "man"] {
            let mut help = started(&[name, "--help"]);
            help.exits(0);
            let example = format!("{pasted} {name}");
            help.out.line(&example, |line| line.contains(&example));
            let mut wrong = started(&[name, "--nonsense"]);
            wrong.exits(2);
            let hint = format!("; see {example} --help");
            wrong.err.line(&hint, |line| line.ends_with(&hint));
        }
        let mut page = started(&["man", "demo"]);
        page.exits(0);
        assert!(page.out.count(|line| line.starts_with("  tcp\\-chat demo ")) > 0);
    }
}

#[test]
fn the_flags_for_programs_of_the_course_stand_last_and_the_manual_page_names_the_keys() {
    let help = printed(&["client", "--help"]);
    let help: Vec<&str> = help.lines().collect();
    let last = help.iter().rposition(|line| line.ends_with(':') && !line.starts_with(' '));
    let last = last.expect("a heading");
    assert_eq!(help[last], "Examples:");
    let heading =
        help.iter().position(|line| *line == "Programs of the course:").expect("a heading");
    let flags = help[heading..last].iter().filter(|line| line.trim_start().starts_with("--"));
    let flags: Vec<&str> = flags.filter_map(|line| line.split_whitespace().next()).collect();
    assert_eq!(flags, ["--framing", "--introduce[=<also>]", "--local-echo", "--max-line"]);
    let page = printed(&["man", "client"]);
    for key in ["Ctrl\\-W", "Ctrl\\-L", "Tab", "/names", "/nick NAME"] {
        assert!(page.contains(key), "{key} is not on the page");
    }
}

#[test]
fn a_host_alone_means_its_default_port() {
    let mut command = program();
    command.args(["client", "localhost", "--no-reconnect"]);
    let mut client = Process::start(command);
    client.end_input();
    client.ended();
    let said = client.err.lines().join("");
    assert!(said.contains("Server @PORT #3234 (localhost)"), "{said}");
}
