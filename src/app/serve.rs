//! `tcp-chat server`: turns the arguments into a server, and says how to join it.

use std::io::{self, IsTerminal};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use tcp_chat::protocol::{self, Framing};
use tcp_chat::room::{Limits, Report};
use tcp_chat::server::{BindError, Capacity, ClientPolicy, Config, Server, Template, Timeouts};

use super::args::ServerArgs;
use super::event_log::EventLog;
use super::ui::paint::{Palette, Style};
use super::usage::program;
use super::{signals, stderr, timeline};

/// The default of `--stall-timeout`.
const STALL_TIMEOUT: Duration = Duration::from_secs(10);

pub(crate) fn serve(args: &ServerArgs) -> Result<()> {
    // First what may take long: a pipe opens only when it has a reader, and a name is looked up. Until
    // the signals are handled, Ctrl-C simply ends this process.
    let timeline = args.timeline.as_deref().map(timeline::start).transpose()?;
    let server = Server::bind(config(args)).map_err(|error| with_advice(&error))?;
    let stop = signals::on_stop()?;
    announce(&server, args);

    let port = server.listening().next().map_or(0, |(address, _)| address.port());
    let (log, printed) =
        EventLog::start(args, port).context("cannot start the thread of the event log")?;
    let Report { peers, lines, .. } =
        server.run(Box::new(log), &stop).context("cannot start the server's threads")?;
    // The server must end even if its terminal was stopped.
    stderr::wait_for(&printed, io::stdout());
    timeline.iter().for_each(timeline::finish);
    let clients = protocol::counted(peers, "client", "clients");
    let messages = if lines == 1 { "message" } else { "messages" };
    stderr::say(&format!("stopped; {clients} connected, {lines} {messages} delivered"));
    Ok(())
}

fn with_advice(error: &BindError) -> anyhow::Error {
    let advice = match error.source.kind() {
        io::ErrorKind::AddrInUse => "another program listens there; end it or choose another port",
        io::ErrorKind::AddrNotAvailable => "this machine does not have that address",
        io::ErrorKind::PermissionDenied => "choose a port above 1023",
        _ => "is it written as HOST:PORT?",
    };
    anyhow!("{error}: {}; {advice}", error.source)
}

fn config(args: &ServerArgs) -> Config {
    let Capacity { clients, catch_up, limit } = Capacity::read();
    let max_clients = args.max_clients.unwrap_or(clients).min(clients);
    if let Some(wanted) = args.max_clients.filter(|&wanted| wanted > clients) {
        stderr::say(&format!("--max-clients is {clients}, not {wanted}: {limit} allow no more"));
    }
    // To the kernel, a peer that does not read looks like a dead connection, even if it is not behind
    // and its buffer has free space. So a longer `--stall-timeout` than the default applies to the
    // connection as well.
    let stall_timeout = Some(args.stall_timeout).filter(|&time| time > STALL_TIMEOUT);
    let sending = args.dead_link.max(stall_timeout.unwrap_or_default());
    let policy = |framing| {
        // With --raw, the flags for raw clients must not change the other clients.
        let for_these = args.raw.is_none() || framing == Framing::Raw;
        ClientPolicy {
            framing,
            max_line: args.max_line,
            greet: args.greet.clone().filter(|_| for_these),
            prefix: args.prefix.clone().filter(|_| for_these),
            name_first: (args.name_first && framing == Framing::Raw)
                .then(|| args.ask.clone().unwrap_or_default()),
            echo: args.echo,
            rate: args.rate,
            timeouts: Timeouts { idle: args.dead_link, sending },
        }
    };
    Config {
        addresses: std::iter::once((args.address.clone(), policy(args.framing)))
            .chain(args.raw.clone().map(|address| (address, policy(Framing::Raw))))
            .collect(),
        max_clients,
        limits: Limits::of(args.max_backlog, catch_up),
        stall_timeout: args.stall_timeout,
        one_core: args.one_core,
    }
}

/// Prints on stderr where the server listens and how to join. On a terminal it prints a little
/// more.
fn announce(server: &Server, args: &ServerArgs) {
    let is_terminal = io::stderr().is_terminal();
    let palette = Palette::new(is_terminal, args.light);
    let listening: Vec<_> = server.listening().collect();
    // A name may have several addresses, with one port.
    let groups = listening.chunk_by(|(a, how), (b, next)| (a.port(), how) == (b.port(), next));
    for (name, group) in std::iter::once(&args.address).chain(&args.raw).zip(groups) {
        let (first, framing) = group[0];
        let client = client_command(framing, args);
        if !is_terminal {
            for &(address, _) in group {
                let here = reachable(address);
                stderr::say(&format!("listening on {address}; connect with: {client} {here}"));
            }
            continue;
        }
        let listening = group.iter().map(|(address, _)| format!("listening on {address}"));
        let listening = format!("{};", listening.collect::<Vec<_>>().join("\n"));
        let listening = palette.painted(Style::Bold, &listening);
        stderr::say(&format!("{listening} join from another terminal:"));
        let here = reachable(first).to_string();
        let name = if group.len() == 1 { &here } else { name };
        let (host, port) = (name.rsplit_once(':').map_or("", |(host, _)| host), first.port());
        stderr::say(&format!("    {client} {host}:{port} --name NAME"));
        if framing == Framing::Lines {
            stderr::say(&format!("    nc {} {port}", host.trim_matches(['[', ']'])));
        }
    }
    for (address, _) in listening.iter().filter(|(address, _)| address.ip().is_unspecified()) {
        let all = if_addrs::get_if_addrs().into_iter().flatten();
        // An address for one link only needs a scope, which is another on each machine.
        for own in all.filter(|it| !it.is_loopback() && !it.is_link_local()) {
            if own.ip().is_ipv4() == address.is_ipv4() {
                let own = SocketAddr::new(own.ip(), address.port());
                stderr::say(&format!("other machines reach it at {own}"));
            }
        }
    }
    if is_terminal {
        stderr::say(&palette.painted(Style::Dim, "Ctrl-C stops it"));
    }
    // On a terminal, the event log must come below these lines.
    stderr::flush();
}

fn client_command(framing: Framing, args: &ServerArgs) -> String {
    let is_raw = framing == Framing::Raw;
    let adds_name = args.prefix.as_ref().is_some_and(Template::has_name);
    let flags = [
        (is_raw, " --framing raw"),
        (!args.echo, " --local-echo"),
        (is_raw && args.name_first && adds_name, " --introduce"),
        (is_raw && args.name_first && !adds_name, " --introduce=also"),
    ];
    let flags = flags.into_iter().filter(|(needed, _)| *needed).map(|(_, flag)| flag);
    format!("{} client{}", program(), flags.collect::<String>())
}

fn reachable(mut address: SocketAddr) -> SocketAddr {
    match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => address.set_ip(Ipv4Addr::LOCALHOST.into()),
        IpAddr::V6(ip) if ip.is_unspecified() => address.set_ip(Ipv6Addr::LOCALHOST.into()),
        _ => {}
    }
    address
}
