//! A peer whose cable is pulled sends no FIN and no RST. It is silent from then on.
//!
//! That needs Linux, root and `ip`. If one of them is missing, the tests say so and pass.
use std::time::{Duration, Instant};

use crate::support::network::{Network, program_in};
use crate::support::process::Process;
use crate::support::server::Server;

/// After how many silent seconds the servers here treat a connection as dead.
const DEAD_LINK: &[&str] = &["--dead-link", "3"];

/// When such a peer must be gone: the time above, and a reserve, because the system probes an idle
/// connection at most once a second.
const GONE_BY: Duration = Duration::from_secs(3 + 2);

/// A client that is in the room, and its port.
fn join(namespace: &str, name: &str, server: &Server) -> (Process, u16) {
    let before = arrivals(server).len();
    let mut command = program_in(namespace);
    command.args(["client", &server.address.to_string(), "--name", name, "--stay"]);
    let client = Process::start(command);
    server.event_log().at_least(before + 1, "a client", |line| line.contains("Has Connected!"));
    (client, arrivals(server)[before])
}

fn arrivals(server: &Server) -> Vec<u16> {
    let port = |line: &String| {
        line.strip_prefix("Client @PORT #")?.split_once(" Has Connected!")?.0.parse().ok()
    };
    server.event_log().lines().iter().filter_map(port).collect()
}

fn assert_pruned(server: &Server, port: u16, pulled: Instant, reasons: &[&str]) {
    let reason = server.reason_of(port);
    assert!(reasons.contains(&reason.as_str()), "{reason}");
    let took = pulled.elapsed();
    assert!(took < GONE_BY, "noticed after {took:?}");
    eprintln!("{DEAD_LINK:?}: noticed after {took:?}");
}

#[test]
fn an_idle_peer_is_pruned() {
    let Some(network) = Network::lay() else { return };
    let server = network.server(DEAD_LINK);
    let (_idle, port) = join(&network.client, "Idle", &server);
    network.pull_cable();
    assert_pruned(&server, port, Instant::now(), &["timed out"]);
}

#[test]
fn a_peer_that_is_being_sent_something_is_pruned_and_nobody_waits_for_it() {
    let Some(network) = Network::lay() else { return };
    let server = network.server(DEAD_LINK);
    let (mut near, near_port) = join(&network.server, "Near", &server);
    let (far, far_port) = join(&network.client, "Far", &server);
    near.type_line("hello");
    far.out.expect("Near: hello");
    network.pull_cable();
    let pulled = Instant::now();
    for number in 0.. {
        let said = Instant::now();
        near.type_line(&format!("{number}"));
        server.event_log().expect(&format!("Near: {number}"));
        near.out.line("what it said", |line| line.ends_with(&format!(": {number}")));
        let took = said.elapsed();
        // Much less than the time after which a link counts as dead.
        assert!(took < Duration::from_millis(1500), "line {number} took {took:?}");
        if server.event_log().count(|line| line.contains("Has Disconnected!")) > 0 {
            break;
        }
        assert!(pulled.elapsed() < GONE_BY, "not noticed by {GONE_BY:?}");
    }
    // The system reports the timeout to one thread only. If this is the thread that reads, the
    // thread that sends may still be the first to remove the record.
    assert_pruned(&server, far_port, pulled, &["timed out", "connection reset"]);
    assert_eq!(arrivals(&server), [near_port, far_port], "a client came back");
    near.type_line("still here");
    server.event_log().expect("Near: still here");
}

/// The client's own limit, which has no flag, and a reserve, because the system probes only from
/// time to time.
const CLIENT_NOTICES_BY: Duration = Duration::from_secs(15 + 8);

#[test]
fn a_client_notices_as_well_and_comes_back() {
    let Some(network) = Network::lay() else { return };
    let server = network.server(DEAD_LINK);
    let (idle, _) = join(&network.client, "Idle", &server);
    let (mut talker, _) = join(&network.client, "Talker", &server);
    network.pull_cable();
    let pulled = Instant::now();
    talker.type_line("hello");
    while [&idle, &talker].iter().any(|client| client.err.count(|l| l.contains(" Lost (")) == 0) {
        assert!(pulled.elapsed() < CLIENT_NOTICES_BY, "not noticed by {CLIENT_NOTICES_BY:?}");
        std::thread::sleep(Duration::from_millis(50));
    }
    eprintln!("noticed after {:?}", pulled.elapsed());
    network.plug_cable();
    talker.out.expect("Talker: hello");
    for client in [&idle, &talker] {
        client.err.at_least(2, "a connection", |line| line.contains(" Successful! "));
    }
}

#[test]
fn a_peer_that_only_keeps_silent_stays() {
    let Some(network) = Network::lay() else { return };
    let server = network.server(DEAD_LINK);
    let (mut silent, _) = join(&network.client, "Silent", &server);
    // The test waits for a fixed time, because it must see that nothing happens.
    std::thread::sleep(GONE_BY);
    assert_eq!(server.event_log().count(|line| line.contains("Has Disconnected!")), 0);
    silent.type_line("I was here all the time");
    server.event_log().expect("Silent: I was here all the time");
}
