//! Checks the client's outbox with random steps: the server stops, is killed, or sends anything.

use std::collections::{HashSet, VecDeque};

use crate::client::outbox::{Outbox, Own, WINDOW};
use proptest::collection::vec;
use proptest::prelude::*;

#[derive(Clone, Copy, Debug)]
enum Step {
    /// The user says this many lines.
    Say(usize),
    /// The server sends this many lines to everyone.
    Deliver(usize),
    /// The server is killed. Before, it has sent this many lines to the speaker, and this many to
    /// the listener.
    Kill(usize, usize),
    /// Somebody sends this many false refusals.
    Claim(usize),
    /// The server shuts down gracefully: it delivers every line that it has received.
    Stop,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (1..100_usize).prop_map(Step::Say),
        4 => (1..100_usize).prop_map(Step::Deliver),
        1 => (1..100_usize).prop_map(Step::Claim),
        2 => (0..200_usize, 0..200_usize).prop_map(|(speaker, listener)| Step::Kill(speaker, listener)),
        1 => Just(Step::Stop),
    ]
}

#[derive(Default)]
struct World {
    outbox: Outbox,
    /// The lines that the server has received and not yet sent.
    received: Vec<String>,
    /// How many false refusals were sent since the server started.
    claims: usize,
    said: Vec<String>,
    shown: Vec<String>,
    heard: Vec<String>,
}

impl World {
    fn say(&mut self, count: usize) {
        for _ in 0..count {
            let line = format!("Ann: {}", self.said.len());
            self.said.push(line.clone());
            self.outbox.push(line);
        }
        self.send();
    }

    fn send(&mut self) {
        while let Some(line) = self.outbox.send(WINDOW) {
            self.received.push(line.to_owned());
        }
        let most = WINDOW + self.claims;
        assert!(self.received.len() <= most, "more in flight than the window allows");
    }

    fn echo(&mut self, lines: &[String]) {
        for line in lines {
            match self.outbox.confirm(line, &mut Vec::new()) {
                Some(Own::Confirmed) => self.shown.push(line.clone()),
                Some(Own::Again) => {}
                None => panic!("{line} is not recognized"),
            }
        }
    }

    fn round(&mut self, to_speaker: usize, to_listener: usize) {
        let received = std::mem::take(&mut self.received);
        let up_to = |count: usize| &received[..count.min(received.len())];
        self.echo(up_to(to_speaker));
        self.heard.extend_from_slice(up_to(to_listener));
        self.received.extend_from_slice(&received[to_speaker.min(received.len())..]);
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Say(count) => self.say(count),
            Step::Deliver(count) => self.round(count, count),
            Step::Claim(count) => {
                self.claims += count;
                for _ in 0..count {
                    let claim = crate::protocol::refusal(0);
                    assert_eq!(self.outbox.confirm(&claim, &mut Vec::new()), None);
                }
            }
            Step::Kill(speaker, listener) => {
                self.round(speaker, listener);
                (self.received, self.claims) = (Vec::new(), 0);
                self.outbox.recall(true);
            }
            Step::Stop => {
                self.round(usize::MAX, usize::MAX);
                self.claims = 0;
                self.outbox.rewind();
            }
        }
        self.send();
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..Default::default() })]

    #[test]
    fn nothing_is_lost_and_each_line_is_shown_once(steps in vec(step(), 1..30)) {
        let mut world = World::default();
        for step in steps {
            world.step(step);
        }
        while !world.outbox.is_empty() {
            world.step(Step::Deliver(WINDOW));
        }
        prop_assert_eq!(world.outbox.unconfirmed(), 0);
        prop_assert_eq!(&world.shown, &world.said);
        let mut seen = HashSet::new();
        world.heard.retain(|line| seen.insert(line.clone()));
        prop_assert_eq!(&world.heard, &world.said);
    }
}

/// Without an echo, the client is told what the network has taken: its greeting as well.
#[test]
fn only_a_line_that_was_sent_is_handed_over() {
    let mut outbox = Outbox::default();
    outbox.push("Ann: 1".to_owned());
    assert!(!outbox.hand_over("Ann: 1"), "it is not sent");
    assert!(outbox.send(WINDOW).is_some());
    assert!(!outbox.hand_over("Ann Connected!"), "it is no line of the outbox");
    assert_eq!(outbox.unconfirmed(), 1);
    assert!(outbox.hand_over("Ann: 1"));
    assert_eq!(outbox.unconfirmed(), 0);
}

