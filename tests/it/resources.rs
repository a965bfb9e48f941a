//! The server when the system's resources run out. It also gives back the resources that it took:
//! descriptors, threads, memory.
use std::fs;
use std::io::Write;
use std::net::Shutdown;
use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Resource, Rlimit, prlimit};

use crate::support::peer::{Ending, Peer};
use crate::support::process::{self, Output};
use crate::support::server::{ANY_PORT, Server, connected};
use crate::support::talk::Conversation;
use crate::support::{PATIENCE, usage, wait_until};

/// How long any line of a conversation may take while another client has trouble.
const SOON: Duration = Duration::from_secs(2);

const FEW_FILES: &str = "ulimit -n 64";

fn is_full(line: &str) -> bool {
    line.starts_with("* Server full: ")
}

/// How many lines on stderr contain this text. There must be one, even if many clients are refused.
fn times_told(server: &Server, of: &str) -> usize {
    server.process.err.count(|line| line.contains(of))
}

/// Joins until a client is refused. Returns the peers in the room, and the refusal.
fn fill(server: &Server) -> (Vec<Peer>, String) {
    let mut peers = Vec::new();
    loop {
        let mut peer = Peer::connect(server.address);
        let port = peer.port();
        // A peer in the room receives its own line.
        peer.try_send("in\n").ok();
        match peer.next() {
            Ok(line) if is_full(&line) => return (peers, line),
            Ok(line) => assert_eq!(line, "in"),
            Err(ending) => panic!("#{port}: {ending:?} without a message"),
        }
        for other in &mut peers {
            Peer::expect(other, "in");
        }
        peers.push(peer);
    }
}

/// Each peer says a line, and every peer receives it.
fn all_talk(peers: &mut [Peer]) {
    for speaker in 0..peers.len() {
        let line = format!("{speaker} speaks");
        peers[speaker].say(&line);
        for peer in peers.iter_mut() {
            peer.expect(&line);
        }
    }
}

#[test]
fn a_full_server_says_why_and_goes_on() {
    let cases = [("true", &["--max-clients", "2"][..], 2), (FEW_FILES, &[], 48)];
    for (script, flags, places) in cases {
        let server = Server::after(script, flags);
        let (mut peers, told) = fill(&server);
        assert_eq!(peers.len(), places, "{script}");
        let why = format!("* Server full: {places} clients are connected, try again later");
        assert_eq!(told, why);
        for _ in 0..20 {
            let mut surplus = Peer::connect(server.address);
            assert_eq!(surplus.rest(), (vec![why.clone()], Ending::Closed));
        }
        all_talk(&mut peers);
        wait_until("the refusal is logged", || times_told(&server, "Server full") > 0);
        assert_eq!(times_told(&server, "Server full"), 1, "{:?}", server.process.err.lines());

        let gone = peers.pop().expect("somebody is in").port();
        assert_eq!(server.reason_of(gone), "left");
        peers.push(server.join());
        all_talk(&mut peers);
    }
}

#[test]
fn no_more_clients_than_the_machine_carries() {
    let says = |wanted: &str| {
        let server = Server::after(FEW_FILES, &["--max-clients", wanted]);
        // This line comes before the banner.
        let says =
            server.process.err.lines().into_iter().find(|line| line.contains("--max-clients"));
        (says, fill(&server).0.len())
    };
    assert_eq!(says("48"), (None, 48));
    let no_more = "--max-clients is 48, not 49: open files (ulimit -n) allow no more";
    assert_eq!(says("49"), (Some(no_more.to_owned()), 48));
}

/// The soft and the hard limit on open files of a process.
fn file_limits(server: &Server) -> (String, String) {
    let limits = fs::read_to_string(format!("/proc/{}/limits", server.id())).expect("the limits");
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"));
    let mut limits = line.expect("one on files").split_whitespace().map(str::to_owned);
    (limits.next().expect("soft"), limits.next().expect("hard"))
}

