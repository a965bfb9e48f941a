//! The examples of docs/ladder.md: each is a server that relays lines, and the first and the last two
//! do what their pages promise. docs/lessons.md shows the faults of those in between.

use std::env;
use std::io::{self, ErrorKind};
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::LazyLock;
use std::thread;

use crate::support::peer::Peer;
use crate::support::process::{Process, clean, client};
use crate::support::server::ANY_PORT;
use crate::support::{PATIENCE, wait_until};

const RUNGS: [&str; 7] = [
    "1_one_lock",
    "2_write_under_lock",
    "3_copy_the_list",
    "4_check_then_act",
    "5_outbox_threads",
    "6_combining",
    "7_event_loop",
];

/// Where the examples are. They are built anew: `cargo test --test it` alone does not do that, and a
/// reader may have changed one.
static EXAMPLES: LazyLock<PathBuf> = LazyLock::new(|| {
    let this = env::current_exe().expect("this program has a name");
    let profile = this.ancestors().nth(2).expect("cargo has a folder for each profile");
    let mut build = Command::new(env!("CARGO"));
    build.args(["build", "--quiet", "--offline", "--examples", "--target-dir"]);
    build.arg(profile.parent().expect("a folder")).current_dir(env!("CARGO_MANIFEST_DIR"));
    if profile.ends_with("release") {
        build.arg("--release");
    }
    assert!(build.status().expect("cargo runs").success(), "the examples are built");
    profile.join("examples")
});

/// An example that listens.
struct Rung {
    process: Process,
    address: SocketAddr,
}

impl Rung {
    fn start(name: &str) -> Self {
        let mut command = clean(Command::new(Path::new(&*EXAMPLES).join(name)));
        command.arg(ANY_PORT.to_string());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let process = Process::start_with(command);
        let said = process.err.line("its address", |line| line.starts_with("listening on "));
        let address = said["listening on ".len()..].parse().expect("an address");
        Self { process, address }
    }

    /// A peer that hears what it says itself: it has a record.
    fn join(&self) -> Peer {
        let mut peer = Peer::connect(self.address);
        let hello = format!("{} is here", peer.port());
        peer.say(&hello);
        peer.await_line(&hello);
        peer
    }

    /// Waits until the log of rung 1 says that the record of this client is removed, and returns the
    /// name of the thread that did it.
    fn remover_of(&self, port: u16) -> String {
        let end = format!(": removes the record of client #{port}");
        let line = self.process.out.line(&end, |line| line.ends_with(&end));
        line.strip_suffix(&end).expect("it ends so").to_owned()
    }

    fn removals(&self) -> usize {
        self.process.out.count(is_removal)
    }
}

fn is_removal(line: &str) -> bool {
    line.contains(": removes the record of ")
}

#[test]
fn every_rung_relays_a_line_between_two_peers() {
    for name in RUNGS {
        let rung = Rung::start(name);
        let (mut ann, mut bob) = (rung.join(), rung.join());
        ann.say(&format!("Ann: this is {name}"));
        bob.expect(&format!("Ann: this is {name}"));
        bob.say("Bob: I hear you");
        ann.await_line("Bob: I hear you");
    }
}

#[test]
fn a_last_line_without_its_newline_is_a_line_on_every_rung() {
    for name in RUNGS {
        let rung = Rung::start(name);
        let (mut bob, mut ann) = (rung.join(), rung.join());
        ann.send("Ann: bye");
        ann.finish();
        bob.await_line("Ann: bye");
        bob.say("Bob: bye");
        bob.expect("Bob: bye");
    }
}

#[test]
fn the_first_rung_names_the_thread_that_adds_a_record() {
    let rung = Rung::start(RUNGS[0]);
    let peer = rung.join();
    let thread = format!("client #{}", peer.port());
    rung.process.out.expect(&format!("{thread}: adds the record of {thread}"));
    assert_eq!(rung.removals(), 0);
}

#[test]
fn the_first_rung_removes_the_record_of_a_peer_that_is_killed() {
    let rung = Rung::start(RUNGS[0]);
    let mut ann = rung.join();
    let mut bob = client(rung.address, &["--name", "Bob", "--stay"]);
    bob.type_line("hello");
    ann.await_line("Bob: hello");
    let thread = rung.process.out.line("the record of Bob", |line| {
        line.contains(": adds ") && !line.ends_with(&format!("#{}", ann.port()))
    });
    let port = thread.rsplit('#').next().and_then(|port| port.parse().ok()).expect("a port");
    bob.kill();
    assert_eq!(rung.remover_of(port), format!("client #{port}"));
    ann.say("Ann: still here");
    ann.expect("Ann: still here");
    assert_eq!(rung.removals(), 1);
}

