//! The program: starts the logger, runs the requested command, and returns the exit status.

mod app;

use std::env;
use std::io;
use std::process::ExitCode;
use std::thread;

use anyhow::{Error, Result};
use log::{Log, Metadata, Record};
use tcp_chat::client::Failure;

use app::args::Cli;
use app::{demo, describe, serve, signals, stderr, talk, timeline, usage};

fn main() -> ExitCode {
    signals::keep_ignoring();
    start_logger();
    let done = match usage::arguments(None) {
        Ok(command) => run(command).map(|()| ExitCode::SUCCESS),
        Err(error) => usage::explain(&error),
    };
    let status = done.unwrap_or_else(|error| {
        complain(&error);
        ExitCode::FAILURE
    });
    stderr::flush();
    status
}

fn run(command: Cli) -> Result<()> {
    match command {
        Cli::Server(args) => serve::serve(&args),
        Cli::Client(args) => talk::talk(args),
        Cli::Demo(args) => demo::run(&args),
        Cli::Completions { shell } => describe::completions(shell),
        Cli::Man { command } => describe::man(command.as_deref()),
    }
}

fn complain(error: &Error) {
    if matches!(error.downcast_ref(), Some(Failure::Unwanted)) {
        return;
    }
    // Of all system calls, only those that start a thread fail like this here.
    let no_thread = |error: &io::Error| error.kind() == io::ErrorKind::WouldBlock;
    let no_thread = error.chain().filter_map(|error| error.downcast_ref()).any(no_thread);
    let advice = "; no thread is left: end other programs, or raise ulimit -u";
    stderr::say(&format!("tcp-chat: {error:#}{}", if no_thread { advice } else { "" }));
}

/// Starts the logger, which shows only messages of this program. With `RUST_LOG=trace` each thread
/// logs its steps; `Sequence_Diagram.md` draws them.
fn start_logger() {
    let wanted = env::var_os("RUST_LOG").unwrap_or_default();
    let wanted = wanted.to_string_lossy();
    // The logger would print an error about the filter, and panic if it could not print.
    let is_filter = env_filter::Builder::new().try_parse(&wanted).is_ok();
    let filter = if is_filter && !wanted.is_empty() { &wanted } else { "warn" };
    let filter = env_logger::Builder::new().parse_filters(filter).build();
    log::set_max_level(filter.filter());
    if log::max_level() < log::LevelFilter::Trace {
        stderr::start_thread();
    }
    // It fails only if there is a logger already.
    let _ = log::set_boxed_logger(Box::new(Logger(filter)));
    if !is_filter {
        log::warn!(
            "RUST_LOG={wanted:?} is not a valid filter; RUST_LOG=trace shows every step of the threads"
        );
        // A client at a terminal draws its prompt below this line.
        stderr::flush();
    }
}

/// Each line of the log goes to the timeline, if there is one, and to stderr, if `RUST_LOG` asks for it.
struct Logger(env_logger::Logger);

impl Log for Logger {
    fn enabled(&self, _: &Metadata) -> bool {
        true
    }

    fn log(&self, record: &Record) {
        timeline::note(record);
        if record.target().starts_with("tcp_chat") && self.0.matches(record) {
            let thread = thread::current();
            let name = thread.name().unwrap_or("a thread");
            stderr::say(&format!("{name}: {}", record.args()));
        }
    }

    fn flush(&self) {}
}
