//! `tcp-chat completions` and `tcp-chat man`: describe the command line to other programs.

use std::io::{self, Write};

use anyhow::{Context, Result};
use clap::CommandFactory;
use clap::builder::Resettable;
use clap_complete::Shell;
use clap_mangen::Man;

use crate::app::args::Cli;
use crate::app::streams::Out;
use crate::app::{ui, usage};

pub(crate) fn completions(shell: Shell) -> Result<()> {
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "tcp-chat", &mut text);
    // The bash script invents a name for each command. A command with a hyphen would get two names.
    let text = String::from_utf8_lossy(&text).replace("tcp__subcmd__chat", "tcp__chat");
    print(text.as_bytes())
}

pub(crate) fn man(name: Option<&str>) -> Result<()> {
    // The page describes the installed program.
    let mut whole = usage::command_of("tcp-chat");
    whole.build();
    let command = name.map_or(Some(&whole), |name| whole.find_subcommand(name));
    let command = command.with_context(|| {
        let name = name.unwrap_or_default();
        format!("there is no command {name}; see {} --help", usage::program())
    })?;
    let mut text = Vec::new();
    let plain = command.clone().after_help(Resettable::Reset);
    Man::new(plain).render(&mut text).context("cannot make the page")?;
    let after = command.get_after_help().map(ToString::to_string).unwrap_or_default();
    if name == Some("client") {
        text.extend_from_slice(section("COMMANDS AND KEYS", &ui::command::help()).as_bytes());
    }
    if let Some((_, examples)) = after.split_once("Examples:\n") {
        text.extend_from_slice(section("EXAMPLES", examples).as_bytes());
    }
    print(&text)
}

/// A section of the page. Its lines are not joined.
fn section(heading: &str, text: &str) -> String {
    let text = text.replace('\\', "\\e").replace('-', "\\-");
    format!(".SH {heading}\n.nf\n{text}\n.fi\n")
}

fn print(text: &[u8]) -> Result<()> {
    usage::printed(Out(io::stdout()).write_all(text))
}
