//! Wrong answers to exercise 8: each differs from the solution in one way.

use exercises::given::e8::{Client, Event, Link, Message};

/// The solution, in parts that can be replaced.
struct Parts {
    begin: fn(&mut Client, &mut dyn Link),
    typed: fn(&mut Client, &mut dyn Link, String),
    confirmed: fn(&mut Client, u64),
    heard: fn(&mut Client, &mut dyn Link, Message),
}

const RIGHT: Parts = Parts { begin: say_again, typed, confirmed, heard };

impl Parts {
    fn run(&self, client: &mut Client, link: &mut dyn Link) {
        (self.begin)(client, link);
        while let Some(event) = link.next() {
            match event {
                Event::Typed(text) => (self.typed)(client, link, text),
                Event::Confirmed(number) => (self.confirmed)(client, number),
                Event::Heard(message) => (self.heard)(client, link, message),
            }
        }
    }
}

fn say_again(client: &mut Client, link: &mut dyn Link) {
    client.unconfirmed.iter().for_each(|message| link.say(message));
}

fn number(client: &mut Client, text: String) -> Message {
    client.last_said += 1;
    Message { from: client.name.clone(), number: client.last_said, text }
}

fn typed(client: &mut Client, link: &mut dyn Link, text: String) {
    let message = number(client, text);
    link.say(&message);
    client.unconfirmed.push(message);
}

fn confirmed(client: &mut Client, number: u64) {
    client.unconfirmed.retain(|message| message.number != number);
}

fn heard(client: &mut Client, link: &mut dyn Link, message: Message) {
    link.confirm(&message);
    let last = client.last_shown.entry(message.from.clone()).or_default();
    if message.number > *last {
        *last = message.number;
        client.screen.push(message);
    }
}

pub(crate) fn never_again(client: &mut Client, link: &mut dyn Link) {
    Parts { begin: |_, _| {}, ..RIGHT }.run(client, link);
}

pub(crate) fn forgets_when_sent(client: &mut Client, link: &mut dyn Link) {
    let typed = |client: &mut Client, link: &mut dyn Link, text| link.say(&number(client, text));
    Parts { typed, ..RIGHT }.run(client, link);
}

pub(crate) fn forgets_when_said_again(client: &mut Client, link: &mut dyn Link) {
    let begin = |client: &mut Client, link: &mut dyn Link| {
        client.unconfirmed.drain(..).for_each(|message| link.say(&message));
    };
    Parts { begin, ..RIGHT }.run(client, link);
}

pub(crate) fn new_numbers(client: &mut Client, link: &mut dyn Link) {
    let begin = |client: &mut Client, link: &mut dyn Link| {
        for message in std::mem::take(&mut client.unconfirmed) {
            typed(client, link, message.text);
        }
    };
    Parts { begin, ..RIGHT }.run(client, link);
}

/// It says again only when something else is said.
pub(crate) fn new_before_old(client: &mut Client, link: &mut dyn Link) {
    let typed = |client: &mut Client, link: &mut dyn Link, text| {
        typed(client, link, text);
        say_again(client, link);
    };
    Parts { begin: |_, _| {}, typed, ..RIGHT }.run(client, link);
}

pub(crate) fn keeps_for_ever(client: &mut Client, link: &mut dyn Link) {
    Parts { confirmed: |_, _| {}, ..RIGHT }.run(client, link);
}

pub(crate) fn forgets_all_at_a_confirmation(client: &mut Client, link: &mut dyn Link) {
    Parts { confirmed: |client, _| client.unconfirmed.clear(), ..RIGHT }.run(client, link);
}

pub(crate) fn shows_each_time(client: &mut Client, link: &mut dyn Link) {
    let heard = |client: &mut Client, link: &mut dyn Link, message| {
        link.confirm(&message);
        client.screen.push(message);
    };
    Parts { heard, ..RIGHT }.run(client, link);
}

pub(crate) fn compares_the_text(client: &mut Client, link: &mut dyn Link) {
    let heard = |client: &mut Client, link: &mut dyn Link, message: Message| {
        link.confirm(&message);
        let same = |other: &Message| other.from == message.from && other.text == message.text;
        if !client.screen.iter().any(same) {
            client.screen.push(message);
        }
    };
    Parts { heard, ..RIGHT }.run(client, link);
}

