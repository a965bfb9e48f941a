//! The program: logger, signals, the command asked for, and the exit status.

mod cli;

use std::io;
use std::process::ExitCode;
use std::thread;
use std::time::Duration;

use clap::Parser;
use cli::{Cli, Command, Echo, ServerArgs};
use crossbeam_channel::Receiver;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGUSR1};
use signal_hook::iterator::Signals;
use tcp_chat::history::{self, Entry};
use tcp_chat::server::{self, Config, Server};
use tcp_chat::session::Service;
use tcp_chat::{limits, wire};

/// How long the history may take to print its rest when the server has stopped.
const LAST_WORDS: Duration = Duration::from_millis(500);

fn main() -> ExitCode {
    let cli = Cli::parse();
    env_logger::init();
    let done = match cli.command {
        Command::Server(args) => serve(args),
        Command::Client(_) => Ok(()),
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
fn serve(args: ServerArgs) -> Result<(), String> {
    let carried = limits::clients_by_file_limit();
    let service = Service {
        framing: args.framing,
        echo: args.echo == Echo::All,
        max_line: args.max_line,
        rate: args.rate,
        stall_timeout: args.stall_timeout,
        max_clients: args.max_clients.unwrap_or(carried),
    };
    let config = Config { address: args.address.clone(), service, max_backlog: args.max_backlog };
    let commands = commands().map_err(|error| format!("cannot handle signals: {error}"))?;
    let server = Server::bind(config).map_err(|error| cannot_listen(&args.address, &error))?;
    let address = server.address();
    eprintln!("listening on {address}; connect with: tcp-chat client {address}");

    let (recorder, printer) = history::history();
    let (printing, printed) = crossbeam_channel::bounded::<()>(0);
    let mut out: Box<dyn io::Write + Send> =
        if args.quiet { Box::new(io::sink()) } else { Box::new(io::stdout()) };
    thread::spawn(move || {
        let _printing = printing;
        printer.run(&mut out, |line, text| {
            text.extend_from_slice(line);
            text.push(b'\n');
        });
    });
    recorder.record(Entry::Notice(wire::online(address.port())));
    server
        .run(Box::new(recorder), &commands, &mut |report| eprintln!("{report:?}"))
        .map_err(|error| format!("cannot start the server's threads: {error}"))?;
    // A terminal that was stopped must not stop the server from ending.
    let _ = printed.recv_timeout(LAST_WORDS);
    Ok(())
}

fn cannot_listen(address: &str, error: &io::Error) -> String {
    let advice = match error.kind() {
        io::ErrorKind::AddrInUse => "another program listens there; end it or choose another port",
        io::ErrorKind::AddrNotAvailable => "this machine does not have that address",
        io::ErrorKind::PermissionDenied => "choose a port above 1023",
        _ => "is it written as HOST:PORT?",
    };
    format!("cannot listen on {address}: {error}; {advice}")
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
