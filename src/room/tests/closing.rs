//! What becomes of each record when the roster is closed.

use std::sync::atomic::Ordering::Relaxed;

use super::roster::{Fake, add, line, roster};
use crate::protocol::Framing;
use crate::room::Reason;
use crate::room::roster::Roster;

/// The stream of every peer ends with the farewell. A record goes when its thread has read the end.
#[test]
fn a_closed_roster_half_closes_each_peer_that_has_everything() {
    let (mut roster, log) = roster(1 << 20);
    let (behind, slow) = add(&mut roster, 0);
    let (up_to_date, socket) = add(&mut roster, usize::MAX);
    roster.deliver(&line("bye"));
    roster.close();
    let ends = |socket: &Fake| [&socket.finished, &socket.shut].map(|count| count.load(Relaxed));
    assert_eq!((ends(&socket), ends(&slow)), ([1, 0], [0, 0]));
    assert!(roster.add(socket.clone(), ([127, 0, 0, 1], 9).into(), Framing::Lines, true).is_none());

    let next = roster.next_part(behind).expect("it is behind");
    next.position.store(next.entries[0].end(), Relaxed);
    assert!(roster.next_part(behind).is_none());
    assert_eq!((ends(&slow), roster.report().laggards), ([1, 0], 0));
    assert_eq!(roster.report().peers, 2, "their threads still read");
    roster.retire(up_to_date);
    roster.remove(behind, Reason::Reset);
    assert_eq!((roster.report().peers, ends(&slow), ends(&socket)), (0, [1, 1], [1, 1]));
    let told = ["1: left", "2: left", "1: connection reset", "1 caught up"];
    assert_eq!(told.map(|event| log.count(event)), [0; 4], "the farewell stands for them");
}

/// A peer that closed its side before the room was closed is sent no farewell, and has left.
#[test]
fn one_that_left_before_the_room_was_closed_is_told_apart() {
    let (mut roster, log) = roster(1 << 20);
    let [(before, _), (after, socket), (cut, _)] = [0; 3].map(|takes| add(&mut roster, takes));
    roster.deliver(&line("before"));
    for id in [before, cut] {
        roster.retire(id);
    }
    roster.deliver(&line("bye"));
    roster.close();
    roster.retire(after);
    let rest = |roster: &mut Roster<Fake>, id| {
        let next = roster.next_part(id).expect("it is behind");
        let text: Vec<_> =
            next.entries.iter().flat_map(|entry| entry.batch.text()).copied().collect();
        next.position.store(next.entries.last().expect("a batch").end(), Relaxed);
        assert!(roster.next_part(id).is_none());
        String::from_utf8(text).expect("UTF-8")
    };
    assert_eq!(rest(&mut roster, before), "before\n");
    assert_eq!(rest(&mut roster, after), "before\nbye\n");
    assert_eq!((roster.report().peers, socket.shut.load(Relaxed)), (1, 1), "nobody reads from it");
    roster.cut_off();
    assert_eq!(["1: left", "2: left", "3: left"].map(|event| log.count(event)), [1, 0, 1]);
}
