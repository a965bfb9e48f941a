//! `tcp-chat client`: from the arguments to the exit.

use std::io::{self, IsTerminal};
use std::time::Duration;

use anyhow::{Context, Result};
use tcp_chat::client::{self, Introduction, Screen};
use tcp_chat::protocol::{Framing, Name};

use super::args::ClientArgs;
use super::ui::ask;
use super::ui::paint::Palette;
use super::ui::pipe::{self, Pipe};
use super::ui::terminal::{Look, Terminal, tty};
use super::{signals, streams};

/// How long a client without a terminal tries without progress. A server that does not set
/// `SO_REUSEADDR` cannot use its port again for a minute.
const PATIENCE: Duration = Duration::from_secs(65);

pub(crate) fn talk(args: ClientArgs) -> Result<()> {
    let at_terminal = io::stdin().is_terminal();
    let is_unnamed = args.name.is_none();
    let introduce = args.introduce.unwrap_or_default();
    let mut config = client::Config {
        address: args.address,
        name: args.name.unwrap_or_else(|| Name::of_process(std::process::id())),
        framing: args.framing,
        greets: at_terminal && args.framing == Framing::Lines && introduce == Introduction::No,
        introduce,
        local_echo: args.local_echo,
        max_line: args.max_line,
        window: if at_terminal { usize::MAX } else { client::WINDOW },
        stay: args.stay,
        reconnect: !args.no_reconnect,
        give_up_after: args.give_up_after.or((!at_terminal).then_some(PATIENCE)),
    };
    let quit = signals::on_stop()?;
    let (mut screen, input): (Box<dyn Screen>, _) = if tty::is_here() {
        let look = Look {
            timestamps: args.timestamps,
            palette: Palette::new(true, args.light),
            bell: !args.no_bell,
            has_echo: !args.local_echo,
        };
        let (terminal, input) = Terminal::open(look).context("cannot use the terminal")?;
        (Box::new(terminal), input)
    } else {
        let input = pipe::read_lines(config.max_line)
            .context("cannot start the thread that reads the input")?;
        let out = streams::Stdout::start(quit.clone())
            .context("cannot start the thread that prints the chat")?;
        (Box::new(Pipe::new(out, args.timestamps, at_terminal)), input)
    };
    let can_ask = tty::is_here() || at_terminal && io::stderr().is_terminal();
    if is_unnamed && can_ask && !ask::for_name(&mut config.name, &input, &quit, &mut *screen) {
        return Ok(());
    }
    Ok(client::run(&config, &input, &quit, &mut *screen)?)
}
