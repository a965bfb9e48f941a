//! Grades exercise 8: breaks two connections after every number of steps, and lets the third one
//! live.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::{Help, Test, Verdict};
use crate::given::e8::{Client, Event, Link, Message};
use crate::steps;

type Session = fn(&mut Client, &mut dyn Link);

const HELP: Help = Help {
    deadlock: "a session needs no lock",
    panic: "a line may arrive, or be confirmed, more than once",
    endless: "a session ends when `link.next()` returns `None`",
};

/// A connection that breaks lives for fewer steps than this. A whole session needs no more.
const LONGEST: usize = 28;

/// A session that takes more steps over a sound connection does not end.
const MOST_STEPS: usize = 1_000;

/// The lines that the user types. Two lines have one text.
const TYPED: [&str; 4] = ["hello", "ok", "ok", "bye"];

/// The lines of two others, in this order. Their numbers overlap, and one of them says the same
/// twice. Cem has said a line before Ann came.
const OTHERS: [(&str, u64, &str); 6] = [
    ("Bob", 1, "hi"),
    ("Cem", 2, "hi"),
    ("Bob", 2, "hi"),
    ("Bob", 3, "well"),
    ("Cem", 3, "so"),
    ("Cem", 4, "so"),
];

/// Everybody else: the network, and the clients behind it. It does its part right.
struct World {
    typed: VecDeque<&'static str>,
    /// The lines of the others that were not confirmed. They are said again over each connection.
    unconfirmed: Vec<Message>,
    /// The lines of the client that have arrived, as often as they did.
    arrived: Vec<Message>,
    /// A line that the client has said twice over one connection.
    said_twice: Option<u64>,
}

/// Something that the client sends.
enum Sent {
    Line(Message),
    Confirmation(Message),
}

/// One connection to it.
struct Fake<'a> {
    world: &'a mut World,
    /// How many steps are left before it breaks.
    left: usize,
    breaks: bool,
    /// The events that the client has not taken yet.
    events: VecDeque<Event>,
    /// Sent by the client, and not there yet: lost if the connection breaks.
    on_its_way: VecDeque<Sent>,
    /// So many things are on their way at a time.
    most_on_their_way: usize,
    /// The user types before the network is looked at, or after that.
    types_first: bool,
    /// The numbers of the lines that the client has said over this connection.
    said: BTreeSet<u64>,
}

impl Fake<'_> {
    /// Whether the connection lives for one step more.
    fn step(&mut self) -> bool {
        let lives = self.left > 0;
        if !lives {
            steps::says("the connection is broken".to_owned());
        }
        self.left = self.left.saturating_sub(1);
        assert!(lives || self.breaks, "the session goes on and on: it must wait for events");
        lives
    }

    /// Lets things arrive until so many are left.
    fn carry(&mut self, left: usize) {
        while self.on_its_way.len() > left {
            match self.on_its_way.pop_front() {
                Some(Sent::Line(message)) => {
                    // A confirmation may come more than once.
                    self.events.push_back(Event::Confirmed(message.number));
                    self.events.push_back(Event::Confirmed(message.number));
                    self.world.arrived.push(message);
                }
                Some(Sent::Confirmation(message)) => {
                    self.world.unconfirmed.retain(|other| *other != message);
                }
                None => {}
            }
        }
    }

    fn typed(&mut self) -> Option<Event> {
        self.world.typed.pop_front().map(|text| Event::Typed(text.to_owned()))
    }
}

fn words(Message { from, number, text }: &Message) -> String {
    format!("line {number} of {from}: {text:?}")
}

impl Link for Fake<'_> {
    fn next(&mut self) -> Option<Event> {
        if !self.step() {
            return None;
        }
        self.carry(self.most_on_their_way);
        let event = if self.types_first {
            self.typed().or_else(|| self.events.pop_front())
        } else {
            self.events.pop_front().or_else(|| self.typed())
        };
        // The last connection is over when nothing is left to happen.
        let event = event.or_else(|| {
            self.carry(0);
            self.events.pop_front()
        });
        steps::says(match &event {
            Some(Event::Typed(text)) => format!("is typed {text:?}"),
            Some(Event::Heard(message)) => format!("hears {}", words(message)),
            Some(Event::Confirmed(number)) => format!("learns that its line {number} has arrived"),
            None => "learns that nothing is left to happen".to_owned(),
        });
        event
    }

    fn say(&mut self, message: &Message) {
        steps::says(format!("says {}", words(message)));
        if self.step() {
            if !self.said.insert(message.number) {
                self.world.said_twice = Some(message.number);
            }
            self.on_its_way.push_back(Sent::Line(message.clone()));
        }
    }

    fn confirm(&mut self, message: &Message) {
        steps::says(format!("confirms {}", words(message)));
        if self.step() {
            self.on_its_way.push_back(Sent::Confirmation(message.clone()));
        }
    }
}

/// One point for a connection that does not break, and one for each promise that holds if it does.
pub const TESTS: [Test<Session>; 4] = [
    Test { promise: "says, shows and confirms, if no connection breaks", check: one_connection },
    Test { promise: "loses no line of its user", check: loses_none },
    Test { promise: "shows each line of the others once", check: shows_once },
    Test { promise: "confirms each line, and keeps the unconfirmed", check: keeps_account },
];

fn one_connection(session: Session) -> Verdict {
    HELP.run(move || {
        for (types_first, most_on_their_way) in NETWORKS {
            let end = play(session, &[], types_first, most_on_their_way);
            check_said(&end);
            check_shown(&end);
            check_account(&end);
        }
    })
}

fn loses_none(session: Session) -> Verdict {
    HELP.run(move || break_everywhere(session, check_said))
}