#[test]
fn the_soft_limit_on_files_is_raised_to_the_hard_one() {
    let server = Server::after("ulimit -S -n 64; ulimit -H -n 100", &[]);
    assert_eq!(file_limits(&server), ("100".to_owned(), "100".to_owned()));
    let (peers, _) = fill(&server);
    assert_eq!(peers.len(), 84);
}

/// The limit on a user's processes does not apply to root, so another user runs the server.
#[test]
fn a_limit_on_the_threads_of_a_user_counts() {
    let Some(user) = usage::OtherUser::new(61_234) else { return };
    let server = Server::run(user.program(116), ANY_PORT, &["--max-clients", "1000"]);
    let said = server.process.err.lines();
    let (start, end) =
        ("--max-clients is ", ", not 1000: threads of the user (ulimit -u) allow no more");
    let carried = said.iter().find_map(|line| line.strip_prefix(start)?.strip_suffix(end));
    let carried: u64 = carried.expect("a limit").parse().expect("a number");
    // Three quarters of 116, minus 16 and the threads that the server has already started.
    assert!((66..75).contains(&carried), "{said:?}");
}

#[test]
fn without_descriptors_the_server_waits_for_some() {
    const FILES: u64 = 40;
    let server = Server::after(FEW_FILES, &[]);
    // The server has already computed how many clients it can take. Now there are fewer
    // descriptors.
    let id = i32::try_from(server.id()).ok().and_then(Pid::from_raw);
    prlimit(id, Resource::Nofile, Rlimit { current: Some(FILES), maximum: Some(FILES) })
        .expect("a limit can be lowered");
    let cannot = "cannot accept more clients";
    // The system completes a connection even if the server has no descriptor for it.
    let mut peers = Vec::new();
    let mut outside = loop {
        let peer = Peer::connect(server.address);
        let welcome = connected(peer.port());
        let is_in = || server.event_log().count(|line| line.starts_with(&welcome)) > 0;
        wait_until("the client is in or refused", || is_in() || times_told(&server, cannot) > 0);
        if !is_in() {
            break peer;
        }
        peers.push(peer);
    };
    let clients = peers.len() as u64;
    assert!((FILES / 2..FILES).contains(&clients), "{clients} of {FILES} descriptors are clients");
    outside.say("from outside");

    // The server tries again from time to time, and does nothing else.
    let (before, since) = (usage::ticks(server.id()), Instant::now());
    thread::sleep(Duration::from_secs(1));
    let spent = usage::ticks(server.id()) - before;
    eprintln!("{spent} ticks of processor time in {:?}", since.elapsed());
    assert!(spent <= 5, "{spent} ticks of processor time in {:?}", since.elapsed());
    all_talk(&mut peers);
    assert_eq!(times_told(&server, cannot), 1, "{:?}", server.process.err.lines());

    drop(peers.pop());
    server.event_log().expect_start(&connected(outside.port()));
    peers.push(outside);
    for peer in &mut peers {
        peer.expect("from outside");
    }
    all_talk(&mut peers);
}

#[test]
fn ten_thousand_come_and_go_and_leave_nothing() {
    const CALLERS: usize = 10;
    const CALLS: usize = 1000;
    let server = Server::start(&["--quiet"]);
    let come_and_go = |calls: usize| {
        thread::scope(|scope| {
            for caller in 0..CALLERS {
                let server = &server;
                scope.spawn(move || {
                    for call in 0..calls {
                        let mut peer = Peer::connect(server.address);
                        let line = format!("{caller} calls for the {call}th time");
                        peer.say(&line);
                        match call % 3 {
                            0 => peer.await_line(&line),
                            1 => peer.stream().shutdown(Shutdown::Both).unwrap(),
                            _ => {}
                        }
                        // A reset leaves no port in TIME_WAIT. There are ten thousand connections
                        // here.
                        peer.reset();
                    }
                });
            }
        });
    };
    let id = server.id();
    let used = || (usage::threads(id), usage::files(id));
    let mut first = Peer::connect(server.address);
    first.say("first");
    first.expect("first");
    let with_one = used();
    let at_first = (with_one.0 - 1, with_one.1 - 1);
    drop(first);
    // This is the memory of any server after it has served this many clients at a time.
    come_and_go(50);
    wait_until("the first clients are gone", || used() == at_first);
    let memory = usage::memory(id);
    come_and_go(CALLS);
    wait_until("all are gone", || used() == at_first);
    let grown = usage::memory(id).saturating_sub(memory);
    eprintln!("(threads, files): {at_first:?}; memory: {memory} KiB, then {grown} more");
    assert!(grown < 8 * 1024, "{grown} KiB more than the {memory} before");
}

