//! The books of the soak: what was said, what was heard of it in each life of the server, and by
//! those who stayed through all of them.

use std::collections::HashMap;
use std::fmt;
use std::net::SocketAddr;
use std::thread::{Scope, ScopedJoinHandle};

use tcp_chat::client::WINDOW;

use super::SPEAKERS;
use crate::support::process::Process;
use crate::support::server::{Server, connected, gone};
use crate::support::{assert_same, usage, wait_until};

/// So that a peer which never reads is too slow for a server that lives for some seconds.
const FLAGS: [&str; 4] = ["--stall-timeout", "2", "--max-backlog", "1048576"];
/// How many lines may be said again after a crash: what came back last, and what was in flight.
const MOST_AGAIN: u64 = SPEAKERS * 2 * WINDOW as u64;
/// How many may be missing: only what a speaker said who left before the crash, on the average.
const MOST_MISSED: u64 = SPEAKERS;

/// A server from its start to its end, and two who listen all the time.
pub(crate) struct Life<'scope> {
    pub(crate) server: Server,
    listeners: [ScopedJoinHandle<'scope, Vec<String>>; 2],
    /// The ports of clients that stay as long as it lives.
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

    /// Waits until these clients are there. What they say of themselves is not enough: one that is
    /// quick can come back to a server that is dying, and be lost once more.
    pub(crate) fn welcomes(&mut self, stayers: &[Process]) {
        for stayer in stayers {
            wait_until("one that stays is back", || {
                let port = stayer.err.lines().iter().rev().find_map(|notice| port(notice));
                let here = port.filter(|port| {
                    self.server.event_log().count(|line| line == connected(*port)) > 0
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

/// Whether a client says that it is connected.
pub(crate) fn is_success(notice: &str) -> bool {
    notice.contains(" Successful! ")
}

/// From which port a client says that it is connected.
fn port(notice: &str) -> Option<u16> {
    let port = notice.rsplit_once("@PORT #").filter(|_| is_success(notice))?.1;
    port.parse().ok()
}

/// Who said which number, if this is a line of a speaker.
pub(crate) fn said(line: &str) -> Option<(&str, u64)> {
    let (who, number) = line.split_once(": ")?;
    who.starts_with("Speaker").then_some((who, number.parse().ok()?))
}

/// What became of everything that was said.
#[derive(Default)]
pub(crate) struct Totals {
    pub(crate) lives: usize,
    pub(crate) visits: u64,
    came: usize,
    too_slow: usize,
    /// Who said how many lines, each of which came back.
    pub(crate) said: Vec<(String, u64)>,
    /// What those who listened in each life heard of each speaker, over all lives.
    heard: Heard,
    /// What each client that stayed heard.
    stayers: Vec<Heard>,
}

/// What one listener heard of each speaker.
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
    /// Takes the stock of a server that has ended.
    pub(crate) fn add(&mut self, life: Life) {
        let Life { server, listeners, stayers } = life;
        let log = server.event_log();
        log.wait_for("the end of the event log", |_, closed| closed.then_some(()));
        self.came += log.count(|line| line.ends_with(" Has Connected!"));
        self.too_slow += log.count(|line| line.ends_with(" Has Disconnected! (too slow)"));
        for port in stayers {
            // They leave when the server has said goodbye.
            let lost = |line: &str| line.starts_with(&gone(port)) && !line.ends_with("(left)");
            assert_eq!(log.count(lost), 0, "one that stays was lost without a crash");
        }
        let log = &server.process.err;
        log.wait_for("the end of the log", |_, closed| closed.then_some(()));
        assert_eq!(log.count(|line| line.contains("panicked")), 0, "{:?}", log.lines());

        let [first, second] = listeners.map(|listener| listener.join().expect("it only listens"));
        // One came a moment earlier, and a crash does not reach both at once.
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

    /// Takes the stock of what a client that stayed has printed.
    pub(crate) fn hear(&mut self, lines: &[String]) {
        let mut heard = Heard::default();
        lines.iter().filter_map(|line| said(line)).for_each(|(who, n)| heard.hear(who, n));
        self.stayers.push(heard);
    }

    /// Compares what was heard with what was said. A crash can come between two sends, so clients
    /// say their last lines again after it, even those that had come back.
    pub(crate) fn settle(&mut self) {
        for heard in self.stayers.iter_mut().chain([&mut self.heard]) {
            for (who, lines) in &self.said {
                let next = heard.next.remove(who).unwrap_or(0);
                assert!(next <= *lines, "{who} never said line {next}");
                heard.missed += lines - next;
            }
            assert!(heard.next.is_empty(), "nobody said what these did: {:?}", heard.next);
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
