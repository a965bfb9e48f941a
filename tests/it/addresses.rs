//! Names of hosts, scopes of addresses, and names of time zones: what the system resolves.

use std::collections::BTreeSet;
use std::fs;
use std::net::{SocketAddr, TcpListener, ToSocketAddrs};
use std::path::Path;
use std::process::Command;
use std::time::SystemTime;

use crate::support::peer::Peer;
use crate::support::process::{self, Process};
use crate::support::server::Server;
use crate::support::skip;

/// The program after a script that changes the system for it alone. Empty if that is not possible.
fn alone(script: &str) -> Option<Command> {
    let mut command = process::clean(Command::new("unshare"));
    command.args(["--mount", "--net", "sh", "-c"]);
    let able = Command::new("unshare").args(["--mount", "--net", "ip", "address"]).output();
    if !able.is_ok_and(|output| output.status.success()) {
        skip("it takes unshare, ip, and root, to change the system for one process");
        return None;
    }
    command.arg(format!("{script} && exec \"$0\" \"$@\"")).arg(env!("CARGO_BIN_EXE_tcp-chat"));
    Some(command)
}

/// The addresses on which the server says that it listens. There are so many of them.
fn listening(server: &Process, many: usize) -> Vec<SocketAddr> {
    server.err.at_least(many, "an address", |line| line.starts_with("listening on "));
    server.out.line("the first event", |line| line.ends_with(" Online..."));
    let said = server.err.lines();
    let said = said.iter().filter_map(|line| line.strip_prefix("listening on ")?.split(';').next());
    said.map(|address| address.parse().expect("an address")).collect()
}

#[test]
fn a_host_is_listened_on_at_every_address_it_has() {
    let mut command = process::program();
    command.args(["server", "localhost:0"]);
    let server = Process::start(command);
    let found: BTreeSet<_> = ("localhost", 0).to_socket_addrs().expect("it is known").collect();
    let many = found.iter().filter(|address| TcpListener::bind(address).is_ok()).count();
    let addresses = listening(&server, many);
    assert_eq!(addresses.len(), many);
    let mut peers: Vec<_> = addresses.iter().map(|&address| Peer::connect(address)).collect();
    server.out.at_least(peers.len(), "a client", |line| line.contains("Has Connected!"));
    peers[0].say("hello");
    for peer in &mut peers {
        peer.expect("hello");
    }
    // The same port is free at no address of the host.
    let port = addresses[0].port();
    assert!(addresses.iter().all(|address| address.port() == port), "{addresses:?}");
    let again = format!("localhost:{port}");
    let mut command = process::program();
    command.args(["server", &again]);
    let mut second = Process::start(command);
    second.exits(1);
    assert!(second.err.lines().join("").contains("in use"), "{:?}", second.err.lines());
}

#[test]
fn addresses_that_the_machine_lacks_are_left_out() {
    let hosts = std::env::temp_dir().join(format!("tcp-chat-many-{}", std::process::id()));
    let all = ["127.0.0.1 many", "::1 many", "127.0.0.2 many", "192.0.2.7 many", "192.0.2.7 none"];
    fs::write(&hosts, all.join("\n") + "\n").expect("a file");
    let script = format!("ip link set lo up && mount --bind '{}' /etc/hosts", hosts.display());
    let Some(mut command) = alone(&script) else { return };
    command.args(["server", "many:0"]);
    let server = Process::start(command);
    // A machine may have no IPv6.
    let has_ipv6 = TcpListener::bind("[::1]:0").is_ok();
    let addresses = listening(&server, 2 + usize::from(has_ipv6));
    let port = addresses[0].port();
    let mut found: Vec<_> = addresses.iter().map(ToString::to_string).collect();
    found.sort();
    found.retain(|address| *address != format!("[::1]:{port}"));
    assert_eq!(found, [format!("127.0.0.1:{port}"), format!("127.0.0.2:{port}")]);
    let mut command = alone(&script).expect("it was possible before");
    command.args(["server", "none:0"]);
    let mut without = Process::start(command);
    without.exits(1);
    let said = without.err.lines().join("");
    assert!(said.ends_with("; this machine does not have that address"), "{said}");
    fs::remove_file(&hosts).expect("it is ours");
}

#[test]
fn an_address_that_a_host_has_twice_is_listened_on_once() {
    let hosts = std::env::temp_dir().join(format!("tcp-chat-twice-{}", std::process::id()));
    fs::write(&hosts, "10.9.0.1 twice\n10.9.1.1 twice\n10.9.0.1 twice\n").expect("a file");
    let script = format!(
        "ip link set lo up && ip address add 10.9.0.1/24 dev lo && ip address add 10.9.1.1/24 dev lo \
         && mount --bind '{}' /etc/hosts",
        hosts.display()
    );
    let Some(mut command) = alone(&script) else { return };
    command.args(["server", "twice:40123"]);
    let server = Process::start(command);
    let mut found: Vec<_> = listening(&server, 2).iter().map(ToString::to_string).collect();
    found.sort();
    assert_eq!(found, ["10.9.0.1:40123", "10.9.1.1:40123"]);
    fs::remove_file(&hosts).expect("it is ours");
}

#[test]
fn an_address_may_name_its_scope() {
    let script = "ip link set lo up && ip address add fe80::1/64 dev lo nodad";
    let Some(mut command) = alone(script) else { return };
    command.args(["server", "[fe80::1%lo]:0"]);
    let mut server = Process::start(command);
    let addresses = listening(&server, 1);
    let address = format!("[fe80::1%lo]:{}", addresses[0].port());
    let mut command = process::clean(Command::new("nsenter"));
    command.args(["--net", "--target", &server.id().to_string()]);
    command.args([env!("CARGO_BIN_EXE_tcp-chat"), "client", &address, "--name", "Ann"]);
    let mut ann = Process::start(command);
    ann.pipe("hello\n".to_owned());
    ann.exits(0);
    server.out.expect("Ann: hello");
    server.signal(process::Signal::TERM);
    server.exits(0);
}

#[test]
fn a_time_zone_that_the_environment_names_is_followed() {
    if !Path::new("/usr/share/zoneinfo/Asia/Tokyo").exists() {
        return skip("there are no time zones here");
    }
    let server = Server::start(&[]);
    let hour = || {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("a clock");
        (since.as_secs() / 3600 + 9) % 24
    };
    let mut command = process::program();
    command.args(["client", &server.address.to_string(), "--name", "Ann", "--timestamps"]);
    command.env("TZ", "Asia/Tokyo");
    let before = hour();
    let mut ann = Process::start(command);
    ann.pipe("hello\n".to_owned());
    ann.exits(0);
    let line = ann.out.line("the line", |line| line.ends_with(" Ann: hello"));
    let shown: u64 = line[..2].parse().expect("an hour");
    assert!([before, hour()].contains(&shown), "{line}");
}