#[test]
fn an_unread_event_log_slows_nobody_and_counts_skipped_lines() {
    const LINES: usize = 20_000;
    let mut command = process::program();
    let (history, stdout) = std::io::pipe().unwrap();
    command.stdin(Stdio::null()).stdout(stdout).stderr(Stdio::piped());
    let mut server = Server::run_with(command, ANY_PORT, &[]);
    let conversation = Conversation::start(server.address);
    let mut speaker = Peer::connect(server.address);
    let mut writer = speaker.writer();
    let padding = "x".repeat(1000);
    let line = |number: usize| format!("noise {number} {padding}");
    thread::scope(|scope| {
        scope.spawn(|| {
            for number in 0..LINES {
                writer.write_all((line(number) + "\n").as_bytes()).unwrap();
            }
        });
        (0..LINES).for_each(|number| speaker.await_line(&line(number)));
    });
    // The test reads the event log again. Lines that are said before it is printed may be skipped
    // as well.
    let printed = Output::collect(history);
    let mut said = LINES as u64;
    wait_until("the event log goes on", || {
        said += 1;
        let line = format!("noise {said} after it");
        speaker.say(&line);
        speaker.await_line(&line);
        printed.count(|printed| printed.ends_with(" after it")) > 0
    });
    let summary = conversation.end();
    assert!(summary.slowest < SOON, "a line took {:?}", summary.slowest);
    server.stop();
    printed.expect(&server.farewell());
    let printed = printed.lines();
    let lines = |start| printed.iter().filter(|line| line.starts_with(start)).count() as u64;
    let skipped: u64 = printed.iter().filter_map(|line| skipped(line)).sum();
    eprintln!("of {said} lines, {skipped} were skipped; {summary:?}");
    assert!(skipped > said / 2, "the event log was hardly behind");
    // Notices that a client is behind are skipped, too.
    let counted = lines("noise ") + lines("talk ") + skipped;
    let all = said + summary.lines;
    assert!((all..all + 1000).contains(&counted), "{counted} of {all}");
}

/// How many skipped lines this notice in the event log stands for.
fn skipped(line: &str) -> Option<u64> {
    line.strip_prefix("* ")?.split_once(" line")?.0.parse().ok()
}

#[test]
fn two_hundred_peers_that_never_read_cost_one_backlog() {
    const SILENT: usize = 200;
    const SAID: usize = 20 * 1024 * 1024;
    let server = Server::start(&["--quiet"]);
    let silent: Vec<_> = (0..SILENT)
        .map(|_| {
            let mut peer = Peer::connect(server.address);
            peer.shrink_window();
            peer
        })
        .collect();
    wait_until("all have a thread", || usage::threads(server.id()) > SILENT as u64);
    let before = usage::memory(server.id());
    let mut speaker = Peer::connect(server.address);
    let line = format!("{}\n", "x".repeat(1000)).repeat(50);
    let begin = Instant::now();
    for _ in 0..SAID / line.len() {
        speaker.send(&line);
        (0..50).for_each(|_| assert_eq!(speaker.line().len(), 1000));
    }
    let took = begin.elapsed();
    let peak = usage::peak_memory(server.id());
    eprintln!("memory: {before} KiB before, {peak} at the most; took {took:?}");
    // A backlog of 8 MiB for each peer would be 1.6 GiB.
    assert!(peak - before < 64 * 1024, "{before} KiB before, {peak} at the most");
    assert!(took < PATIENCE, "the speaker took {took:?}");
    drop(silent);
    wait_until("the silent peers are gone", || usage::threads(server.id()) < 10);
}
