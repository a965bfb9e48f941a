//! Given for exercise 8: say again, show once.

use std::collections::BTreeMap;

/// A line. Its sender and its number make it unique.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// The name of the sender.
    pub from: String,
    /// 1 for the first line of this sender, 2 for the next one, and so on.
    pub number: u64,
    /// The line.
    pub text: String,
}

/// Something for which a client waits.
pub enum Event {
    /// The user of this client has typed a line. It is to be said.
    Typed(String),
    /// A line of another client has arrived.
    Heard(Message),
    /// The line of this client with this number has arrived. This may come more than once.
    Confirmed(u64),
}

/// One connection. If it breaks, `say` and `confirm` do nothing and do not report that.
pub trait Link {
    /// Waits for the next event. Returns `None` when the connection is broken.
    fn next(&mut self) -> Option<Event>;
    /// Sends a line of this client.
    fn say(&mut self, message: &Message);
    /// Tells the sender of a line that it has arrived.
    fn confirm(&mut self, message: &Message);
}

/// The state that a client keeps from one connection to the next.
#[derive(Default)]
pub struct Client {
    /// The name of its user.
    pub name: String,
    /// The number of its last line.
    pub last_said: u64,
    /// Its lines that were not confirmed, oldest first.
    pub unconfirmed: Vec<Message>,
    /// The number of the last line that was shown, for each sender.
    pub last_shown: BTreeMap<String, u64>,
    /// The lines of others, as its user sees them.
    pub screen: Vec<Message>,
}
