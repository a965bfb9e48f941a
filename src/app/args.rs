//! The command line: the commands, their flags, and what `-h` and `--help` say about them.
//!
//! The first line of each comment below is the short help, `-h`; `--help` shows all of it.
//! `src/app/usage.rs` replaces `{program}` in the examples, and gives each flag its variable.

use std::path::PathBuf;
use std::time::Duration;

use clap::builder::NonEmptyStringValueParser;
use clap::{ArgAction, Args, Parser};
use clap_complete::Shell;
use tcp_chat::client::Introduction;
use tcp_chat::protocol::{self, Framing, Name};
use tcp_chat::server::Template;

use crate::app::values::{
    address, is_first, line_limit, link_seconds, rate, seconds, server_address, whole,
};

/// The default address, at which a server listens and to which a client connects.
const ADDRESS: &str = "127.0.0.1:3234";

/// A chat over TCP: one server, any number of clients, every message to everyone
#[derive(Debug, Parser)]
#[command(version, propagate_version = true, max_term_width = 100)]
#[command(after_help = "\
Examples:
  {program} demo                 watch a server and some clients
  {program} server               start a server; Ctrl-C stops it
  {program} client --name Ann    join it from another terminal
  seq 1 100 | {program} client   send lines; status 0: delivered

Exit status: 0 success, 1 error at run time, 2 wrong usage")]
pub(crate) enum Cli {
    /// Start a server; Ctrl-C stops it
    Server(ServerArgs),
    /// Join a chat, from a terminal or a pipe
    Client(ClientArgs),
    /// Watch a server and some clients talk
    Demo(DemoArgs),
    /// Print a script that lets your shell complete these commands
    #[command(after_help = "\
Examples:
  source <({program} completions bash)             in this shell
  {program} completions zsh > ~/.zfunc/_tcp-chat   with ~/.zfunc in $fpath
  {program} completions fish > ~/.config/fish/completions/tcp-chat.fish")]
    Completions {
        /// The shell
        shell: Shell,
    },
    /// Print a manual page
    #[command(after_help = "\
Examples:
  {program} man > tcp-chat.1
  {program} man server | man -l -")]
    Man {
        /// The command that the page describes [default: the whole program]
        command: Option<String>,
    },
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  {program} server                for this machine only
  {program} server 0.0.0.0:3234   for other machines, not encrypted!
  {program} server 127.0.0.1:0    on any free port
  {program} server --quiet --max-clients 1000")]
pub(crate) struct ServerArgs {
    /// Listen on this HOST:PORT
    ///
    /// Port 0 means any free port; the server prints it. A name is listened on at every address it has.
    #[arg(value_name = "ADDR", default_value = ADDRESS, env = "TCP_CHAT_ADDR", value_parser = address)]
    pub(crate) address: String,

