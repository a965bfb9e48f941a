//! The command line: what can be said to the program, and how it explains itself.

use std::time::Duration;

use clap::builder::FalseyValueParser;
use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

use tcp_chat::name::Name;
use tcp_chat::template::Template;
use tcp_chat::wire::{self, Framing};

/// Where a server listens and a client connects unless told otherwise.
const ADDRESS: &str = "127.0.0.1:3234";

/// A chat over TCP: one server, any number of clients, every message to everyone.
#[derive(Debug, Parser)]
#[command(version, about, propagate_version = true, max_term_width = 100)]
#[command(after_help = "\
Examples:
  tcp-chat demo                        watch a server and three clients talk
  tcp-chat server                      serve on 127.0.0.1:3234 until Ctrl-C
  tcp-chat client --name Ann           join in, in another shell
  nc 127.0.0.1 3234                    anything that speaks lines is a client
  seq 1 100 | tcp-chat client          say 100 lines; exit 0: all have arrived

Exit status: 0 as asked, 1 failed at run time, 2 wrong usage.")]
pub(crate) struct Cli {
    /// What to do
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Serve a chat until Ctrl-C
    Server(ServerArgs),
    /// Join a chat, from a terminal or a pipe
    Client(ClientArgs),
    /// Watch a server and some clients talk, start to finish
    Demo(DemoArgs),
    /// Print what a shell needs to complete these commands
    #[command(after_help = "\
Examples:
  source <(tcp-chat completions bash)                  in ~/.bashrc
  tcp-chat completions zsh > ~/.zfunc/_tcp-chat        with ~/.zfunc in $fpath
  tcp-chat completions fish > ~/.config/fish/completions/tcp-chat.fish")]
    Completions {
        /// For which shell
        shell: Shell,
    },
    /// Print a manual page
    #[command(after_help = "\
Examples:
  tcp-chat man > tcp-chat.1
  tcp-chat man server | man -l -")]
    Man {
        /// Of which command; of the program as a whole if none is given
        command: Option<String>,
    },
}

/// Whether a sender hears its own messages back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Echo {
    /// Everyone hears a message, its sender as well
    #[default]
    All,
    /// Everyone but the sender
    Others,
}

/// `tcp-chat server`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  tcp-chat server                      on 127.0.0.1:3234, this machine only
  tcp-chat server 0.0.0.0:3234         for other machines too (unencrypted!)
  tcp-chat server 127.0.0.1:0          on any free port; it is printed at start
  tcp-chat server --quiet --max-clients 10000")]
pub(crate) struct ServerArgs {
    /// Where to listen, as HOST:PORT; port 0 is any free port
    #[arg(value_name = "ADDR", default_value = ADDRESS, env = "TCP_CHAT_ADDR", value_parser = address)]
    pub(crate) address: String,

