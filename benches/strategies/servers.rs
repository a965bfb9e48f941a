//! The servers to compare: how each of them is called, how it is started, and which protocol it
//! speaks.

use std::io;
use std::process::Command;
use std::sync::atomic::AtomicBool;

use clap::ValueEnum;

use crate::connect::Address;
use crate::load::{Load, Outcome};
use crate::process::{self, Server};
use crate::protocols::lines::Lines;
use crate::protocols::mqtt::Mqtt;
use crate::protocols::nats::Nats;
use crate::protocols::redis::Redis;
use crate::protocols::websocket::WebSocket;
use crate::protocols::zmtp::Zmtp;

/// The protocol that a server speaks.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Wire {
    /// This chat, and the servers in `examples/`
    Lines,
    Redis,
    Nats,
    /// ZeroMQ has two addresses, so it can only be compared.
    #[value(skip)]
    Zmtp,
    Websocket,
    Mqtt,
}

impl Wire {
    /// Runs a load against a server that speaks this protocol.
    pub(crate) fn run(
        self,
        load: &Load,
        address: Address,
        pid: Option<u32>,
        stop: &AtomicBool,
    ) -> io::Result<Outcome> {
        match self {
            Self::Lines => load.run::<Lines>(address, pid, stop),
            Self::Redis => load.run::<Redis>(address, pid, stop),
            Self::Nats => load.run::<Nats>(address, pid, stop),
            Self::Zmtp => load.run::<Zmtp>(address, pid, stop),
            Self::Websocket => load.run::<WebSocket>(address, pid, stop),
            Self::Mqtt => load.run::<Mqtt>(address, pid, stop),
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Strategy {
    TcpChat,
    AllCores,
    OneLock,
    WriteUnderLock,
    CopyTheList,
    OutboxThreads,
    Combining,
    EventLoop,
    Redis,
    Nats,
    ZeroMq,
    Bun,
    Mosquitto,
    WritesOnly,
}

impl Strategy {
    pub(crate) const ALL: [Self; 14] = [
        Self::TcpChat,
        Self::AllCores,
        Self::OneLock,
        Self::WriteUnderLock,
        Self::CopyTheList,
        Self::OutboxThreads,
        Self::Combining,
        Self::EventLoop,
        Self::Redis,
        Self::Nats,
        Self::ZeroMq,
        Self::Bun,
        Self::Mosquitto,
        Self::WritesOnly,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::TcpChat => "tcp-chat",
            Self::AllCores => "tcp-chat, all cores",
            Self::OneLock => "one lock",
            Self::WriteUnderLock => "write under the lock",
            Self::CopyTheList => "copy the list",
            Self::OutboxThreads => "outbox and writer thread",
            Self::Combining => "combining",
            Self::EventLoop => "event loop",
            Self::Redis => "Redis PUB/SUB",
            Self::Nats => "NATS",
            Self::ZeroMq => "ZeroMQ proxy",
            Self::Bun => "Bun WebSocket",
            Self::Mosquitto => "Mosquitto",
            Self::WritesOnly => "writes only",
        }
    }

    pub(crate) fn wire(self) -> Wire {
        match self {
            Self::Redis => Wire::Redis,
            Self::Nats => Wire::Nats,
            Self::ZeroMq => Wire::Zmtp,
            Self::Bun => Wire::Websocket,
            Self::Mosquitto => Wire::Mqtt,
            _ => Wire::Lines,
        }
    }

    /// Whether its clients hear what they say. The load generator needs that for its closed loop.
    pub(crate) fn answers(self) -> bool {
        self != Self::WritesOnly
    }

    pub(crate) fn is_installed(self) -> bool {
        let runs = |program: &str, arguments: &[&str]| {
            Command::new(program).args(arguments).output().is_ok()
        };
        match self {
            Self::Redis => runs("redis-server", &["--version"]),
            Self::Nats => runs("nats-server", &["--version"]),
            Self::ZeroMq => Command::new("python3")
                .args(["-c", "import zmq"])
                .output()
                .is_ok_and(|output| output.status.success()),
            Self::Bun => runs("bun", &["--version"]),
            Self::Mosquitto => runs("mosquitto", &["-h"]),
            _ => true,
        }
    }

    /// Starts the server and waits until it accepts connections.
    pub(crate) fn start(self) -> io::Result<Server> {
        let example = |name: &str| {
            let path = process::release_dir()?.join("examples").join(name);
            process::start_announcing(Command::new(path).arg("127.0.0.1:0"))
        };
        let chat = |cores| {
            let mut chat = Command::new(CHAT);
            chat.args(["server", "127.0.0.1:0", "--quiet", "--cores", cores]);
            process::start_announcing(&mut chat)
        };
        match self {
            Self::TcpChat => chat("one"),
            Self::AllCores => chat("all"),
            Self::OneLock => example("1_one_lock"),
            Self::WriteUnderLock => example("2_write_under_lock"),
            Self::CopyTheList => example("3_copy_the_list"),
            Self::OutboxThreads => example("5_outbox_threads"),
            Self::Combining => example("6_combining"),
            Self::EventLoop => example("7_event_loop"),
            // No limit on the buffers of slow subscribers: Redis must drop no client.
            Self::Redis => process::start_on_a_free_port(|port| {
                let mut redis = Command::new("redis-server");
                redis
                    .args(["--bind", "127.0.0.1", "--port", port, "--save", "", "--appendonly"])
                    .args(["no", "--maxclients", "15000", "--tcp-backlog", "4096"])
                    .args(["--client-output-buffer-limit", "pubsub 0 0 0"]);
                Ok(redis)
            }),
            Self::Nats => process::start_on_a_free_port(|port| {
                let mut nats = Command::new("nats-server");
                nats.args(["--addr", "127.0.0.1", "--port", port]);
                Ok(nats)
            }),
            Self::ZeroMq => {
                process::start_announcing(Command::new("python3").arg(process::rival("zeromq.py")))
            }
            Self::Bun => {
                process::start_announcing(Command::new("bun").arg(process::rival("websocket.js")))
            }
            Self::Mosquitto => process::start_on_a_free_port(|port| {
                let text = format!(
                    "listener {port} 127.0.0.1\nallow_anonymous true\nset_tcp_nodelay true\n\
                     max_queued_messages 0\nuser root\n"
                );
                let mut mosquitto = Command::new("mosquitto");
                mosquitto.arg("-c").arg(process::configuration("mosquitto", &text)?);
                Ok(mosquitto)
            }),
            Self::WritesOnly => process::start_announcing(
                Command::new(std::env::current_exe()?).arg("--serve-writes-only"),
            ),
        }
    }
}

const CHAT: &str = env!("CARGO_BIN_EXE_tcp-chat");