    /// Send a message to everyone, or to all others
    ///
    /// With "others", a client does not receive its own messages. Then start tcp-chat clients with
    /// --local-echo.
    #[arg(long, value_name = "all|others", default_value = "all", action = ArgAction::Set,
          value_parser = is_first(["all", "others"]), help_heading = "Conversation")]
    pub(crate) echo: bool,

    /// Tell messages apart by newlines, or by reads
    ///
    /// With "lines", a newline ends a message. With "raw", each read returns one message, as in the
    /// course assignment.
    #[arg(long, value_name = "lines|raw", default_value = "lines", help_heading = "Conversation")]
    pub(crate) framing: Framing,

    /// Serve raw clients on this second address
    ///
    /// All clients share one conversation.
    #[arg(long, value_name = "ADDR", value_parser = address, help_heading = "Raw clients")]
    pub(crate) raw: Option<String>,

    /// Send this to each client that connects
    ///
    /// {number}, {address} and {port} are replaced with the client's values. With --raw, only raw
    /// clients receive it.
    #[arg(long, value_name = "TEMPLATE", help_heading = "Raw clients")]
    pub(crate) greet: Option<Template>,

    /// Put this in front of each message
    ///
    /// {number}, {address} and {port} are replaced with the sender's values. With --raw, only the
    /// messages of raw clients get it.
    #[arg(long, value_name = "TEMPLATE", help_heading = "Raw clients")]
    pub(crate) prefix: Option<Template>,

    /// Take the first message of a raw client as its name
    ///
    /// The other clients do not see this message. {name} in --prefix and --greet is replaced with
    /// the name. The client receives the --greet text after it has sent its name.
    #[arg(long, help_heading = "Raw clients")]
    pub(crate) name_first: bool,

    /// Ask a raw client for its name with this text
    ///
    /// It is sent as it is, without a newline, as soon as the client connects. Needs --name-first.
    #[arg(long, value_name = "TEXT", requires = "name_first",
          value_parser = NonEmptyStringValueParser::new(), help_heading = "Raw clients")]
    pub(crate) ask: Option<String>,

    /// Refuse longer lines
    ///
    /// From 1 to 1048576 bytes. The sender receives a notice.
    #[arg(long, value_name = "BYTES", default_value_t = protocol::MAX_LINE,
          value_parser = line_limit, help_heading = "Limits")]
    pub(crate) max_line: usize,

    /// Refuse more clients [default: as many as this machine carries]
    ///
    /// From 1 to 1000000. If you ask for more clients than the machine carries, the server names the
    /// limit, and takes as many as the machine carries.
    #[arg(long, value_name = "N",
          value_parser = |text: &str| whole(text, 1..=1_000_000_usize), help_heading = "Limits")]
    pub(crate) max_clients: Option<usize>,

    /// Read at most this many lines per second [default: no limit]
    ///
    /// From 0.001 to 1000000000, for each client. The other lines wait; no line is lost.
    #[arg(long, value_name = "LINES", value_parser = rate, help_heading = "Limits")]
    pub(crate) rate: Option<f64>,

    /// Drop a client that takes nothing for this long
    ///
    /// From 0 to 1000000 seconds. Only time in which data waits for the client counts.
    #[arg(long, value_name = "SECONDS", default_value = "10",
          value_parser = seconds, help_heading = "Limits")]
    pub(crate) stall_timeout: Duration,

    /// Drop a client that falls this far behind
    ///
    /// From 1 to 1099511627776 bytes (1 TiB).
    #[arg(long, value_name = "BYTES", default_value_t = 8 * 1024 * 1024,
          value_parser = |text: &str| whole(text, 1..=1_u64 << 40), help_heading = "Limits")]
    pub(crate) max_backlog: u64,

    /// Drop a client whose machine is silent for this long
    ///
    /// From 1 to 32767 seconds. This finds a pulled cable and a machine that has crashed. A
    /// --stall-timeout of more than 10 seconds replaces a shorter --dead-link.
    #[arg(long, value_name = "SECONDS", default_value = "30",
          value_parser = link_seconds, help_heading = "Limits")]
    pub(crate) dead_link: Duration,

    /// Run the clients' threads on one core, or on all
    ///
    /// Only one of them delivers at a time, so on one core they deliver faster. Only Linux can do it.
    /// With "all", the system decides.
    #[arg(long = "cores", value_name = "one|all", default_value = "one", action = ArgAction::Set,
          value_parser = is_first(["one", "all"]), help_heading = "Limits")]
    pub(crate) one_core: bool,

    /// Do not print the event log
    #[arg(long, short, help_heading = "Output")]
    pub(crate) quiet: bool,

    /// Print the time in front of each line
    #[arg(long, help_heading = "Output")]
    pub(crate) timestamps: bool,

    /// Write what the threads do to this file
    ///
    /// Open it in ui.perfetto.dev. While many clients talk, it grows by about 30 MB per second.
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    pub(crate) timeline: Option<PathBuf>,

    /// Use colours for a light background
    #[arg(long, help_heading = "Output")]
    pub(crate) light: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  {program} client --name Ann           talk in this terminal
  echo hello | {program} client         send; status 0: delivered
  {program} client --stay < /dev/null   only listen
  {program} client 192.0.2.7            join another machine")]
