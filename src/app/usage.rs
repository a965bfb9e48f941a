//! Reads the arguments, and prints the help or the error.

use std::borrow::Cow;
use std::env;
use std::io::{self, ErrorKind};
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::error::ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand;
use clap::{Command, CommandFactory, FromArgMatches};
use tcp_chat::protocol;

use crate::app::args::Cli;
use crate::app::stderr;

/// Reads the arguments of this process.
///
/// # Errors
/// They are wrong, or they ask for help.
pub(crate) fn arguments() -> Result<Cli, clap::Error> {
    // `-h` may be one letter of several: `-qh` asks for the short help as well.
    let asks_for_short =
        |arg: String| arg.starts_with('-') && !arg.starts_with("--") && arg.ends_with('h');
    let short = env::args_os().any(|arg| asks_for_short(arg.to_string_lossy().into_owned()));
    let command = command_of(&program());
    let command = command.mut_subcommands(|sub| sub.mut_args(|arg| arg.hide_env(short)));
    Cli::from_arg_matches(&command.try_get_matches()?)
}

/// The command line. Its examples start the program with these words.
pub(crate) fn command_of(program: &str) -> Command {
    let with_examples = |command: Command| {
        let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
        command.after_help(help.replace("{program}", program))
    };
    with_examples(Cli::command()).mut_subcommands(with_examples)
}

/// The command that starts this program, as the user typed it, quoted for a shell.
pub(crate) fn program() -> String {
    let typed = env::args_os().next().and_then(|program| program.into_string().ok());
    let typed = typed.filter(|typed| !typed.is_empty());
    let quoted = typed.as_deref().and_then(|typed| shlex::try_quote(typed).ok());
    quoted.map_or_else(|| "tcp-chat".to_owned(), Cow::into_owned)
}

/// Prints the requested help, or one line with the error.
pub(crate) fn explain(error: &clap::Error) -> ExitCode {
    if error.kind() == DisplayHelpOnMissingArgumentOrSubcommand {
        stderr::say(error.render().to_string().trim_end());
        return ExitCode::from(2);
    }
    if error.use_stderr() {
        let text = error.render().to_string();
        stderr::say(&format!("tcp-chat: {}; see {}", in_one_line(&text), help()));
        return ExitCode::from(2);
    }
    match printed(error.print()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            stderr::say(&format!("tcp-chat: {why:#}"));
            ExitCode::FAILURE
        }
    }
}

/// The result of a write to stdout. A reader may close its pipe early; this is no failure.
pub(crate) fn printed(result: io::Result<()>) -> Result<()> {
    match result {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        result => result.context("cannot print to stdout"),
    }
}

/// The first paragraph, without control characters, which could change the terminal.
fn in_one_line(text: &str) -> String {
    let lines = text.lines().map(str::trim).take_while(|line| !line.is_empty());
    let line = lines.collect::<Vec<_>>().join(" ");
    protocol::sanitized(line.strip_prefix("error: ").unwrap_or(&line).as_bytes())
}

/// The hint that names the help of the given command.
fn help() -> String {
    let given = env::args_os().nth(1).unwrap_or_default();
    match Cli::command().find_subcommand(given) {
        Some(command) => format!("{} {} --help", program(), command.get_name()),
        None => format!("{} --help", program()),
    }
}

#[cfg(test)]
mod tests {
    use super::in_one_line;

    #[test]
    fn an_error_of_several_lines_becomes_one() {
        let text =
            "error: invalid value 'x' for '--echo'\n  [possible values: all, others]\n\nFor more";
        assert_eq!(
            in_one_line(text),
            "invalid value 'x' for '--echo' [possible values: all, others]"
        );
    }
}
