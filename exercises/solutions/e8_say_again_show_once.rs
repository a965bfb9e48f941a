//! A line leaves `unconfirmed` when it is confirmed, and not when it is sent: that is "at least
//! once". A line that was shown is confirmed and not shown again: that is "once".

use exercises::given::e8::{Client, Event, Link, Message};

/// Runs the client over one connection.
pub fn session(client: &mut Client, link: &mut dyn Link) {
    for message in &client.unconfirmed {
        link.say(message);
    }
    while let Some(event) = link.next() {
        match event {
            Event::Typed(text) => {
                client.last_said += 1;
                let from = client.name.clone();
                let message = Message { from, number: client.last_said, text };
                link.say(&message);
                client.unconfirmed.push(message);
            }
            Event::Confirmed(number) => {
                client.unconfirmed.retain(|message| message.number != number);
            }
            Event::Heard(message) => {
                link.confirm(&message);
                let last = client.last_shown.entry(message.from.clone()).or_default();
                if message.number > *last {
                    *last = message.number;
                    client.screen.push(message);
                }
            }
        }
    }
}
