//! Whether a peer that is behind counts as a reader.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::roster::{Fake, add, line, roster};
use crate::protocol::{Framing, Recipient};
use crate::room::lag::Lag;
use crate::room::peer::{Peer, Standing};
use crate::room::roster::Roster;
use crate::sync::Relaxed;

#[test]
fn a_peer_that_has_caught_up_counts_as_a_reader_for_longer() {
    let recipient = Recipient { id: 1, framing: Framing::Lines, echo: true };
    let trusted = |has_caught_up| {
        let (socket, address) = (Arc::new(Fake::default()), ([127, 0, 0, 1], 1).into());
        let mut peer = Peer { has_caught_up, ..Peer::new(socket, address, recipient) };
        let now = Instant::now();
        assert_eq!(peer.deliver(&line("0"), 0, 1000), Ok(Standing::FellBehind));
        let lag = peer.lag.expect("it is behind");
        assert!(lag.settled > now, "its buffers still fill");
        lag.reads_until - now
    };
    assert!(trusted(true) > trusted(false) + Duration::from_secs(2));
    let (mut roster, _) = roster(1 << 20);
    let (id, _) = add(&mut roster, 0);
    let reads_until = |roster: &mut Roster<Fake>| {
        roster.deliver(&line("0"));
        roster.peer(id).and_then(|peer| Some(peer.lag.as_ref()?.reads_until))
    };
    let first = reads_until(&mut roster);
    let next = roster.next_part(id).expect("it is behind");
    next.position.store(u64::MAX, Relaxed);
    assert!(roster.next_part(id).is_none());
    assert!(reads_until(&mut roster) > first.map(|first| first + Duration::from_secs(2)));
}

/// The system of a slow reader may take nothing for 1.3 s after the buffers are full (measured with
/// 300 KB/s). If the peer did not count as a reader so long, a flood would have it dropped.
#[test]
fn a_peer_that_falls_behind_for_the_first_time_gets_time_to_read() {
    let lag = Lag::at(0, false);
    let time = lag.reads_until - lag.settled;
    assert!(time > Duration::from_millis(1300), "{time:?}");
}

/// Speakers wait only for a peer that reads: it takes 64 KiB now and then, or all that it was given.
#[test]
fn a_reader_takes_more_than_next_to_nothing() {
    const PIECE: u64 = 64 * 1024;
    let batch = line(&"x".repeat(10 * 64 * 1024));
    let socket = Arc::new(Fake::default());
    let recipient = Recipient { id: 1, framing: Framing::Lines, echo: true };
    let address = ([127, 0, 0, 1], 1).into();
    let mut peer = Peer::new(socket, address, recipient);
    assert_eq!(peer.deliver(&batch, 0, 13 * PIECE), Ok(Standing::FellBehind));
    // Times that are over now, or not before the test is.
    let (over, later) = (Instant::now(), Instant::now() + Duration::from_secs(3600));
    let mut is_overrun = |position: u64, trusted: Option<Instant>, settled: Instant| {
        let lag = peer.lag.as_mut().expect("it is behind");
        lag.given = u64::MAX;
        lag.position.store(position, Relaxed);
        (lag.reads_until, lag.settled) = (trusted.unwrap_or(lag.reads_until), settled);
        peer.deliver(&batch, 0, 13 * PIECE)
    };
    let behind = |overrun| Ok(Standing::Behind { overrun });
    assert_eq!(is_overrun(0, Some(later), later), behind(true), "it has just fallen behind");
    assert_eq!(is_overrun(PIECE, Some(over), later), behind(false), "its buffers fill");
    assert_eq!(is_overrun(PIECE, Some(over), over), behind(false), "it takes nothing");
    assert_eq!(is_overrun(2 * PIECE - 1, None, over), behind(false), "it takes too little");
    assert_eq!(is_overrun(2 * PIECE, None, over), behind(true), "it takes a piece");
    assert_eq!(is_overrun(2 * PIECE, None, over), behind(true), "it took one a moment ago");
    assert_eq!(is_overrun(2 * PIECE, Some(over), over), behind(false), "it takes nothing more");
    assert_eq!(is_overrun(3 * PIECE - 1, None, over), behind(false), "too little again");
    assert_eq!(is_overrun(3 * PIECE, None, over), behind(true), "a piece again");
    let lag = peer.lag.as_mut().expect("it is behind");
    (lag.reads_until, lag.given) = (Instant::now(), 3 * PIECE);
    let standing = peer.deliver(&batch, 0, 13 * PIECE);
    assert_eq!(standing, behind(true), "its thread has sent all that it was given");
}
