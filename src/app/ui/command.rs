//! The input of a person: messages, and commands that begin with a slash.

use tcp_chat::client::Input;

/// Every command, and its help.
const COMMANDS: [(&str, &str); 4] = [
    ("/connect", "connect now, after /disconnect or while the server is away"),
    ("/disconnect", "say goodbye and disconnect; new messages wait"),
    ("/help", "show this"),
    ("/quit", "say goodbye and leave; so do Ctrl-C and Ctrl-D on an empty line"),
];

/// The request in a typed line.
pub(crate) fn parse(line: &str) -> Input {
    let Some(rest) = line.strip_prefix('/') else { return Input::Say(line.to_owned()) };
    if rest.starts_with('/') {
        return Input::Say(rest.to_owned());
    }
    match line.trim_end() {
        "/connect" => Input::Connect,
        "/disconnect" => Input::Disconnect,
        "/help" => Input::Help(help()),
        "/quit" => Input::Quit,
        unknown => Input::Mistake(explain(unknown)),
    }
}

/// The commands that begin with this text.
pub(crate) fn beginning_with(beginning: &str) -> impl Iterator<Item = &'static str> {
    COMMANDS.into_iter().map(|(command, _)| command).filter(move |c| c.starts_with(beginning))
}

fn help() -> String {
    let commands = COMMANDS.map(|(command, does)| format!("{command:<12} {does}\n"));
    commands.concat() + "//text       say a line that begins with a slash: /text"
}

fn explain(unknown: &str) -> String {
    let command = unknown.split(' ').next().unwrap_or_default();
    if COMMANDS.iter().any(|(known, _)| *known == command) {
        return format!("{command} takes nothing behind it. To say this line, type /{unknown}");
    }
    format!("No command {command}, see /help. To say this line, type /{unknown}")
}