pub(crate) fn one_number_for_all_senders(client: &mut Client, link: &mut dyn Link) {
    let heard = |client: &mut Client, link: &mut dyn Link, message: Message| {
        link.confirm(&message);
        let last = client.last_shown.entry(String::new()).or_default();
        if message.number > *last {
            *last = message.number;
            client.screen.push(message);
        }
    };
    Parts { heard, ..RIGHT }.run(client, link);
}

pub(crate) fn confirms_only_once(client: &mut Client, link: &mut dyn Link) {
    let heard = |client: &mut Client, link: &mut dyn Link, message: Message| {
        let last = client.last_shown.entry(message.from.clone()).or_default();
        if message.number > *last {
            *last = message.number;
            link.confirm(&message);
            client.screen.push(message);
        }
    };
    Parts { heard, ..RIGHT }.run(client, link);
}

pub(crate) fn says_only_the_last_again(client: &mut Client, link: &mut dyn Link) {
    let begin = |client: &mut Client, link: &mut dyn Link| {
        client.unconfirmed.last().into_iter().for_each(|message| link.say(message));
    };
    Parts { begin, ..RIGHT }.run(client, link);
}

pub(crate) fn newest_first(client: &mut Client, link: &mut dyn Link) {
    let begin = |client: &mut Client, link: &mut dyn Link| {
        client.unconfirmed.iter().rev().for_each(|message| link.say(message));
    };
    Parts { begin, ..RIGHT }.run(client, link);
}

pub(crate) fn shows_its_own_lines(client: &mut Client, link: &mut dyn Link) {
    let typed = |client: &mut Client, link: &mut dyn Link, text| {
        typed(client, link, text);
        client.screen.extend(client.unconfirmed.last().cloned());
    };
    Parts { typed, ..RIGHT }.run(client, link);
}

/// It counts from one over each connection.
pub(crate) fn counts_from_one(client: &mut Client, link: &mut dyn Link) {
    let begin = |client: &mut Client, link: &mut dyn Link| {
        client.last_said = 0;
        say_again(client, link);
    };
    Parts { begin, ..RIGHT }.run(client, link);
}

/// It compares with the last line on the screen only.
pub(crate) fn compares_the_last(client: &mut Client, link: &mut dyn Link) {
    let heard = |client: &mut Client, link: &mut dyn Link, message: Message| {
        link.confirm(&message);
        if client.screen.last() != Some(&message) {
            client.screen.push(message);
        }
    };
    Parts { heard, ..RIGHT }.run(client, link);
}

/// It remembers only the lines of this connection.
pub(crate) fn forgets_what_it_has_shown(client: &mut Client, link: &mut dyn Link) {
    let begin = |client: &mut Client, link: &mut dyn Link| {
        client.last_shown.clear();
        say_again(client, link);
    };
    Parts { begin, ..RIGHT }.run(client, link);
}

/// `if` for `while`.
pub(crate) fn one_event(client: &mut Client, link: &mut dyn Link) {
    say_again(client, link);
    if let Some(Event::Typed(text)) = link.next() {
        typed(client, link, text);
    }
}

/// Each confirmation is for the oldest line: one that comes again is for another line then.
pub(crate) fn forgets_the_oldest(client: &mut Client, link: &mut dyn Link) {
    let confirmed =
        |client: &mut Client, _| drop(client.unconfirmed.drain(..1.min(client.unconfirmed.len())));
    Parts { confirmed, ..RIGHT }.run(client, link);
}

pub(crate) fn expects_one_confirmation(client: &mut Client, link: &mut dyn Link) {
    let confirmed = |client: &mut Client, number| {
        let place = client.unconfirmed.iter().position(|message| message.number == number);
        client.unconfirmed.remove(place.unwrap());
    };
    Parts { confirmed, ..RIGHT }.run(client, link);
}

/// It never shows a sender that was here before it came.
pub(crate) fn shows_the_next_number_only(client: &mut Client, link: &mut dyn Link) {
    let heard = |client: &mut Client, link: &mut dyn Link, message: Message| {
        link.confirm(&message);
        let last = client.last_shown.entry(message.from.clone()).or_default();
        if message.number == *last + 1 {
            *last = message.number;
            client.screen.push(message);
        }
    };
    Parts { heard, ..RIGHT }.run(client, link);
}

