//! Exercise 8, four points: say again, show once.
//!
//! A connection may break at any time. A line that was sent may be lost, and nobody says so. A
//! client only knows that some of its lines were *confirmed*. So it keeps each line until it is
//! confirmed, and after a reconnect it says again all lines that it still has, oldest first. Then
//! each line arrives *at least once*.
//!
//! Some lines arrive twice, since a confirmation may be lost as well. So each line has a number,
//! and keeps it when it is said again. The receiver shows a line only if its number is higher than
//! that of the last line from the same sender. To receive a line twice is then as good as to
//! receive it once: that is *idempotence*. Two lines may have the same text, so only the number
//! counts.
//!
//! The client does both: it says its own lines, and it shows the lines of others. A line that it
//! receives a second time is not shown, but it is confirmed again: the first confirmation may be
//! lost, and without one the sender would say the line again and again.
//!
//! Grade your answer with `cargo run -p exercises -- 8`.
#![allow(unused_variables, reason = "the gap does not use the parameters yet")]

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

/// Runs the client over one connection, from its beginning until it is broken. It is called again
/// for the next connection.
pub fn session(client: &mut Client, link: &mut dyn Link) {
    todo!("say the unconfirmed lines again; then answer each event, until `next` returns None")
}