#[test]
fn the_first_rung_removes_a_record_once_when_all_notice_at_once() {
    const ROUNDS: usize = 20;
    let rung = Rung::start(RUNGS[0]);
    let mut speakers = [rung.join(), rung.join(), rung.join()];
    for round in 1..=ROUNDS {
        rung.join().reset();
        for speaker in &mut speakers {
            speaker.say(&format!("round {round}"));
        }
        rung.process.out.at_least(round, "a removal", is_removal);
    }
    for speaker in &mut speakers {
        speaker.say("the end");
    }
    for speaker in &mut speakers {
        (0..3).for_each(|_| speaker.await_line("the end"));
    }
    assert_eq!(rung.removals(), ROUNDS);
}

#[test]
fn the_first_rung_drops_a_peer_that_does_not_read_and_delays_nobody() {
    let rung = Rung::start(RUNGS[0]);
    let (silent, mut bob, mut ann) = (rung.join(), rung.join(), rung.join());
    let gone = format!("client #{}: removes the record of client #{}", ann.port(), silent.port());
    let long = format!("Ann: {}", "z".repeat(16 * 1024));
    // Each line is heard before the next is said, so only the silent peer is ever behind.
    wait_until("the socket of the silent peer is full", || {
        ann.say(&long);
        ann.expect(&long);
        bob.await_line(&long);
        rung.process.out.lines().contains(&gone)
    });
    ann.say("Ann: still here");
    bob.await_line("Ann: still here");
    assert_eq!(rung.removals(), 1);
    // Its socket is shut as well: what was sent to it has an end.
    let end = io::copy(&mut silent.stream(), &mut io::sink());
    assert!(end.is_ok() || end.is_err_and(|error| error.kind() == ErrorKind::ConnectionReset));
}

/// Several speakers say a line at the same time, and wait until they have heard all lines of this
/// round. A line that is left behind is waited for in vain: nobody speaks after it. The listeners make
/// a delivery long enough for the others to speak meanwhile.
#[test]
fn the_last_rung_delivers_every_line_in_one_order() {
    every_line_arrives_in_one_order(RUNGS[5]);
}

#[test]
fn the_event_loop_delivers_every_line_in_one_order() {
    every_line_arrives_in_one_order(RUNGS[6]);
}

fn every_line_arrives_in_one_order(name: &str) {
    const SPEAKERS: usize = 4;
    const LISTENERS: usize = 40;
    const ROUNDS: usize = 300;
    let rung = Rung::start(name);
    let mut speakers: Vec<Peer> = (0..SPEAKERS).map(|_| rung.join()).collect();
    let mut listeners: Vec<Peer> = (0..LISTENERS).map(|_| rung.join()).collect();
    let start = "all are here";
    speakers[0].say(start);
    let heard: Vec<Vec<String>> = thread::scope(|scope| {
        let talks = speakers.iter_mut().enumerate().map(|(id, speaker)| {
            scope.spawn(move || {
                speaker.await_line(start);
                speaker.stream().set_read_timeout(Some(PATIENCE / 3)).expect("a socket of ours");
                let round = |round| {
                    speaker.say(&format!("{id} says {round}"));
                    (0..SPEAKERS).map(|_| speaker.line()).collect::<Vec<_>>()
                };
                (0..ROUNDS).flat_map(round).collect()
            })
        });
        let talks: Vec<_> = talks.collect();
        talks.into_iter().map(|talk| talk.join().expect("every line is heard")).collect()
    });
    let in_order = &heard[0];
    assert!(heard.iter().all(|heard| heard == in_order), "two orders");
    for listener in &mut listeners {
        listener.await_line(start);
        assert!(in_order.iter().all(|line| listener.line() == *line), "two orders");
    }
    for id in 0..SPEAKERS {
        let own = in_order.iter().filter(|line| line.starts_with(&format!("{id} "))).cloned();
        assert!(own.eq((0..ROUNDS).map(|round| format!("{id} says {round}"))), "a lost line");
    }
}

#[test]
fn a_rung_whose_port_is_taken_says_so_in_one_line() {
    let taken = TcpListener::bind(ANY_PORT).expect("a free port");
    let address = taken.local_addr().expect("it is bound").to_string();
    for name in RUNGS {
        let mut command = clean(Command::new(Path::new(&*EXAMPLES).join(name)));
        command.arg(&address).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut process = Process::start_with(command);
        process.exits(1);
        let said = process.err.lines();
        assert_eq!(said.len(), 1, "{name}: {said:?}");
        assert!(said[0].starts_with(&format!("cannot listen on {address}: ")), "{name}: {said:?}");
    }
}

#[test]
fn each_rung_has_at_most_120_lines() {
    for name in RUNGS {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples").join(name);
        let code = std::fs::read_to_string(file.with_extension("rs")).expect("a file of ours");
        assert!(code.lines().count() <= 120, "{name} is too long");
    }
}
