//! A peer whose cable is pulled sends no FIN and no RST. It is silent from then on.
//!
//! The cable is a pair of virtual devices between two network namespaces, which the tests create
//! and remove. That needs Linux, root and `ip`. If one of them is missing, the tests say so and
//! pass.
use std::net::SocketAddr;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::time::{Duration, Instant};

use crate::support::process::{self, Process};
use crate::support::server::Server;
use crate::support::skip;

/// After how many silent seconds the servers here treat a connection as dead.
const DEAD_LINK: &str = "3";

/// When such a peer must be gone: the time above, and a reserve, because the system probes an idle
/// connection at most once a second.
const GONE_BY: Duration = Duration::from_secs(3 + 2);

const SERVER: &str = "192.0.2.1";
const CLIENT: &str = "192.0.2.2";

/// Two namespaces and the cable between them.
struct Network {
    server: String,
    client: String,
}

impl Network {
    /// Creates the cable. If that is not possible, it reports this and returns None.
    fn lay() -> Option<Self> {
        static LAID: AtomicU32 = AtomicU32::new(0);
        let id = format!("tcpchat-{}-{}", std::process::id(), LAID.fetch_add(1, Relaxed));
        let network = Self { server: format!("{id}-s"), client: format!("{id}-c") };
        let Self { server, client } = &network;
        let laid = ip(&format!("netns add {server}"))
            .and_then(|()| ip(&format!("netns add {client}")))
            // Inside a namespace the name cannot clash with another name, so it need not be unique.
            .and_then(|()| {
                ip(&format!("-n {server} link add cable type veth peer cable netns {client}"))
            });
        if let Err(why) = laid {
            skip(&format!("there are no network namespaces to be had here: {why}"));
            return None;
        }
        for (end, address) in [(server, SERVER), (client, CLIENT)] {
            plug(&format!("-n {end} address add {address}/24 dev cable"));
            plug(&format!("-n {end} link set cable up"));
            plug(&format!("-n {end} link set lo up"));
        }
        Some(network)
    }

    fn server(&self) -> Server {
        let address = SocketAddr::new(SERVER.parse().unwrap(), 0);
        Server::run(program_in(&self.server), address, &["--dead-link", DEAD_LINK])
    }

    fn pull_cable(&self) {
        plug(&format!("-n {} link set cable down", self.client));
    }

    fn plug_cable(&self) {
        plug(&format!("-n {} link set cable up", self.client));
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        // The cable disappears with the namespace in which it ends.
        for namespace in [&self.server, &self.client] {
            let _ = ip(&format!("netns delete {namespace}"));
        }
    }
}

fn ip(arguments: &str) -> Result<(), String> {
    let done = Command::new("ip").args(arguments.split(' ')).output();
    let done = done.map_err(|error| format!("cannot run ip: {error}"))?;
    let said = String::from_utf8_lossy(&done.stderr).trim().to_owned();
    if done.status.success() { Ok(()) } else { Err(format!("ip {arguments}: {said}")) }
}

/// Runs `ip`, which must succeed once there are namespaces.
fn plug(arguments: &str) {
    ip(arguments).expect("an address, a device up or down");
}

/// Runs the program in a namespace.
fn program_in(namespace: &str) -> Command {
    let mut command = Command::new("ip");
    command.args(["netns", "exec", namespace, env!("CARGO_BIN_EXE_tcp-chat")]);
    process::clean(command)
}

/// A client that is in the room, and its port.
fn join(namespace: &str, name: &str, server: &Server) -> (Process, u16) {
    let before = arrivals(server).len();
    let mut command = program_in(namespace);
    command.args(["client", &server.address.to_string(), "--name", name, "--stay"]);
    let client = Process::start(command);
    server.event_log().at_least(before + 1, "a client", |line| line.ends_with("Has Connected!"));
    (client, arrivals(server)[before])
}

fn arrivals(server: &Server) -> Vec<u16> {
    let port = |line: &String| {
        line.strip_prefix("Client @PORT #")?.strip_suffix(" Has Connected!")?.parse().ok()
    };
    server.event_log().lines().iter().filter_map(port).collect()
}

fn assert_pruned(server: &Server, port: u16, pulled: Instant, reasons: &[&str]) {
    let reason = server.reason_of(port);
    assert!(reasons.contains(&reason.as_str()), "{reason}");
    let took = pulled.elapsed();
    assert!(took < GONE_BY, "noticed after {took:?}");
    eprintln!("--dead-link {DEAD_LINK}: noticed after {took:?}");
}

#[test]
fn an_idle_peer_is_pruned() {
    let Some(network) = Network::lay() else { return };
    let server = network.server();
    let (_idle, port) = join(&network.client, "Idle", &server);
    network.pull_cable();
    assert_pruned(&server, port, Instant::now(), &["timed out"]);
}

#[test]
fn a_peer_that_is_being_sent_something_is_pruned_and_nobody_waits_for_it() {
    let Some(network) = Network::lay() else { return };
    let server = network.server();
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
        assert!(took < Duration::from_millis(500), "line {number} took {took:?}");
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
    let server = network.server();
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
    let server = network.server();
    let (mut silent, _) = join(&network.client, "Silent", &server);
    // The test waits for a fixed time, because it must see that nothing happens.
    std::thread::sleep(GONE_BY);
    assert_eq!(server.event_log().count(|line| line.contains("Has Disconnected!")), 0);
    silent.type_line("I was here all the time");
    server.event_log().expect("Silent: I was here all the time");
}
