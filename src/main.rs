//! The program: logger, signals, the command asked for, and the exit status.

mod cli;
mod describe;
mod serve;
mod signals;
mod stderr;
mod usage;
mod values;

use std::env;
use std::io::{self, IsTerminal};
use std::process::ExitCode;
use std::thread;
use std::time::Duration;

use cli::{ClientArgs, Command, DemoArgs};
use crossbeam_channel::{Receiver, never, unbounded};
use env_logger::Target;
use tcp_chat::name::Name;
use tcp_chat::plain::{self, Plain};
use tcp_chat::terminal::{Terminal, tty};
use tcp_chat::{ask, client, conversation, demo, outbox};

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
    let log = start_logger(matches!(cli.command, Command::Client(_)) && tty::is_here());
    let done = match cli.command {
        Command::Server(args) => serve::serve(&args),
        Command::Client(args) => talk(args, log),
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

/// Starts the logger, which tells of nothing but this program. With `RUST_LOG=trace` each thread
/// says what it does: what `Sequence_Diagram.md` draws. Where the client has the terminal, it shows
/// the lines that come over the channel, so that they tear nothing.
fn start_logger(client_has_terminal: bool) -> Receiver<String> {
    type Tell = Box<dyn Fn(String) + Send + Sync>;
    let (tell, lines): (Tell, _) = if client_has_terminal && io::stderr().is_terminal() {
        let (sender, lines) = unbounded();
        (Box::new(move |line| _ = sender.send(line)), lines)
    } else {
        (Box::new(|line| stderr::say(&line)), never())
    };
    let wanted = env::var_os("RUST_LOG").unwrap_or_default();
    let wanted = wanted.to_string_lossy();
    // The logger would print what is wrong with the filter, and panic where that cannot be printed.
    let is_filter = env_filter::Builder::new().try_parse(&wanted).is_ok();
    env_logger::Builder::new()
        .parse_filters(if is_filter && !wanted.is_empty() { &wanted } else { "warn" })
        .target(Target::Pipe(Box::new(io::sink())))
        .format(move |_, record| {
            if record.target().starts_with("tcp_chat") {
                let thread = thread::current();
                tell(format!("{}: {}", thread.name().unwrap_or("a thread"), record.args()));
            }
            Ok(())
        })
        .init();
    if log::max_level() < log::LevelFilter::Trace {
        stderr::start_thread();
    }
    if !is_filter {
        log::warn!(
            "RUST_LOG={wanted:?} is no filter; RUST_LOG=trace shows all that the threads do"
        );
    }
    lines
}

/// `tcp-chat client`: from the arguments to the goodbye.
fn talk(args: ClientArgs, log: Receiver<String>) -> Result<(), String> {
    let at_terminal = io::stdin().is_terminal();
    let patience = if at_terminal { None } else { Some(PATIENCE) };
    let is_unnamed = args.name.is_none();
    let mut config = client::Config {
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
        let (mut terminal, input) = Terminal::open(args.timestamps, log)
            .map_err(|error| format!("cannot use the terminal: {error}"))?;
        if is_unnamed && !ask::for_name(&mut config.name, &input, &quit, &mut terminal) {
            return Ok(());
        }
        terminal.named(config.name.clone());
        conversation::run(&config, &input, &quit, &mut terminal)
    } else {
        let input = plain::read_lines(config.max_line)
            .map_err(|error| format!("cannot start the thread that reads the input: {error}"))?;
        let mut plain = Plain::new(args.timestamps, stderr::say_in_order);
        let can_ask = at_terminal && io::stderr().is_terminal();
        if is_unnamed && can_ask && !ask::for_name(&mut config.name, &input, &quit, &mut plain) {
            return Ok(());
        }
        conversation::run(&config, &input, &quit, &mut plain)
    };
    done.map_err(|failure| failure.to_string())
}

/// `tcp-chat demo`
fn show(args: &DemoArgs) -> Result<(), String> {
    let quit = signals::on_stop(())?;
    demo::run(args.clients, args.fast, quit)
}