    /// Who hears a message: everyone, or everyone but its sender
    #[arg(
        long,
        value_enum,
        value_name = "all|others",
        hide_possible_values = true,
        default_value_t,
        env = "TCP_CHAT_ECHO",
        help_heading = "Conversation"
    )]
    pub(crate) echo: Echo,

    /// How messages are told apart: by newlines, or each by the read that returns it, as in the
    /// course assignment
    #[arg(
        long,
        value_enum,
        value_name = "lines|raw",
        hide_possible_values = true,
        default_value_t,
        env = "TCP_CHAT_FRAMING",
        help_heading = "Conversation"
    )]
    pub(crate) framing: Framing,

    /// Serve raw clients as well, on an address of their own: all share one conversation
    #[arg(long, value_name = "ADDR", env = "TCP_CHAT_RAW", value_parser = address,
          help_heading = "Raw clients")]
    pub(crate) raw: Option<String>,

    /// What a client is told when it connects; {number}, {address} and {port} are filled in. With
    /// --raw, for raw clients only
    #[arg(long, value_name = "TEMPLATE", env = "TCP_CHAT_GREET", help_heading = "Raw clients")]
    pub(crate) greet: Option<Template>,

    /// What is put in front of each message of a client, with the same placeholders
    #[arg(long, value_name = "TEMPLATE", env = "TCP_CHAT_PREFIX", help_heading = "Raw clients")]
    pub(crate) prefix: Option<Template>,

    /// The longest line, in bytes; a longer one is refused
    #[arg(long, value_name = "BYTES", default_value_t = wire::MAX_LINE, env = "TCP_CHAT_MAX_LINE",
          value_parser = line_limit, help_heading = "Limits")]
    pub(crate) max_line: usize,

    /// How many clients there may be [default: what the limit on open files carries]
    #[arg(long, value_name = "N", env = "TCP_CHAT_MAX_CLIENTS", value_parser = at_least_one,
          help_heading = "Limits")]
    pub(crate) max_clients: Option<usize>,

    /// How many lines a second are read from each client [default: no limit]
    #[arg(long, value_name = "LINES_PER_SECOND", env = "TCP_CHAT_RATE", value_parser = rate,
          help_heading = "Limits")]
    pub(crate) rate: Option<f64>,

    /// How long a client may take nothing of what it is sent, in seconds, before it is dropped
    #[arg(long, value_name = "SECONDS", default_value = "10", env = "TCP_CHAT_STALL_TIMEOUT",
          value_parser = seconds, help_heading = "Limits")]
    pub(crate) stall_timeout: Duration,

    /// How far a client may fall behind, in bytes, before it is dropped
    #[arg(long, value_name = "BYTES", default_value_t = 8 * 1024 * 1024,
          env = "TCP_CHAT_MAX_BACKLOG", value_parser = clap::value_parser!(u64).range(1..),
          help_heading = "Limits")]
    pub(crate) max_backlog: u64,

    /// How long nothing may come back from a client's machine, in seconds, before it is dropped:
    /// a pulled cable, a dead host
    #[arg(long, value_name = "SECONDS", default_value = "30", env = "TCP_CHAT_DEAD_LINK",
          value_parser = link_seconds, help_heading = "Limits")]
    pub(crate) dead_link: Duration,

    /// Print no history
    #[arg(long, short, env = "TCP_CHAT_QUIET", value_parser = yes_or_no(), help_heading = "Output")]
    pub(crate) quiet: bool,

    /// Print the time in front of each line
    #[arg(long, env = "TCP_CHAT_TIMESTAMPS", value_parser = yes_or_no(), help_heading = "Output")]
    pub(crate) timestamps: bool,
}

/// `tcp-chat client`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  tcp-chat client --name Ann           talk in this terminal
  echo hello | tcp-chat client         say one line; exit 0: it has arrived
  tcp-chat client --stay < /dev/null   only listen, until the server ends
  tcp-chat client 192.0.2.7:3234       a server on another machine")]
pub(crate) struct ClientArgs {
    /// The server, as HOST:PORT
    #[arg(value_name = "ADDR", default_value = ADDRESS, env = "TCP_CHAT_ADDR", value_parser = address)]
    pub(crate) address: String,

    /// Your name: 1 to 32 characters, no ':' [default: Client and the process number]
    #[arg(long, short, env = "TCP_CHAT_NAME", help_heading = "Conversation")]
    pub(crate) name: Option<Name>,

