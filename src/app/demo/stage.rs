//! Where the demo plays: processes that are started, talked to and watched. What they print is shown
//! under the heading to which it belongs.

use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use crossbeam_channel::{Receiver, Sender, at, select};
use tcp_chat::protocol::Name;

use crate::app::ui::paint::{self, Palette, Style};

/// How long an act may take before the demo has failed.
const ACT: Duration = Duration::from_secs(15);

/// The narrowest column for text: a narrower window breaks lines itself.
const NARROWEST: usize = 20;

/// What a process printed: a line, or the end of all that it prints.
struct Printed {
    by: String,
    line: Option<String>,
}

/// A process of the demo. Killed if the demo ends before it does.
pub(super) struct Actor {
    pub(super) name: String,
    child: Child,
    stdin: Option<ChildStdin>,
}

impl Drop for Actor {
    fn drop(&mut self) {
        // Fails if it has ended already, as it should have.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The processes of the demo, and what they print.
pub(super) struct Stage {
    printed: Receiver<Printed>,
    printer: Sender<Printed>,
    pause: Duration,
    palette: Palette,
    /// What was printed and not waited for yet.
    seen: Vec<Printed>,
    /// Somebody has seen enough. The processes must not outlive the demo, so it ends in good order.
    quit: Receiver<()>,
}

impl Stage {
    /// A stage on which nothing happens yet. `pause` is for a person to read along.
    pub(super) fn new(pause: Duration, palette: Palette, quit: Receiver<()>) -> Self {
        let (printer, printed) = crossbeam_channel::unbounded();
        Self { printed, printer, pause, palette, seen: Vec::new(), quit }
    }

    /// Says what comes next. All that is printed under it belongs to it, because what came before
    /// has been waited for.
    pub(super) fn heading(&mut self, explanation: &str) -> Result<()> {
        self.pause(self.pause)?;
        for (row, text) in wrapped(explanation, columns().saturating_sub(4)).enumerate() {
            let begin = if row == 0 { "---" } else { "   " };
            let mut line = String::new();
            self.palette.paint(Style::Bold, &format!("{begin} {text}"), &mut line);
            print(&line)?;
        }
        self.pause(self.pause / 2)
    }

    /// Shows what is printed for so long.
    fn pause(&mut self, duration: Duration) -> Result<()> {
        let end = Instant::now() + duration;
        while self.next(end)? {}
        Ok(())
    }

    /// Shows what is printed next; false if nothing was until `end`.
    fn next(&mut self, end: Instant) -> Result<bool> {
        let printed = select! {
            recv(self.printed) -> printed => printed.ok(),
            recv(self.quit) -> _ => bail!("the demo was stopped"),
            recv(at(end)) -> _ => None,
        };
        let Some(printed) = printed else { return Ok(false) };
        if let Some(line) = &printed.line {
            self.show(&printed.by, "|", line)?;
        }
        self.seen.push(printed);
        Ok(true)
    }

    pub(super) fn server(&mut self, address: &str) -> Result<(Actor, String)> {
        let server = self.start("Server", &["server", address])?;
        let line = self.wait("Server", |line| line.contains("listening on "))?;
        self.wait("Server", |line| line.ends_with(" Online..."))?;
        let address =
            line.split("listening on ").nth(1).and_then(|rest| rest.split([';', ' ']).next());
        Ok((server, address.unwrap_or_default().to_owned()))
    }

    pub(super) fn client(&mut self, name: &str, address: &str) -> Result<Actor> {
        let client = self.start(name, &["client", address, "--name", name])?;
        self.wait(name, |line| line.contains("Successful!"))?;
        Ok(client)
    }

    /// Starts this very program as another process, and collects what it prints.
    fn start(&self, name: &str, args: &[&str]) -> Result<Actor> {
        let failed = || format!("cannot start {name}");
        let program = std::env::current_exe().with_context(failed)?;
        let mut command = Command::new(program);
        // The server names the program as the user did, and not with the whole path.
        command.arg0(std::env::args_os().next().unwrap_or_else(|| "tcp-chat".into()));
        // What the user set for a server of his own is not meant for the demo's.
        std::env::vars_os()
            .filter(|(key, _)| key.to_string_lossy().starts_with("TCP_CHAT_"))
            .for_each(|(key, _)| _ = command.env_remove(key));
        let (from, to) = io::pipe().with_context(failed)?;
        command.stdout(to.try_clone().with_context(failed)?).stderr(to);
        let mut child = command.args(args).stdin(Stdio::piped()).spawn().with_context(failed)?;
        let stdin = child.stdin.take();
        let (by, printer) = (name.to_owned(), self.printer.clone());
        thread::spawn(move || {
            let lines = BufReader::new(from).lines().map_while(Result::ok);
            for line in lines.map(Some).chain([None]) {
                let _ = printer.send(Printed { by: by.clone(), line });
            }
        });
        Ok(Actor { name: name.to_owned(), child, stdin })
    }

    /// Waits until `by` prints a line of this kind, and shows all that is printed meanwhile.
    pub(super) fn wait(&mut self, by: &str, wanted: impl Fn(&str) -> bool) -> Result<String> {
        let found = self.wait_for(by, |line| line.is_some_and(&wanted))?;
        Ok(found.line.unwrap_or_default())
    }

    fn wait_for(&mut self, by: &str, wanted: impl Fn(Option<&str>) -> bool) -> Result<Printed> {
        let deadline = Instant::now() + ACT;
        loop {
            let found =
                self.seen.iter().position(|seen| seen.by == by && wanted(seen.line.as_deref()));
            if let Some(index) = found {
                return Ok(self.seen.remove(index));
            }
            if !self.next(deadline)? {
                bail!("{by} did not show what it should have");
            }
        }
    }

    pub(super) fn all_hear(&mut self, line: &str, listeners: &[String]) -> Result<()> {
        for listener in listeners {
            self.wait(listener, |heard| heard == line)?;
        }
        self.wait("Server", |heard| heard == line).map(drop)
    }

    /// Shows a line as `by` printed or typed it. How to join is left out: there is nothing to
    /// join but a demo.
    fn show(&self, by: &str, sign: &str, line: &str) -> Result<()> {
        if by == "Server" && line.starts_with("    ") {
            return Ok(());
        }
        let line = match line.split_once(';') {
            Some((listening, _)) if line.starts_with("listening on ") => listening,
            _ => line,
        };
        let style = if by == "Server" { Style::Bold } else { Style::Hue(paint::hue(by)) };
        let is_notice = matches!(paint::pieces(line)[..], [(Style::Dim, _)]);
        let columns = columns().saturating_sub(8 + 3);
        for (row, text) in wrapped(line, columns.max(NARROWEST)).enumerate() {
            let mut shown = String::new();
            let by = if row == 0 { by } else { "" };
            self.palette.paint(style, &format!("{by:>8}"), &mut shown);
            shown.extend([" ", sign, " "]);
            let pieces = if is_notice { vec![(Style::Dim, text)] } else { paint::pieces(text) };
            for (style, piece) in pieces {
                self.palette.paint(style, piece, &mut shown);
            }
            print(&shown)?;
        }
        Ok(())
    }

    /// Types a line into a client.
    pub(super) fn type_line(&self, actor: &mut Actor, text: &str) -> Result<()> {
        self.show(&actor.name, ">", text)?;
        let stdin = actor.stdin.as_mut().context("the client's input is closed")?;
        writeln!(stdin, "{text}").with_context(|| format!("{} does not listen", actor.name))
    }

    /// Lets one client speak, and waits until all `listeners` have heard it.
    pub(super) fn talk(
        &mut self,
        actor: &mut Actor,
        text: &str,
        listeners: &[String],
    ) -> Result<()> {
        self.pause(self.pause / 2)?;
        self.type_line(actor, text)?;
        self.all_hear(&name_of(&actor.name)?.says(text), listeners)
    }

    /// Lets a client's input end, and waits until it has said goodbye and the process has ended well.
    pub(super) fn leave(&mut self, mut actor: Actor, listeners: &[String]) -> Result<()> {
        actor.stdin = None;
        self.all_hear(&name_of(&actor.name)?.farewell(), listeners)?;
        self.wait("Server", |line| line.contains("Has Disconnected! (left)"))?;
        self.ended(&mut actor)
    }

    /// Stops a server, and waits until it has ended well.
    pub(super) fn stop(&mut self, server: &mut Actor) -> Result<()> {
        let id = rustix::process::Pid::from_child(&server.child);
        rustix::process::kill_process(id, rustix::process::Signal::INT)
            .context("cannot stop the server")?;
        self.ended(server)
    }

    fn ended(&mut self, actor: &mut Actor) -> Result<()> {
        self.wait_for(&actor.name, |line| line.is_none())?;
        let deadline = Instant::now() + ACT;
        loop {
            match actor.child.try_wait() {
                Ok(Some(status)) if status.success() => return Ok(()),
                Ok(Some(status)) => bail!("{} ended with {status}", actor.name),
                Ok(None) if Instant::now() < deadline => thread::sleep(Duration::from_millis(5)),
                Ok(None) => bail!("{} did not end", actor.name),
                Err(error) => bail!("{} is lost: {error}", actor.name),
            }
        }
    }
}

fn print(line: &str) -> Result<()> {
    writeln!(io::stdout(), "{line}").context("nobody watches")
}

/// How wide the window is. What is no window has no end.
fn columns() -> usize {
    let size = rustix::termios::tcgetwinsize(io::stdout());
    size.ok().map(|size| usize::from(size.ws_col)).filter(|&n| n > 0).unwrap_or(usize::MAX)
}

/// Breaks a text between words into rows of at most so many characters. A word that is longer stays
/// whole.
fn wrapped(text: &str, columns: usize) -> impl Iterator<Item = &str> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let text = rest?;
        let fits = |&(at, _): &(usize, &str)| text[..at].chars().count() <= columns;
        let ends = text.match_indices(' ').chain([(text.len(), "")]);
        let end = ends.take_while(fits).last().map(|(at, _)| at).filter(|&at| at > 0);
        let end = end.or_else(|| text.find(' ')).unwrap_or(text.len());
        rest = text.get(end + 1..);
        Some(&text[..end])
    })
}

/// A name of the demo, as a client has it.
pub(super) fn name_of(name: &str) -> Result<Name> {
    Ok(name.parse()?)
}
