//! The program: logger, signals, the command asked for, and the exit status.

mod cli;
mod describe;
mod serve;
mod signals;
mod stderr;
mod usage;
mod values;

use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;
use std::thread;
use std::time::Duration;

use cli::{ClientArgs, Command, DemoArgs};
use tcp_chat::name::Name;
use tcp_chat::plain::{self, Plain};
use tcp_chat::terminal::Terminal;
use tcp_chat::{client, conversation, demo, outbox, tty};

/// How long a client that nobody sits at tries without getting anywhere: a server that does not set
/// `SO_REUSEADDR` cannot have its port again for a minute.
const PATIENCE: Duration = Duration::from_secs(65);

fn main() -> ExitCode {
    signals::keep_ignoring_hangups();
    let cli = match usage::arguments() {
        Ok(cli) => cli,
        Err(error) => {
            stderr::start_thread();
            let status = usage::explain(&error);
            stderr::flush();
            return status;
        }
    };
    start_logging();
    let done = match cli.command {
        Command::Server(args) => serve::serve(&args),
        Command::Client(args) => talk(args),
        Command::Demo(args) => show(&args),
        Command::Completions { shell } => describe::completions(shell),
        Command::Man { command } => describe::man(command.as_deref()),
    };
    if let Err(why) = &done {
        stderr::say(&format!("tcp-chat: {why}"));
    }
    stderr::flush();
    if done.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// With `RUST_LOG=trace` each thread says what it does: what `Sequence_Diagram.md` draws.
fn start_logging() {
    let by_default = env_logger::Env::default().default_filter_or("error,tcp_chat=warn");
    env_logger::Builder::from_env(by_default)
        .format(|out, record| {
            let thread = thread::current();
            writeln!(out, "{}: {}", thread.name().unwrap_or("a thread"), record.args())
        })
        .target(env_logger::Target::Pipe(Box::new(stderr::Log)))
        .init();
    if log::max_level() < log::LevelFilter::Trace {
        stderr::start_thread();
    }
}

/// `tcp-chat client`: from the arguments to the goodbye.
fn talk(args: ClientArgs) -> Result<(), String> {
    let at_terminal = io::stdin().is_terminal();
    let patience = if at_terminal { None } else { Some(PATIENCE) };
    let config = client::Config {
        address: args.address,
        name: args.name.unwrap_or_else(|| Name::of_process(std::process::id())),
        framing: args.framing,
        introduce: args.introduce,
        local_echo: args.local_echo,
        max_line: args.max_line,
        window: if at_terminal { usize::MAX } else { outbox::WINDOW },
        stay: args.stay,
        reconnect: !args.no_reconnect,
        give_up_after: args.give_up_after.or(patience),
    };
    let quit = signals::on_stop(())?;
    let done = if tty::is_here() {
        let (mut terminal, input) =
            Terminal::open(config.name.clone(), args.timestamps, quit.clone())
                .map_err(|error| format!("cannot use the terminal: {error}"))?;
        conversation::run(&config, &input, &quit, &mut terminal)
    } else {
        let input = plain::read_lines(config.max_line)
            .map_err(|error| format!("cannot start the thread that reads the input: {error}"))?;
        conversation::run(&config, &input, &quit, &mut Plain::new(args.timestamps))
    };
    done.map_err(|failure| failure.to_string())
}

/// `tcp-chat demo`
fn show(args: &DemoArgs) -> Result<(), String> {
    let quit = signals::on_stop(())?;
    demo::run(args.clients, args.fast, quit)
}
