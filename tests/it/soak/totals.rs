//! The totals of the soak test: the lines that were said, the lines that listeners received in the
//! life of each server, and the lines that the clients received that stayed through all lives.

use std::collections::HashMap;
use std::fmt;
use std::net::SocketAddr;
use std::thread::{Scope, ScopedJoinHandle};

use tcp_chat::client::WINDOW;

use super::SPEAKERS;
use crate::support::process::Process;
use crate::support::server::{Server, connected, gone};
use crate::support::{assert_same, usage, wait_until};

/// With these limits, a server that lives for a few seconds still drops a peer that never reads.
const FLAGS: [&str; 4] = ["--stall-timeout", "2", "--max-backlog", "1048576"];
/// How many lines may come again after a crash: the lines that came back last, and the lines in
/// flight.
const MOST_AGAIN: u64 = SPEAKERS * 2 * WINDOW as u64;
/// How many lines may be missing per crash, on average: only lines of speakers that left before the
/// crash.
const MOST_MISSED: u64 = SPEAKERS;

/// A server from its start to its end, with two listeners that are connected all the time.
pub(crate) struct Life<'scope> {
    pub(crate) server: Server,
    listeners: [ScopedJoinHandle<'scope, Vec<String>>; 2],
    /// The ports of the clients that stay as long as the server lives.
    stayers: Vec<u16>,
}

impl<'scope> Life<'scope> {
    pub(crate) fn begin(scope: &'scope Scope<'scope, '_>, address: SocketAddr) -> Self {
        let server = Server::at(address, &FLAGS);
        let listeners = std::array::from_fn(|_| {
            let mut peer = server.join();
            scope.spawn(move || peer.rest().0)
        });
        Self { server, listeners, stayers: Vec::new() }
    }

    /// Waits until these clients are in the room. A client's own notice is not enough: a quick
    /// client can connect to a server that is dying, and lose this connection as well.
    pub(crate) fn welcomes(&mut self, stayers: &[Process]) {
        for stayer in stayers {
            wait_until("a staying client is back", || {
                let port = stayer.err.lines().iter().rev().find_map(|notice| port(notice));
                let here = port.filter(|port| {
                    self.server.event_log().count(|line| line.starts_with(&connected(*port))) > 0
                });
                self.stayers.extend(here);
                here.is_some()
            });
        }
    }

    pub(crate) fn uses(&self) -> (u64, usize) {
        (usage::threads(self.server.id()), usage::files(self.server.id()))
    }
}

/// Whether this is a client's notice that it is connected.
pub(crate) fn is_success(notice: &str) -> bool {
    notice.contains(" Successful! ")
}

/// The port in a client's notice that it is connected.
fn port(notice: &str) -> Option<u16> {
    let port = notice.rsplit_once("@PORT #").filter(|_| is_success(notice))?.1;
    port.parse().ok()
}

/// The name and the number in a speaker's line.
pub(crate) fn said(line: &str) -> Option<(&str, u64)> {
    let (who, number) = line.split_once(": ")?;
    who.starts_with("Speaker").then_some((who, number.parse().ok()?))
}

/// The totals of all lives.
#[derive(Default)]
pub(crate) struct Totals {
    pub(crate) lives: usize,
    pub(crate) visits: u64,
    came: usize,
    too_slow: usize,
    /// The name of each speaker, and how many lines it said. Each line came back.
    pub(crate) said: Vec<(String, u64)>,
    /// The lines that the listeners of all lives received.
    heard: Heard,
    /// The lines that each staying client received.
    stayers: Vec<Heard>,
}

/// The lines that one listener received of each speaker.
#[derive(Default)]
struct Heard {
    next: HashMap<String, u64>,
    again: u64,
    missed: u64,
}

impl Heard {
    fn hear(&mut self, who: &str, number: u64) {
        let next = self.next.entry(who.to_owned()).or_default();
        self.again += u64::from(number < *next);
        self.missed += number.saturating_sub(*next);
        *next = (*next).max(number + 1);
    }
}

impl Totals {
    /// Adds the result of a server that has ended.
    pub(crate) fn add(&mut self, life: Life) {
        let Life { server, listeners, stayers } = life;
        let log = server.event_log();
        log.wait_for("the end of the event log", |_, closed| closed.then_some(()));
        self.came += log.count(|line| line.contains(" Has Connected!"));
        self.too_slow += log.count(|line| line.contains(" Has Disconnected! (too slow after "));
        for port in stayers {
            // These clients leave after the server has said goodbye.
            let lost = |line: &str| line.starts_with(&gone(port)) && !line.contains("(left after ");
            assert_eq!(log.count(lost), 0, "a staying client was lost without a crash");
        }
        let log = &server.process.err;
        log.wait_for("the end of the log", |_, closed| closed.then_some(()));
        assert_eq!(log.count(|line| line.contains("panicked")), 0, "{:?}", log.lines());

        let [first, second] = listeners.map(|listener| listener.join().expect("it only listens"));
        // One listener joined a moment earlier, and a crash does not reach both at the same moment.
        let begin = second.iter().position(|line| said(line).is_some()).expect("somebody speaks");
        let second = &second[begin..];
        let begin = first.iter().position(|line| *line == second[0]).expect("both heard it");
        let both = second.len().min(first.len() - begin);
        assert_same("the second listener", &second[..both], &first[begin..begin + both]);

        let mut next = HashMap::new();
        for (who, number) in first.iter().filter_map(|line| said(line)) {
            let next = next.entry(who).or_insert(number);
            assert_eq!(number, *next, "{who}: out of order, or again, without a crash");
            *next += 1;
            self.heard.hear(who, number);
        }
    }

    /// Adds the output of a client that stayed.
    pub(crate) fn hear(&mut self, lines: &[String]) {
        let mut heard = Heard::default();
        lines.iter().filter_map(|line| said(line)).for_each(|(who, n)| heard.hear(who, n));
        self.stayers.push(heard);
    }

    /// Compares the received lines with the lines that were said. A crash can happen between two
    /// sends, so the clients then send their last lines again, even lines that had come back.
    pub(crate) fn settle(&mut self) {
        for heard in self.stayers.iter_mut().chain([&mut self.heard]) {
            for (who, lines) in &self.said {
                let next = heard.next.remove(who).unwrap_or(0);
                assert!(next <= *lines, "{who} never said line {next}");
                heard.missed += lines - next;
            }
            assert!(heard.next.is_empty(), "unknown speakers: {:?}", heard.next);
            let crashes = self.lives as u64 - 1;
            assert!(heard.again <= crashes * MOST_AGAIN, "{} lines came again", heard.again);
            assert!(heard.missed <= crashes * MOST_MISSED, "{} lines are missing", heard.missed);
        }
    }
}

impl fmt::Display for Totals {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let Self { lives, visits, came, too_slow, said, heard, stayers } = self;
        let lines: u64 = said.iter().map(|(_, lines)| lines).sum();
        let clients = said.len();
        write!(f, "{} crashes; {clients} clients said {lines} lines, each came back; ", lives - 1)?;
        write!(f, "listeners heard {} twice and missed {}; ", heard.again, heard.missed)?;
        for stayer in stayers {
            write!(
                f,
                "one that stayed heard {} twice and missed {}; ",
                stayer.again, stayer.missed
            )?;
        }
        write!(f, "{came} came, of whom {visits} were strangers and {too_slow} too slow")
    }
}
