//! The client's memory of what it said, under every way in which a server can go.

use std::collections::HashSet;

use proptest::collection::vec;
use proptest::prelude::*;
use tcp_chat::outbox::{Outbox, Own, WINDOW};

#[derive(Clone, Copy, Debug)]
enum Step {
    /// The user says so many lines.
    Say(usize),
    /// The server hands so many lines to everyone.
    Deliver(usize),
    /// The server is killed when it has handed so many lines to the speaker, and so many to the
    /// listener.
    Kill(usize, usize),
    /// The server stops in good order: what it had heard has been delivered.
    Stop,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (1..100_usize).prop_map(Step::Say),
        4 => (1..100_usize).prop_map(Step::Deliver),
        2 => (0..70_usize, 0..70_usize).prop_map(|(speaker, listener)| Step::Kill(speaker, listener)),
        1 => Just(Step::Stop),
    ]
}

#[derive(Default)]
struct World {
    outbox: Outbox,
    /// What the server has received and not handed out.
    received: Vec<String>,
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
        assert!(self.received.len() <= WINDOW, "more on its way than the window holds");
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
            Step::Kill(speaker, listener) => {
                self.round(speaker, listener);
                self.received.clear();
                self.outbox.recall(true);
            }
            Step::Stop => {
                self.round(usize::MAX, usize::MAX);
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
