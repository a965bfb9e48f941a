//! The input of a person: messages, and commands that begin with a slash.

use tcp_chat::client::{Input, Show};

const COMMANDS: [(&str, &str); 6] = [
    ("/connect", "connect now, after /disconnect or while the server is away"),
    ("/disconnect", "say goodbye and disconnect; new messages wait"),
    ("/help", "show this"),
    ("/names", "list the names that were heard, and when"),
    ("/nick NAME", "change your name"),
    ("/quit", "leave; so do Ctrl-C and Ctrl-D on an empty line"),
];

const MORE: &str = "\
//text      say a line that begins with a slash: /text
keys        Tab completes a name or a command; Up and Down bring back lines
            Ctrl-A, Ctrl-E: to the start, the end; Alt-B, Alt-F: by a word
            Ctrl-W, Ctrl-U, Ctrl-K delete a word, to the start, to the end
            Ctrl-Y puts it back; Ctrl-C drops all; Ctrl-L clears the screen";

pub(crate) fn parse(line: &str) -> Input {
    let Some(rest) = line.strip_prefix('/') else { return Input::Say(line.to_owned()) };
    if rest.starts_with('/') {
        return Input::Say(rest.to_owned());
    }
    if let Some(name) = line.strip_prefix("/nick ").map(str::trim).filter(|name| !name.is_empty()) {
        let refused = |why| complaint(format!("Not accepted: {why}"));
        return name.parse().map_or_else(refused, Input::Rename);
    }
    match line.trim_end() {
        "/connect" => Input::Connect,
        "/disconnect" => Input::Disconnect,
        "/help" => Input::Show(Show::Notice(help())),
        "/names" => Input::Show(Show::Names),
        "/nick" => complaint("Type the new name behind it, for example /nick Anna".to_owned()),
        "/quit" => Input::Quit,
        unknown => {
            complaint(format!("No command {unknown}, see /help. To say this line, type /{unknown}"))
        }
    }
}

fn complaint(why: String) -> Input {
    Input::Show(Show::Complaint(why))
}

pub(crate) fn beginning_with(beginning: &str) -> impl Iterator<Item = &'static str> {
    let names = COMMANDS.into_iter().filter_map(|(command, _)| command.split(' ').next());
    names.filter(move |command| command.starts_with(beginning))
}

pub(crate) fn help() -> String {
    COMMANDS.map(|(command, does)| format!("{command:<11} {does}\n")).concat() + MORE
}
