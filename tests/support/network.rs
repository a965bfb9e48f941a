//! Two network namespaces and the cable between them, a pair of virtual devices. A test creates and
//! removes them. That needs Linux, root, `ip` and (for a slow cable) `tc`.
#![cfg(target_os = "linux")]

use std::fs::File;
use std::net::SocketAddr;
use std::os::fd::AsFd;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::thread;

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use super::peer::Peer;
use super::process;
use super::server::Server;
use super::skip;

const SERVER: &str = "192.0.2.1";
const CLIENT: &str = "192.0.2.2";

/// Two namespaces and the cable between them.
pub(crate) struct Network {
    pub(crate) server: String,
    pub(crate) client: String,
}

impl Network {
    /// Creates the cable. If that is not possible, it reports this and returns None.
    pub(crate) fn lay() -> Option<Self> {
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

    /// Creates a cable that carries only so many megabits per second to the client. What the server
    /// has sent waits at the server's end, and no packet is lost.
    pub(crate) fn lay_slow(megabits: u32) -> Option<Self> {
        let network = Self::lay()?;
        let rate = format!("tbf rate {megabits}mbit burst 16kb limit 4mb");
        let command = format!("netns exec {} tc qdisc add dev cable root {rate}", network.server);
        if let Err(why) = ip(&command) {
            skip(&format!("there are no slow cables to be had here: {why}"));
            return None;
        }
        Some(network)
    }

    /// A server at one end of the cable.
    pub(crate) fn server(&self, flags: &[&str]) -> Server {
        let address = SocketAddr::new(SERVER.parse().unwrap(), 0);
        Server::run(program_in(&self.server), address, flags)
    }

    /// A peer of this server: at the other end of the cable, or at the same one.
    pub(crate) fn peer(namespace: &str, server: &Server) -> Peer {
        let connect = || {
            let place = File::open(format!("/run/netns/{namespace}")).expect("the namespace");
            let network = Some(LinkNameSpaceType::Network);
            // Only this thread moves, and the socket that it makes stays there.
            move_into_link_name_space(place.as_fd(), network).expect("a thread can move");
            Peer::connect(server.address)
        };
        thread::scope(|scope| scope.spawn(connect).join().expect("a peer"))
    }

    pub(crate) fn pull_cable(&self) {
        plug(&format!("-n {} link set cable down", self.client));
    }

    pub(crate) fn plug_cable(&self) {
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
pub(crate) fn program_in(namespace: &str) -> Command {
    let mut command = Command::new("ip");
    command.args(["netns", "exec", namespace, env!("CARGO_BIN_EXE_tcp-chat")]);
    process::clean(command)
}
