//! The program: logger, signals, the command asked for, and the exit status.

mod cli;

use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;
use std::thread;
use std::time::Duration;

use clap::Parser;
use cli::{Cli, ClientArgs, Command, DemoArgs, Echo, ServerArgs};
use crossbeam_channel::Receiver;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGUSR1};
use signal_hook::iterator::Signals;
use tcp_chat::history::{self, Entry};
use tcp_chat::name::Name;
use tcp_chat::plain::{self, Plain};
use tcp_chat::room::Limits;
use tcp_chat::server::{self, Config, Server};
use tcp_chat::session::Service;
use tcp_chat::terminal::Terminal;
use tcp_chat::wire::{self, Framing};
use tcp_chat::{client, clock, conversation, demo, limits, outbox, tty};

/// How long the history may take to print its rest when the server has stopped.
const LAST_WORDS: Duration = Duration::from_millis(500);

/// How long a client that nobody sits at tries without getting anywhere.
const PATIENCE: Duration = Duration::from_secs(30);

fn main() -> ExitCode {
    let cli = Cli::parse();
    // With `RUST_LOG=trace` each thread says what it does: what Sequence_Diagram.md draws.
    env_logger::Builder::from_default_env()
        .format(|out, record| {
            let thread = thread::current();
            writeln!(out, "{}: {}", thread.name().unwrap_or("a thread"), record.args())
        })
        .init();
    let done = match cli.command {
        Command::Server(args) => serve(&args),
        Command::Client(args) => talk(args),
        Command::Demo(args) => show(&args),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("tcp-chat: {why}");
            ExitCode::FAILURE
        }
    }
}

/// `tcp-chat server`: from the arguments to the last line of the history.
fn serve(args: &ServerArgs) -> Result<(), String> {
    let carried = limits::clients_by_file_limit();
    let max_clients = args.max_clients.unwrap_or(carried);
    let service = |framing| {
        // With a door for raw clients, what is made for them is not meant for the others.
        let for_these = args.raw.is_none() || framing == Framing::Raw;
        Service {
            framing,
            echo: args.echo == Echo::All,
            greet: args.greet.clone().filter(|_| for_these),
            prefix: args.prefix.clone().filter(|_| for_these),
            max_line: args.max_line,
            rate: args.rate,
            max_clients,
            dead_link: args.dead_link,
        }
    };
    let config = Config {
        address: args.address.clone(),
        service: service(args.framing),
        also: args.raw.clone().map(|address| (address, service(Framing::Raw))),
        limits: Limits { peers: max_clients, backlog: args.max_backlog },
        stall_timeout: args.stall_timeout,
    };
    let commands = commands().map_err(|error| format!("cannot handle signals: {error}"))?;
    let server = Server::bind(config).map_err(|error| error.to_string())?;
    for (address, how) in server.addresses().zip([args.framing, Framing::Raw]) {
        let how = if how == Framing::Raw { " --framing raw" } else { "" };
        eprintln!("listening on {address}; connect with: tcp-chat client{how} {address}");
    }
    let port = server.addresses().next().map_or(0, |address| address.port());

    let (recorder, printer) = history::history();
    let (printing, printed) = crossbeam_channel::bounded::<()>(0);
    let mut out: Box<dyn io::Write + Send> =
        if args.quiet { Box::new(io::sink()) } else { Box::new(io::stdout()) };
    let timestamps = args.timestamps;
    let print = move || {
        let _printing = printing;
        printer.run(&mut out, |line, text| {
            if timestamps {
                text.extend_from_slice(clock::stamp().as_bytes());
            }
            text.extend_from_slice(line);
            text.push(b'\n');
        });
    };
    let history = thread::Builder::new().name("history".to_owned());
    history.spawn(print).map_err(|error| format!("cannot start the history's thread: {error}"))?;
    recorder.record(Entry::Notice(wire::online(port)));
    server
        .run(Box::new(recorder), &commands, &mut |report| eprintln!("{report:?}"))
        .map_err(|error| format!("cannot start the server's threads: {error}"))?;
    // A terminal that was stopped must not stop the server from ending.
    let _ = printed.recv_timeout(LAST_WORDS);
    Ok(())
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
    let quit = quit_signals().map_err(|error| format!("cannot handle signals: {error}"))?;
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
    let quit = quit_signals().map_err(|error| format!("cannot handle signals: {error}"))?;
    demo::run(args.clients, args.fast, quit)
}

/// Turns the signals that ask a client or a demo to end into messages.
fn quit_signals() -> io::Result<Receiver<()>> {
    let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP])?;
    let (sender, quit) = crossbeam_channel::unbounded();
    thread::Builder::new().name("signals".to_owned()).spawn(move || {
        for (count, _) in signals.forever().enumerate() {
            if count > 0 {
                tty::restore();
                signal_hook::low_level::exit(1);
            }
            let _ = sender.send(());
        }
    })?;
    Ok(quit)
}

/// Turns signals into commands. The second one that asks the server to end, ends it at once.
fn commands() -> io::Result<Receiver<server::Command>> {
    let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP, SIGUSR1])?;
    let (sender, commands) = crossbeam_channel::unbounded();
    thread::Builder::new().name("signals".to_owned()).spawn(move || {
        let mut stopping = false;
        for signal in signals.forever() {
            let command = match signal {
                SIGUSR1 => server::Command::Report,
                _ if stopping => signal_hook::low_level::exit(1),
                _ => server::Command::Stop,
            };
            stopping = command == server::Command::Stop;
            let _ = sender.send(command);
        }
    })?;
    Ok(commands)
}