    /// How messages are told apart: by newlines, or each by the read that returns it, as in the
    /// course assignment
    #[arg(
        long,
        value_enum,
        value_name = "lines|raw",
        hide_possible_values = true,
        default_value_t,
        env = "TCP_CHAT_FRAMING",
        help_heading = "Conversation"
    )]
    pub(crate) framing: Framing,

    /// Send the name once and alone, then messages without it: for servers that ask for it first
    #[arg(long, env = "TCP_CHAT_INTRODUCE", value_parser = yes_or_no(),
          help_heading = "Conversation")]
    pub(crate) introduce: bool,

    /// Show own messages when they are sent: the server does not send them back
    #[arg(long, env = "TCP_CHAT_LOCAL_ECHO", value_parser = yes_or_no(), help_heading = "Conversation")]
    pub(crate) local_echo: bool,

    /// The longest line, in bytes; a longer one is not sent
    #[arg(long, value_name = "BYTES", default_value_t = wire::MAX_LINE, env = "TCP_CHAT_MAX_LINE",
          value_parser = line_limit, help_heading = "Conversation")]
    pub(crate) max_line: usize,

    /// After the input ends, keep printing until the server or a signal ends it
    #[arg(long, env = "TCP_CHAT_STAY", value_parser = yes_or_no(), help_heading = "Connection")]
    pub(crate) stay: bool,

    /// End when the connection does, or cannot be made
    #[arg(long, env = "TCP_CHAT_NO_RECONNECT", value_parser = yes_or_no(), help_heading = "Connection")]
    pub(crate) no_reconnect: bool,

    /// How long to try without getting anywhere, in seconds
    /// [default: 65, or without end if the input is a terminal]
    #[arg(long, value_name = "SECONDS", env = "TCP_CHAT_GIVE_UP_AFTER", value_parser = seconds,
          help_heading = "Connection")]
    pub(crate) give_up_after: Option<Duration>,

    /// Print the time in front of each line
    #[arg(long, env = "TCP_CHAT_TIMESTAMPS", value_parser = yes_or_no(), help_heading = "Output")]
    pub(crate) timestamps: bool,
}

/// `tcp-chat demo`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  tcp-chat demo                        watch: it plays by itself and ends by itself
  tcp-chat demo --tmux                 take part: a server and three clients, side by side")]
pub(crate) struct DemoArgs {
    /// How many clients talk
    #[arg(long, value_name = "N", default_value_t = 3, env = "TCP_CHAT_CLIENTS",
          value_parser = clap::value_parser!(u16).range(2..=26))]
    pub(crate) clients: u16,

    /// Do not pause for a person to read along
    #[arg(long, env = "TCP_CHAT_FAST", value_parser = yes_or_no())]
    pub(crate) fast: bool,

    /// Open one window in tmux instead, with a server and three clients to type into
    #[arg(long, env = "TCP_CHAT_TMUX", value_parser = yes_or_no(), conflicts_with_all = ["fast", "clients"])]
    pub(crate) tmux: bool,
}

/// How an environment variable says no to a flag: empty, `0`, `no`, `off` or `false`.
fn yes_or_no() -> FalseyValueParser {
    FalseyValueParser::new()
}

fn address(text: &str) -> Result<String, String> {
    match text.rsplit_once(':') {
        Some((host, port)) if !host.is_empty() && port.parse::<u16>().is_ok() => {
            Ok(text.to_owned())
        }
        _ => Err("an address is HOST:PORT, for example 127.0.0.1:3234".to_owned()),
    }
}

fn at_least_one(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(number) if number > 0 => Ok(number),
        _ => Err("this is a whole number, 1 or more".to_owned()),
    }
}

fn line_limit(text: &str) -> Result<usize, String> {
    let most = 1024 * 1024;
    match text.parse() {
        Ok(bytes) if (1..=most).contains(&bytes) => Ok(bytes),
        _ => Err(format!("a limit is a whole number of bytes from 1 to {most}")),
    }
}

/// What the system takes for the times of its probes.
fn link_seconds(text: &str) -> Result<Duration, String> {
    match text.parse() {
        Ok(seconds @ 1..=32_767) => Ok(Duration::from_secs(seconds)),
        _ => Err("this is a whole number of seconds from 1 to 32767".to_owned()),
    }
}

fn rate(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(rate) if (0.001..=1e9).contains(&rate) => Ok(rate),
        _ => Err("a rate is a number of lines per second, 0.001 or more".to_owned()),
    }
}

fn seconds(text: &str) -> Result<Duration, String> {
    let valid = text.parse().ok().filter(|seconds| (0.0..=1e9).contains(seconds));
    valid.map(Duration::from_secs_f64).ok_or("a time is a number of seconds, 0 or more".to_owned())
}
