//! Reads the arguments, and prints the help or the error.

use std::borrow::Cow;
use std::env;
use std::ffi::{OsStr, OsString};
use std::io::{self, ErrorKind};
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::builder::{FalseyValueParser, OsStr as Name, Resettable};
use clap::error::ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand;
use clap::{Arg, Command, CommandFactory, FromArgMatches};
use tcp_chat::protocol;

use crate::app::args::Cli;
use crate::app::stderr;

/// Reads the arguments of this process, and its environment variables. An empty variable is the flag
/// not given, and so is the variable `ignored`.
pub(crate) fn arguments(ignored: Option<&OsStr>) -> Result<Cli, clap::Error> {
    let short = env::args_os().any(|arg| arg == "-h");
    let is_empty = |name: &OsStr| env::var_os(name).is_some_and(|value| value.is_empty());
    let counts = |name: &OsStr| !is_empty(name) && Some(name) != ignored;
    let flag = |arg: Arg| match arg.get_env() {
        Some(name) if !counts(name) => arg.env(Resettable::<Name>::Reset),
        _ => arg.hide_env(short),
    };
    let command = command_of(&program()).mut_subcommands(|sub| sub.mut_args(flag));
    Cli::from_arg_matches(&command.try_get_matches()?)
}

/// The command line. Its examples start the program with these words.
pub(crate) fn command_of(program: &str) -> Command {
    let with_examples = |command: Command| {
        let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
        command.after_help(help.replace("{program}", program)).mut_args(with_variable)
    };
    with_examples(Cli::command()).mut_subcommands(with_examples)
}

/// `--max-line` can also be given as `TCP_CHAT_MAX_LINE`, and so on. For a flag without a value, the
/// values `0`, `no`, `off` and `false` of its variable are the flag not given.
fn with_variable(arg: Arg) -> Arg {
    let Some(flag) = arg.get_long() else { return arg };
    let name = format!("TCP_CHAT_{}", flag.to_uppercase().replace('-', "_"));
    let arg = arg.env(name);
    if arg.get_action().takes_values() {
        // They stand in the name of the value, as in `--echo <all|others>`.
        arg.hide_possible_values(true)
    } else {
        arg.value_parser(FalseyValueParser::new())
    }
}

/// The command that starts this program, as the user typed it, quoted for a shell.
pub(crate) fn program() -> String {
    let typed = env::args_os().next().and_then(|program| program.into_string().ok());
    let typed = typed.filter(|typed| !typed.is_empty());
    let quoted = typed.as_deref().and_then(|typed| shlex::try_quote(typed).ok());
    quoted.map_or_else(|| "tcp-chat".to_owned(), Cow::into_owned)
}

/// Prints the requested help, or one line with the error.
pub(crate) fn explain(error: &clap::Error) -> Result<ExitCode> {
    if !error.use_stderr() {
        return printed(error.print()).map(|()| ExitCode::SUCCESS);
    }
    let text = error.render().to_string();
    if error.kind() == DisplayHelpOnMissingArgumentOrSubcommand {
        stderr::say(text.trim_end());
    } else {
        let variable = variable_behind(&text).map(|name| format!(" (from {})", name.display()));
        let variable = variable.unwrap_or_default();
        stderr::say(&format!("tcp-chat: {}{variable}; see {}", in_one_line(&text), help()));
    }
    Ok(ExitCode::from(2))
}

/// The environment variable that causes this error: without it, there is no error or another one.
fn variable_behind(error: &str) -> Option<OsString> {
    let names = env::vars_os().map(|(name, _)| name);
    names.filter(|name| name.to_string_lossy().starts_with("TCP_CHAT_")).find(|variable| {
        let without = arguments(Some(variable));
        without.err().is_none_or(|other| other.render().to_string() != error)
    })
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