pub(crate) struct ClientArgs {
    /// Connect to this HOST:PORT
    ///
    /// HOST alone means its port 3234.
    #[arg(value_name = "ADDR", default_value = ADDRESS, env = "TCP_CHAT_ADDR", value_parser = server_address)]
    pub(crate) address: String,

    /// Your name [default: Client and the process id]
    ///
    /// 1 to 32 visible characters, at most 128 bytes, without ':'.
    #[arg(long, short, help_heading = "Conversation")]
    pub(crate) name: Option<Name>,

    /// Go on printing after the end of the input
    ///
    /// The client ends when the server stops, or with Ctrl-C.
    #[arg(long, help_heading = "Connection")]
    pub(crate) stay: bool,

    /// End when the connection is lost
    ///
    /// The client also ends when the first attempt to connect fails. The exit status is 0 only if
    /// the input had already ended and every line had come back.
    #[arg(long, help_heading = "Connection")]
    pub(crate) no_reconnect: bool,

    /// End after this long without progress
    ///
    /// From 0 to 1000000 seconds. The default is 65, because some servers cannot start again within
    /// a minute. If the input is a terminal, the client tries for ever.
    #[arg(long, value_name = "SECONDS", value_parser = seconds, help_heading = "Connection")]
    pub(crate) give_up_after: Option<Duration>,

    /// Print the time in front of each line
    #[arg(long, help_heading = "Output")]
    pub(crate) timestamps: bool,

    /// Use colours for a light background
    #[arg(long, help_heading = "Output")]
    pub(crate) light: bool,

    /// Do not ring when somebody calls your name
    #[arg(long, help_heading = "Output")]
    pub(crate) no_bell: bool,

    /// Tell messages apart by newlines, or by reads
    ///
    /// With "lines", a newline ends a message. With "raw", each read returns one message, as in the
    /// course assignment. Use the same framing as the server.
    #[arg(long, value_name = "lines|raw", default_value = "lines")]
    #[arg(help_heading = "Programs of the course")]
    pub(crate) framing: Framing,

    /// Send the name once, then messages without it
    ///
    /// For servers that expect the name as the first message. With --introduce=also, each message begins
    /// with the name as well.
    #[arg(long, value_name = "also", num_args = 0..=1, require_equals = true, value_enum, ignore_case = true,
          default_missing_value = "yes", help_heading = "Programs of the course")]
    pub(crate) introduce: Option<Introduction>,

    /// Show your messages when they are sent
    ///
    /// For servers that do not send your messages back to you. Then a message counts as delivered
    /// when it has been sent.
    #[arg(long, help_heading = "Programs of the course")]
    pub(crate) local_echo: bool,

    /// Do not send longer lines
    ///
    /// From 1 to 1048576 bytes. Use the same limit as the server.
    #[arg(long, value_name = "BYTES", default_value_t = protocol::MAX_LINE,
          value_parser = line_limit, help_heading = "Programs of the course")]
    pub(crate) max_line: usize,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  {program} demo                      watch; the demo ends by itself
  {program} demo --clients 5 --fast   more clients, and no pauses")]
pub(crate) struct DemoArgs {
    /// Start this many clients, from 2 to 26
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = |text: &str| whole(text, 2..=26_usize))]
    pub(crate) clients: usize,

    /// Do not pause between the steps
    #[arg(long)]
    pub(crate) fast: bool,

    /// Write what the server's threads do to this file
    #[arg(long, value_name = "FILE")]
    pub(crate) timeline: Option<String>,

    /// Use colours for a light background
    #[arg(long)]
    pub(crate) light: bool,
}
