//! How fast is the room, compared with the other ways to build it?
#![allow(clippy::print_stdout, reason = "a report is what a benchmark is for")]

mod ceiling;
mod client;
mod cpu;
mod histogram;
mod load;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use clap::Parser;
use rustix::process::{Resource, getrlimit, setrlimit};
use signal_hook::consts::{SIGINT, SIGTERM};

use client::Protocol;
use load::{Load, Outcome};

#[derive(Parser)]
struct Args {
    /// Drive a chat server that is already running
    #[arg(long)]
    addr: Option<SocketAddr>,
    /// Drive a Redis server that is already running
    #[arg(long)]
    redis: Option<SocketAddr>,
    /// Process id of that server, to report its CPU time
    #[arg(long)]
    pid: Option<u32>,
    /// Numbers of clients, one run each
    #[arg(long, value_delimiter = ',', default_value = "2,10,30,100,1000")]
    clients: Vec<usize>,
    /// Messages each client keeps on their way
    #[arg(long, default_value_t = 4)]
    in_flight: usize,
    /// Peers that join and never read, on top of the clients
    #[arg(long, default_value_t = 0)]
    stalled: usize,
    /// Length of the measured window
    #[arg(long, default_value_t = 2.0)]
    seconds: f64,
    /// Length of the warm-up before it
    #[arg(long, default_value_t = 0.5)]
    warm_up: f64,
    /// Be the server that shows the ceiling
    #[arg(long, hide = true)]
    serve_ceiling: bool,
    /// Passed by cargo
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() -> io::Result<()> {
    let args = Args::parse();
    raise_descriptor_limit()?;
    if args.serve_ceiling {
        match ceiling::serve()? {}
    }
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        signal_hook::flag::register(signal, Arc::clone(&stop))?;
    }
    let targets = [(args.addr, Protocol::Lines), (args.redis, Protocol::Redis)];
    println!(
        "{:>7} {:>12} {:>10} {:>10} {:>12} {:>10}",
        "clients", "deliveries/s", "p50 µs", "p99 µs", "CPU s/M", "generator"
    );
    for &clients in &args.clients {
        for (addr, protocol) in targets {
            let Some(addr) = addr else { continue };
            let load = Load {
                protocol,
                clients,
                in_flight: args.in_flight,
                stalled: args.stalled,
                warm_up: Duration::from_secs_f64(args.warm_up),
                window: Duration::from_secs_f64(args.seconds),
            };
            print(clients, &load.run(addr, args.pid, &stop)?);
        }
    }
    Ok(())
}

#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
fn print(clients: usize, outcome: &Outcome) {
    let seconds = outcome.window.as_secs_f64();
    let micros =
        |t: Option<Duration>| t.map_or("-".into(), |t| format!("{:.0}", t.as_secs_f64() * 1e6));
    println!(
        "{clients:>7} {:>12.0} {:>10} {:>10} {:>12} {:>9.0}%  dropped {} out of order {} notices {}",
        outcome.deliveries as f64 / seconds,
        micros(outcome.p50),
        micros(outcome.p99),
        outcome.server_cpu.map_or("-".into(), |cpu| format!(
            "{:.3}",
            cpu.as_secs_f64() * 1e6 / outcome.deliveries as f64
        )),
        outcome.own_cpu.map_or(0.0, |cpu| cpu.as_secs_f64() / seconds * 100.0),
        outcome.dropped,
        outcome.out_of_order,
        outcome.notices,
    );
}

/// Two thousand connections and more need more descriptors than most systems grant at first.
fn raise_descriptor_limit() -> io::Result<()> {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    Ok(setrlimit(Resource::Nofile, limit)?)
}