/// One step between a client and a server that sends anything.
#[derive(Clone, Debug)]
enum Event {
    /// The client says the line with this number.
    Say(usize),
    /// The client sends as many lines as a window of this size allows.
    Send(usize),
    /// The server sends the first characters of a line: the line's number, and how many characters.
    Part(usize, usize),
    /// The server sends this text.
    Text(&'static str),
}

const TEXTS: [&str; 5] = ["Ann: a", "Ann: aa", "Ann: Ann: a", "Ann: a🙂é", "Ann: long and longer"];

fn event() -> impl Strategy<Value = Event> {
    let other =
        ["Bob: ", "\n", "🙂", "An", "<1> ", "* Line refused: a line may have at most 0 bytes"];
    prop_oneof![
        3 => (0..TEXTS.len()).prop_map(Event::Say),
        3 => (1..3_usize).prop_map(Event::Send),
        6 => (0..TEXTS.len(), 1..30_usize).prop_map(|(line, length)| Event::Part(line, length)),
        2 => prop::sample::select(other.to_vec()).prop_map(Event::Text),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..Default::default() })]

    /// A raw message is confirmed if it comes back after it was sent, wherever TCP splits it.
    /// Nothing else confirms it. All received text is shown.
    #[test]
    fn raw_messages_are_confirmed_when_they_come_back_and_only_then(
        events in vec(event(), 1..60),
    ) {
        let mut outbox = Outbox::default();
        let mut said = VecDeque::new();
        // All text that came, and the first place in it where the front of the outbox can begin.
        let (mut stream, mut from) = (String::new(), 0);
        for event in events {
            let chunk = match event {
                Event::Say(line) => {
                    outbox.push(TEXTS[line].to_owned());
                    said.push_back(TEXTS[line]);
                    continue;
                }
                Event::Send(window) => {
                    if outbox.in_flight() == 0 {
                        from = stream.len();
                    }
                    while outbox.send(window).is_some() {}
                    continue;
                }
                Event::Part(line, length) => TEXTS[line].chars().take(length).collect(),
                Event::Text(text) => text.to_owned(),
            };
            stream.push_str(&chunk);
            let mut in_flight = outbox.in_flight();
            let parts = outbox.confirm_parts(&chunk);
            let mut confirmed = parts.iter().filter(|(_, own)| own.is_some()).count();
            let shown: String = parts.into_iter().map(|(text, _)| text).collect();
            prop_assert_eq!(shown.replace('\n', ""), chunk.replace('\n', ""));
            while in_flight > 0 && let Some(at) = stream[from..].find(said[0]) {
                from += at + said[0].len();
                said.pop_front();
                in_flight -= 1;
                prop_assert!(confirmed > 0, "came back and is not confirmed");
                confirmed -= 1;
            }
            prop_assert_eq!(confirmed, 0, "confirmed and did not come back");
            prop_assert_eq!(outbox.unconfirmed(), said.len());
        }
    }

    /// Only the line itself confirms a line. A refused line is followed by a line that came back.
    #[test]
    fn a_line_is_confirmed_or_proved_to_be_refused_or_kept(events in vec(event(), 1..60)) {
        let mut outbox = Outbox::default();
        let mut said = VecDeque::new();
        let mut claims = 0;
        for event in events {
            let line = match event {
                Event::Say(line) => {
                    outbox.push(TEXTS[line].to_owned());
                    said.push_back(TEXTS[line].to_owned());
                    continue;
                }
                Event::Send(window) => {
                    while outbox.send(window * 2).is_some() {}
                    continue;
                }
                Event::Part(line, length) => TEXTS[line].chars().take(length).collect(),
                Event::Text(text) => text.to_owned(),
            };
            let mut refused = Vec::new();
            let own = outbox.confirm(&line, &mut refused);
            prop_assert!(own.is_some() || refused.is_empty());
            prop_assert!(refused.len() <= claims, "refused without a claim");
            for line in refused {
                prop_assert_eq!(said.pop_front(), Some(line));
            }
            if own.is_some() {
                prop_assert_eq!(said.pop_front(), Some(line));
                claims = 0;
            } else if line.starts_with("* Line refused: ") {
                claims += 1;
            }
            prop_assert_eq!(outbox.unconfirmed(), said.len());
        }
    }
}
