//! Where the server's threads run: by default the clients' threads share one core, and nothing else
//! changes.

use std::collections::BTreeMap;
use std::fs;
use std::process::Command;

use crate::support::peer::Peer;
use crate::support::server::{ANY_PORT, Server};
use crate::support::{has, network, process, wait_until};

/// The numbers of Linux's scheduling policies.
const BATCH: u32 = 3;
const IDLE: u32 = 5;

/// What the system does with a thread.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Place {
    /// On which cores it may run, such as `0-3`.
    cores: String,
    policy: u32,
    nice: i32,
}

/// How this test itself runs, and so its servers.
fn our_place() -> Place {
    place("/proc/thread-self").expect("this thread runs").1
}

/// The name and the place of a thread. None if it has just ended.
fn place(task: &str) -> Option<(String, Place)> {
    let status = fs::read_to_string(format!("{task}/status")).ok()?;
    let line = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name)).expect("such a line");
        line.trim().to_owned()
    };
    let stat = fs::read_to_string(format!("{task}/stat")).ok()?;
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let number = |field: usize| fields[field - 3].parse::<i32>().expect("a number");
    let policy = u32::try_from(number(41)).expect("a policy");
    Some((line("Name:"), Place { cores: line("Cpus_allowed_list:"), policy, nice: number(19) }))
}

/// All threads of a server, by the first word of their names.
fn threads(server: &Server) -> BTreeMap<String, Vec<Place>> {
    let mut places: BTreeMap<String, Vec<Place>> = BTreeMap::new();
    let tasks = fs::read_dir(format!("/proc/{}/task", server.id())).expect("the server runs");
    for task in tasks {
        let path = task.expect("an entry").path();
        let Some((name, place)) = place(&path.to_string_lossy()) else { continue };
        let first = name.split(' ').next().expect("a name").to_owned();
        places.entry(first).or_default().push(place);
    }
    places
}

/// A peer that says so much, and reads nothing of it, that it falls behind.
fn fall_behind(server: &Server) -> Peer {
    let mut silent = server.join();
    wait_until("a catch-up thread has started", || {
        silent.try_send(format!("{}\n", "z".repeat(1000)).repeat(200)).ok();
        threads(server).contains_key("catch-up")
    });
    silent
}

#[test]
fn the_clients_threads_share_a_core_and_the_others_stay_free() {
    let ours = our_place();
    let server = Server::start(&["--stall-timeout", "600"]);
    let _peers = [server.join(), server.join(), fall_behind(&server)];
    let threads = threads(&server);
    let clients = &threads["client"];
    assert_eq!(clients.len(), 3);
    let Place { cores, policy, nice } = &clients[0];
    assert!(cores.parse::<u32>().is_ok(), "one core, and not {cores}");
    assert_eq!((*policy, *nice), (BATCH, ours.nice));
    assert!(clients.iter().chain(&threads["handshakes"]).all(|place| *place == clients[0]));
    for (name, places) in
        threads.iter().filter(|(name, _)| !matches!(&***name, "client" | "handshakes"))
    {
        assert!(places.iter().all(|place| *place == ours), "{name}: {places:?}");
    }
}

#[test]
fn with_cores_all_the_system_decides() {
    let server = Server::start(&["--cores", "all"]);
    let _peer = server.join();
    let ours = our_place();
    for (name, places) in threads(&server) {
        assert!(places.iter().all(|place| *place == ours), "{name}: {places:?}");
    }
}

#[test]
fn a_nice_value_stays() {
    let server = Server::after("renice -n 19 -p $$ >/dev/null", &[]);
    let _peer = server.join();
    let threads = threads(&server);
    assert!(threads.values().flatten().all(|place| place.nice == 19), "{threads:?}");
    assert_eq!(threads["client"][0].policy, BATCH);
    // A negative one stays as well, where this user may set one.
    let server = Server::after("renice -n -5 -p $$ >/dev/null 2>&1 || true", &[]);
    let _peer = server.join();
    let threads = self::threads(&server);
    let main = &threads["tcp-chat"][0];
    assert!(threads.values().flatten().all(|place| place.nice == main.nice), "{threads:?}");
}

/// The system may refuse each of them, in a container for example.
#[test]
#[cfg(target_arch = "x86_64")]
fn a_refusal_is_no_error() {
    const SET_AFFINITY: u32 = 203;
    const SET_SCHEDULER: u32 = 144;
    if !has("python3") {
        return;
    }
    let ours = our_place();
    let wrapper = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/refuse.py");
    for (refused, told) in
        [(SET_AFFINITY, "cannot stay on one core"), (SET_SCHEDULER, "cannot have SCHED_BATCH")]
    {
        let script = format!("RUST_LOG=debug exec python3 '{wrapper}' {refused} \"$0\" \"$@\"");
        let server = Server::after(&script, &[]);
        let mut peer = server.join();
        peer.say("hello");
        peer.expect("hello");
        server.process.err.line(told, |line| line.contains(told));
        let Place { cores, policy, nice } = threads(&server)["client"][0].clone();
        assert_eq!((policy, nice), (ours.policy, ours.nice), "{told}");
        // Without the core, the policy would not help, so the server does not ask for it.
        let one_core = cores.parse::<u32>().is_ok();
        assert!(cores == ours.cores || (one_core && refused == SET_SCHEDULER), "{told}: {cores}");
    }
}

#[test]
fn a_policy_and_a_core_that_somebody_chose_stay() {
    if !has("chrt") || !has("taskset") {
        return;
    }
    let cores = our_place().cores;
    let first = cores.split(['-', ',']).next().expect("a core");
    let server =
        Server::after(&format!("chrt -i -p 0 $$ && taskset -cp {first} $$ >/dev/null"), &[]);
    let _peer = server.join();
    for (name, places) in threads(&server) {
        let all = places.iter().all(|place| place.policy == IDLE && place.cores == first);
        assert!(all, "{name}: {places:?}");
    }
}

/// In a network namespace of their own, where no other server has a claim.
#[test]
fn servers_of_one_machine_spread_over_the_cores() {
    let Some(network) = network::Network::lay() else { return };
    let start = || {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &network.server, env!("CARGO_BIN_EXE_tcp-chat")]);
        let server = Server::run(process::clean(command), ANY_PORT, &[]);
        wait_until("it has settled", || {
            threads(&server).get("handshakes").is_some_and(|place| place[0].policy == BATCH)
        });
        server
    };
    let cores = std::thread::available_parallelism().expect("a number").get().min(8);
    let servers: Vec<Server> = (0..2 * cores).map(|_| start()).collect();
    let mut sharers: BTreeMap<String, usize> = BTreeMap::new();
    for server in &servers {
        *sharers.entry(threads(server)["handshakes"][0].cores.clone()).or_default() += 1;
    }
    assert!(sharers.values().all(|&sharers| sharers == 2), "{sharers:?}");
}