/// A line that is heard again sets the number back.
pub(crate) fn goes_back(client: &mut Client, link: &mut dyn Link) {
    let heard = |client: &mut Client, link: &mut dyn Link, message: Message| {
        link.confirm(&message);
        let last = client.last_shown.insert(message.from.clone(), message.number);
        if last.is_none_or(|last| message.number > last) {
            client.screen.push(message);
        }
    };
    Parts { heard, ..RIGHT }.run(client, link);
}

pub(crate) fn says_all_again_each_time(client: &mut Client, link: &mut dyn Link) {
    let typed = |client: &mut Client, link: &mut dyn Link, text| {
        let message = number(client, text);
        client.unconfirmed.push(message);
        say_again(client, link);
    };
    Parts { typed, ..RIGHT }.run(client, link);
}

pub(crate) fn keeps_the_newest_first(client: &mut Client, link: &mut dyn Link) {
    let begin = |client: &mut Client, link: &mut dyn Link| {
        client.unconfirmed.iter().rev().for_each(|message| link.say(message));
    };
    let typed = |client: &mut Client, link: &mut dyn Link, text| {
        let message = number(client, text);
        link.say(&message);
        client.unconfirmed.insert(0, message);
    };
    Parts { begin, typed, ..RIGHT }.run(client, link);
}

/// This works only as long as the confirmations come in order.
pub(crate) fn counts_confirmed_lines(client: &mut Client, link: &mut dyn Link) {
    let typed = |client: &mut Client, link: &mut dyn Link, text| {
        let number = client.last_said + 1 + client.unconfirmed.len() as u64;
        let message = Message { from: client.name.clone(), number, text };
        link.say(&message);
        client.unconfirmed.push(message);
    };
    let confirmed = |client: &mut Client, number| {
        confirmed(client, number);
        client.last_said = client.last_said.max(number);
    };
    Parts { typed, confirmed, ..RIGHT }.run(client, link);
}

/// Another user has another name.
pub(crate) fn calls_itself_ann(client: &mut Client, link: &mut dyn Link) {
    let typed = |client: &mut Client, link: &mut dyn Link, text| {
        let message = Message { from: "Ann".to_owned(), ..number(client, text) };
        link.say(&message);
        client.unconfirmed.push(message);
    };
    Parts { typed, ..RIGHT }.run(client, link);
}

pub(crate) fn confirms_nothing(client: &mut Client, link: &mut dyn Link) {
    let heard = |client: &mut Client, _: &mut dyn Link, message: Message| {
        let last = client.last_shown.entry(message.from.clone()).or_default();
        if message.number > *last {
            *last = message.number;
            client.screen.push(message);
        }
    };
    Parts { heard, ..RIGHT }.run(client, link);
}

/// A lower number is another number as well.
pub(crate) fn shows_every_other_number(client: &mut Client, link: &mut dyn Link) {
    let heard = |client: &mut Client, link: &mut dyn Link, message: Message| {
        link.confirm(&message);
        let last = client.last_shown.entry(message.from.clone()).or_default();
        if message.number != *last {
            *last = message.number;
            client.screen.push(message);
        }
    };
    Parts { heard, ..RIGHT }.run(client, link);
}

/// A new line waits for the next connection.
pub(crate) fn says_new_lines_later(client: &mut Client, link: &mut dyn Link) {
    let typed = |client: &mut Client, _: &mut dyn Link, text| {
        let message = number(client, text);
        client.unconfirmed.push(message);
    };
    Parts { typed, ..RIGHT }.run(client, link);
}

/// When all is confirmed, it counts from one again.
pub(crate) fn counts_the_unconfirmed(client: &mut Client, link: &mut dyn Link) {
    let typed = |client: &mut Client, link: &mut dyn Link, text| {
        client.last_said = client.unconfirmed.last().map_or(0, |message| message.number);
        typed(client, link, text);
    };
    Parts { typed, ..RIGHT }.run(client, link);
}

pub(crate) fn sorts_the_screen(client: &mut Client, link: &mut dyn Link) {
    let heard = |client: &mut Client, link: &mut dyn Link, message: Message| {
        heard(client, link, message);
        client.screen.sort_by_key(|message| std::cmp::Reverse(message.number));
    };
    Parts { heard, ..RIGHT }.run(client, link);
}
