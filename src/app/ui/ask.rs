//! Asks a person at a terminal for a name.

use crossbeam_channel::{Receiver, select};
use tcp_chat::client::{Input, Screen};
use tcp_chat::protocol::Name;

/// Asks until the answer is a valid name. An empty answer keeps the offered name. Returns false if
/// the user leaves, or a message arrives on `quit`.
pub(crate) fn for_name(
    name: &mut Name,
    input: &Receiver<Input>,
    quit: &Receiver<()>,
    screen: &mut dyn Screen,
) -> bool {
    screen.notice(format!("Your name? Press Enter to use {name}"));
    while screen.flush().is_ok() {
        let answer = select! {
            recv(quit) -> _ => Input::Quit,
            recv(input) -> input => input.unwrap_or(Input::End),
        };
        match answer {
            Input::Say(answer) if answer.trim().is_empty() => return true,
            Input::Say(answer) => match answer.trim().parse() {
                Ok(answer) => {
                    *name = answer;
                    return true;
                }
                Err(why) => screen.complaint(format!("Not accepted: {why}")),
            },
            Input::Quit | Input::End | Input::Unreadable(_) => return false,
            // A command, or a line that is too long for any name.
            _ => screen.notice("Type a name first, or /quit to leave".to_owned()),
        }
    }
    false
}
