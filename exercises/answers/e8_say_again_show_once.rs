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
//! The types are in `exercises/src/given/e8.rs`: read it first. Grade your answer with
//! `cargo run -p exercises -- 8`; add `--hint 1` or `--hint 2` if you need more help.
#![allow(unused_imports, unused_variables, reason = "the gap does not use them yet")]

use exercises::given::e8::{Client, Event, Link, Message};

/// Runs the client over one connection, from its beginning until it is broken. It is called again
/// for the next connection.
pub fn session(client: &mut Client, link: &mut dyn Link) {
    todo!("lose no line, and show none twice")
}
