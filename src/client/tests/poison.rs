//! Poison messages: plays a server that ends connections, and counts by itself.

use std::collections::{HashSet, VecDeque};

use crate::client::outbox::{Outbox, WINDOW};
use proptest::collection::vec;
use proptest::prelude::*;

/// One step of a client whose server may end the connection because of a line.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Fate {
    Say,
    Send,
    Back,
    Lost,
    /// The connection ends, and the next attempt fails, or the server is full.
    Failed,
}

fn fate() -> impl Strategy<Value = Fate> {
    use Fate::{Back, Failed, Lost, Say, Send};
    prop::sample::select(vec![Say, Send, Send, Back, Lost, Lost, Lost, Failed])
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..Default::default() })]

    /// A line is given up when it has ended three connections, and only then. It was then sent and did
    /// not come back each time, and no attempt failed in between.
    #[test]
    fn a_line_is_given_up_after_three_connections_and_only_then(
        fates in vec(fate(), 1..60),
    ) {
        let mut outbox = Outbox::default();
        let (mut said, mut lines) = (0, VecDeque::new());
        // The lines that came back last, those that have ever come back, and how often the first of the
        // others has ended the connection.
        let (mut back, mut known, mut strikes) = (Vec::new(), HashSet::new(), 0);
        for fate in fates {
            let front_is_new = lines.front().is_some_and(|line| !known.contains(line));
            match fate {
                Fate::Say => {
                    said += 1;
                    outbox.push(said.to_string());
                    lines.push_back(said.to_string());
                }
                Fate::Send => {
                    let given_up = outbox.give_up();
                    prop_assert_eq!(given_up.is_some(), strikes == 3 && outbox.in_flight() == 0 && front_is_new);
                    if given_up.is_some() {
                        prop_assert_eq!(given_up, lines.pop_front());
                        strikes = 0;
                    }
                    let _ = outbox.send(WINDOW);
                }
                Fate::Back if outbox.in_flight() > 0 => {
                    let line = lines.pop_front().expect("it is in flight");
                    prop_assert!(outbox.confirm(&line, &mut Vec::new()).is_some());
                    strikes = if front_is_new { 0 } else { strikes };
                    known.insert(line.clone());
                    back.push(line);
                }
                Fate::Back => {}
                Fate::Lost | Fate::Failed => {
                    strikes += usize::from(front_is_new && outbox.in_flight() > 0);
                    outbox.recall(true);
                    back.drain(..).rev().for_each(|line| lines.push_front(line));
                    if fate == Fate::Failed {
                        outbox.absolve();
                        strikes = 0;
                    }
                }
            }
        }
    }
}