fn shows_once(session: Session) -> Verdict {
    HELP.run(move || break_everywhere(session, check_shown))
}

fn keeps_account(session: Session) -> Verdict {
    HELP.run(move || break_everywhere(session, check_account))
}

/// Whether the user types before the network is looked at, and how many things are on their way.
const NETWORKS: [(bool, usize); 4] = [(true, 0), (true, 2), (false, 0), (false, 2)];

/// Breaks two connections after every number of steps.
fn break_everywhere(session: Session, check: fn(&End)) {
    for (types_first, most_on_their_way) in NETWORKS {
        for one in 0..LONGEST {
            for two in 0..LONGEST {
                steps::begin();
                check(&play(session, &[one, two], types_first, most_on_their_way));
            }
        }
    }
}

/// What is left when the last connection is over.
struct End {
    world: World,
    client: Client,
    /// All lines of the others.
    all: Vec<Message>,
    /// `unconfirmed` was always in order.
    oldest_first: bool,
    /// `last_said` was always right.
    counted: bool,
}

/// Connections that live for so many steps, and then one that does not break.
fn play(session: Session, steps: &[usize], types_first: bool, most_on_their_way: usize) -> End {
    let others = OTHERS.into_iter().map(|(from, number, text)| Message {
        from: from.to_owned(),
        number,
        text: text.to_owned(),
    });
    let all: Vec<_> = others.collect();
    let mut world = World {
        typed: TYPED.into(),
        unconfirmed: all.clone(),
        arrived: Vec::new(),
        said_twice: None,
    };
    let mut oldest_first = true;
    let mut counted = true;
    let name = if types_first { "Ann" } else { "Dan" };
    let mut client = Client { name: name.to_owned(), ..Client::default() };
    let lives = steps.iter().map(|steps| (*steps, true)).chain([(MOST_STEPS, false)]);
    for (left, breaks) in lives {
        let events = world.unconfirmed.iter().cloned().map(Event::Heard).collect();
        let mut link = Fake {
            world: &mut world,
            left,
            breaks,
            events,
            on_its_way: VecDeque::new(),
            most_on_their_way,
            types_first,
            said: BTreeSet::new(),
        };
        session(&mut client, &mut link);
        steps::says("its session is over".to_owned());
        oldest_first &= client.unconfirmed.is_sorted_by_key(|message| message.number);
        counted &= client.last_said == (TYPED.len() - world.typed.len()) as u64;
    }
    assert!(world.typed.is_empty(), "the session ended before the connection was broken");
    End { world, client, all, oldest_first, counted }
}

/// Checks what the client remembers, and what others still wait for.
fn check_account(End { world, client, oldest_first, counted, .. }: &End) {
    assert!(
        *counted,
        "`last_said` is not the number of the last line: count a line when it is typed, and not \
         when it is confirmed"
    );
    assert!(*oldest_first, "`unconfirmed` has a newer line before an older one");
    assert!(
        client.unconfirmed.is_empty(),
        "at the end, `unconfirmed` has {} lines: after a reconnect, say all of them again, and \
         take a line out when it is confirmed",
        client.unconfirmed.len()
    );
    assert!(
        world.unconfirmed.is_empty(),
        "a sender says its line again and again, since it was not confirmed: confirm each line, \
         also a line that you have received before"
    );
}

/// Checks the lines that have arrived from the client.
fn check_said(End { world, client, .. }: &End) {
    let mut by_number = BTreeMap::new();
    let mut in_order = Vec::new();
    let name = &client.name;
    for Message { from, number, text } in &world.arrived {
        assert!(from == name, "the client is {name}, but a line came from {from:?}");
        match by_number.insert(*number, text) {
            None => in_order.push(*number),
            Some(before) => assert!(
                before == text,
                "two lines have the number {number}: each line needs a number of its own"
            ),
        }
    }
    assert!(
        by_number.len() <= TYPED.len(),
        "a line was said again under a new number: then its receiver shows it twice; a line keeps \
         its number"
    );
    assert!(
        by_number.len() == TYPED.len(),
        "a line is lost: it was sent, the connection broke, and it was not said again; keep each \
         line until a confirmation with its number comes"
    );
    assert!(
        in_order.is_sorted(),
        "the lines arrived in the order {in_order:?}: after a reconnect, say the lines again \
         that were not confirmed, oldest first, and only then new lines"
    );
    let as_typed = by_number.values().eq(TYPED.iter());
    assert!(
        as_typed && in_order == [1, 2, 3, 4],
        "{TYPED:?} was typed, so these lines have the numbers 1 to 4, and a line that is said \
         again keeps its number; they came as {by_number:?}"
    );
    if let Some(number) = world.said_twice {
        panic!(
            "line {number} was said twice over one connection: say the unconfirmed lines again when \
             a connection begins, and each line once"
        );
    }
}

/// Checks the lines that the client has shown.
fn check_shown(End { client: Client { screen, .. }, all, .. }: &End) {
    for message in all {
        let Message { from, text, .. } = message;
        let times = screen.iter().filter(|shown| *shown == message).count();
        assert!(
            times != 0,
            "{from} said {text:?}, and it is not shown: another line with the same text, or a \
             line of another sender with the same number, is another line, and the first line \
             that is heard of a sender may have any number"
        );
        assert!(
            times == 1,
            "{from} said {text:?} once, and it is shown {times} times: a line that was said again \
             has the same number"
        );
    }
    for sender in ["Bob", "Cem"] {
        let of_sender = |message: &&Message| message.from == sender;
        let shown = screen.iter().filter(of_sender);
        let in_order = shown.eq(all.iter().filter(of_sender));
        assert!(in_order, "the lines of {sender} are not shown in the order of their numbers");
    }
    assert!(screen.len() == all.len(), "the screen shows lines that no other client has said");
}
