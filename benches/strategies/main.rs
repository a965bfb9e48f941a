//! How fast is the room, compared with other designs? `cargo bench` starts `tcp-chat`, the servers
//! in `examples/`, and those of Redis, NATS, ZeroMQ, Bun and Mosquitto that are installed. Each is a
//! separate process. All get the same load: every client talks with a few messages in flight, and
//! every client receives all messages. With `-- --addr` it drives one server that is already
//! running.
//!
//! Reading order: `message` and `protocols` (what travels), `client` (sends, receives and checks),
//! `connect`, `load` (runs many clients on one thread), `process` and `servers`, `compare` (the
//! rounds), `machine` (what it is measured on), then the output: `report`.
#![allow(clippy::doc_markdown, reason = "ZeroMQ is a name, and not code")]
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a report is what this is for")]

mod message;
mod protocols;

mod client;
mod connect;
mod cpu;
mod load;
mod machine;

mod process;
mod servers;
mod writes_only;

mod compare;
mod report;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;
use std::{fs, io};

use clap::Parser;
use rustix::process::{Resource, getrlimit, setrlimit};

use compare::{Plan, Size};
use load::Load;
use servers::{Strategy, Wire};

/// Compares the room with other designs
#[derive(Parser)]
#[command(bin_name = "cargo bench --bench strategies --", version)]
struct Args {
    /// One round of short windows, with at most 100 clients: the whole run takes about a minute
    #[arg(long)]
    quick: bool,
    /// How many rounds the medians are taken from [default: 5]
    #[arg(long)]
    rounds: Option<usize>,
    /// Compare only servers whose name contains this; may be repeated
    #[arg(long, value_name = "PART OF NAME")]
    only: Vec<String>,
    /// Print the tables in GitHub's format
    #[arg(long)]
    markdown: bool,
    /// Write the outcome of every single run to this file
    #[arg(long, value_name = "FILE")]
    csv: Option<PathBuf>,

    /// Numbers of clients [default: 2,5,10,30,100,1000, 100 with 5 that never read, 30 with 1 KiB]
    #[arg(long, value_delimiter = ',')]
    clients: Vec<usize>,
    /// With --clients: how many more peers join and never read
    #[arg(long, default_value_t = 0)]
    silent: usize,
    /// With --clients: the length of each message with its newline, from 64 to 1024
    #[arg(long, default_value_t = message::LENGTH, value_parser = length)]
    bytes: usize,
    /// How many messages each client keeps in flight
    #[arg(long, default_value_t = 4)]
    in_flight: usize,
    /// Write each message by itself, not all answers to one read together
    #[arg(long)]
    one_by_one: bool,
    /// Keep the machine busy with this many loops
    #[arg(long, value_name = "LOOPS", default_value_t = 0)]
    busy: usize,
    /// Length of the measured window, five times that with 500 clients or more [default: 1, with --quick 0.3]
    #[arg(long, value_parser = seconds)]
    seconds: Option<Duration>,
    /// Shortest warm-up before the window [default: 0.4, with --quick 0.1]
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    warm_up: Option<Duration>,

    /// Do not compare; drive the server at this address
    #[arg(long)]
    addr: Option<SocketAddr>,
    /// The protocol of that server
    #[arg(long, value_name = "PROTOCOL", default_value = "lines")]
    protocol: Wire,
    /// Process id of that server, to measure its CPU time
    #[arg(long)]
    pid: Option<u32>,

    /// This program starts itself with this flag
    #[arg(long, hide = true)]
    serve_writes_only: bool,
    /// Cargo adds this flag
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() -> ExitCode {
    match run(&Args::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            eprintln!("strategies: {e}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: &Args) -> io::Result<()> {
    raise_descriptor_limit()?;
    if args.serve_writes_only {
        match writes_only::serve()? {}
    }
    // A flag, and no immediate exit, because the servers must be ended first.
    let stop = Arc::new(AtomicBool::new(false));
    let asked = Arc::clone(&stop);
    ctrlc::set_handler(move || asked.store(true, Relaxed)).map_err(io::Error::other)?;
    if let Some(addr) = args.addr {
        return drive(args, addr, &stop);
    }
    process::build_examples()?;
    println!("{}\n", machine::costs()?);
    let results = args.plan()?.carry_out(&stop)?;
    print!("{}", report::tables(&results, args.markdown));
    if let Some(path) = &args.csv {
        fs::write(path, report::csv(&results))?;
    }
    Ok(())
}

/// Drives a server that is already running.
fn drive(args: &Args, addr: SocketAddr, stop: &AtomicBool) -> io::Result<()> {
    println!("{}\n\n{}", machine::costs()?, report::headline());
    for size in args.sizes() {
        let load = Load {
            clients: size.clients,
            bytes: size.bytes,
            in_flight: args.in_flight,
            one_by_one: args.one_by_one,
            silent: size.silent,
            warm_up: args.warm_up(),
            window: args.window(),
        };
        let outcome = args.protocol.run(&load, addr.into(), args.pid, stop)?;
        println!("{}", report::line(&size.label(), &outcome));
    }
    Ok(())
}

impl Args {
    fn plan(&self) -> io::Result<Plan> {
        let wanted = |strategy: &Strategy| {
            self.only.is_empty() || self.only.iter().any(|part| strategy.name().contains(part))
        };
        let strategies: Vec<_> =
            Strategy::ALL.into_iter().filter(wanted).filter(|one| one.is_installed()).collect();
        if strategies.is_empty() {
            return Err(io::Error::other("no strategy has such a name"));
        }
        Ok(Plan {
            strategies,
            sizes: self.sizes(),
            rounds: self.rounds.unwrap_or(if self.quick { 1 } else { 5 }),
            in_flight: self.in_flight,
            one_by_one: self.one_by_one,
            busy_loops: self.busy,
            warm_up: self.warm_up(),
            window: self.window(),
        })
    }

    fn sizes(&self) -> Vec<Size> {
        if self.clients.is_empty() {
            let slow = |size: &Size| size.clients > 100 || size.silent > 0;
            return compare::SIZES.into_iter().filter(|size| !(self.quick && slow(size))).collect();
        }
        let size = |&clients| Size { clients, silent: self.silent, bytes: self.bytes };
        self.clients.iter().map(size).collect()
    }

    fn warm_up(&self) -> Duration {
        self.warm_up.unwrap_or(Duration::from_millis(if self.quick { 100 } else { 400 }))
    }

    fn window(&self) -> Duration {
        self.seconds.unwrap_or(Duration::from_millis(if self.quick { 300 } else { 1000 }))
    }
}

fn length(text: &str) -> Result<usize, String> {
    let length = text.parse().map_err(|e| format!("{e}"))?;
    let all = message::LENGTHS;
    all.contains(&length).then_some(length).ok_or(format!("{} to {}", all.start(), all.end()))
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds = text.parse().map_err(|e| format!("{e}"))?;
    Duration::try_from_secs_f64(seconds).map_err(|e| e.to_string())
}

/// Thousands of connections need more descriptors than most systems allow at first. The servers
/// inherit this higher limit.
fn raise_descriptor_limit() -> io::Result<()> {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    Ok(setrlimit(Resource::Nofile, limit)?)
}
