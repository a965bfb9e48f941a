//! The demo: a server and some clients as separate processes, from the first hello to the last
//! goodbye, with a server that goes away and comes back in between.
//!
//! It is a test as well: each act ends only when what it is to show has been seen.

use std::io::{self, BufRead, BufReader, IsTerminal, Write};
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, at, select};

use crate::name::Name;
use crate::paint::{self, Palette, Style};
use crate::wire;

/// How long an act may take before the demo has failed.
const ACT: Duration = Duration::from_secs(5);

/// How long the demo pauses for a person to read along.
const PAUSE: Duration = Duration::from_millis(700);

const STOPPED: &str = "the demo was stopped";

const NAMES: [&str; 6] = ["Ann", "Bob", "Cleo", "Dan", "Eve", "Finn"];

/// A line that a process printed.
struct Printed {
    by: String,
    line: String,
}

/// A process of the demo. Killed if the demo ends before it does.
struct Actor {
    name: String,
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

struct Stage {
    printed: Receiver<Printed>,
    printer: Sender<Printed>,
    pause: Duration,
    palette: Palette,
    /// What was printed and not waited for yet.
    seen: Vec<Printed>,
    /// Somebody has seen enough. The processes must not outlive the demo, so it ends in good order.
    quit: Receiver<()>,
}

/// Runs the demo with so many clients; `fast` leaves out the pauses.
///
/// # Errors
/// What was to be seen and was not; or something came over `quit`.
pub fn run(clients: u16, fast: bool, quit: Receiver<()>) -> Result<(), String> {
    let (printer, printed) = crossbeam_channel::unbounded();
    let pause = if fast { Duration::ZERO } else { PAUSE };
    let palette = Palette::new(io::stdout().is_terminal());
    let mut stage = Stage { printed, printer, pause, palette, seen: Vec::new(), quit };
    let names: Vec<String> = (0..usize::from(clients)).map(name).collect();

    stage.say("A server starts: one process, one thread per client to come.")?;
    let (mut server, address) = stage.server("127.0.0.1:0")?;
    let port = address.rsplit(':').next().and_then(|port| port.parse().ok()).unwrap_or_default();

    stage.say("The clients start, each a process of its own.")?;
    let mut actors = Vec::new();
    for name in &names {
        actors.push(stage.client(name, &address)?);
        stage.wait("Server", |line| line.contains("Has Connected!"))?;
    }

    stage.say("Each says hello; everyone hears everyone, in one order.")?;
    for actor in &mut actors {
        stage.talk(actor, "hello", &names)?;
    }

    let leaver = actors.remove(0);
    stage.say(&format!("{} leaves: its record is removed, nobody else notices.", leaver.name))?;
    let gone = leaver.name.clone();
    Stage::end(leaver)?;
    let stayed = &names[1..];
    let farewell = name_of(&gone)?.farewell();
    for name in stayed {
        stage.wait(name, |line| line == farewell)?;
    }
    stage.wait("Server", |line| line.contains("Has Disconnected! (left)"))?;

    stage.say("The server stops: everyone is told.")?;
    signal(&server, rustix::process::Signal::INT)?;
    Stage::ended(&mut server)?;
    for name in stayed {
        stage.wait(name, |line| line == wire::offline(port))?;
        stage.wait(name, |line| line.contains("Lost"))?;
    }

    stage.say(&format!("{} talks on: the line waits for a server.", stayed[0]))?;
    actors[0].type_line("is anybody there?")?;

    stage.say("A new server on the same port: the clients come back by themselves.")?;
    let (mut server, _) = stage.server(&address)?;
    for name in stayed {
        stage.wait(name, |line| line.contains("Successful!"))?;
    }
    let kept = name_of(&stayed[0])?.says("is anybody there?");
    for name in stayed {
        stage.wait(name, |line| line == kept)?;
    }
    for actor in &mut actors {
        stage.talk(actor, "still here", stayed)?;
    }

    stage.say("Everyone leaves, and the server stops.")?;
    for actor in actors {
        Stage::end(actor)?;
        stage.wait("Server", |line| line.contains("Has Disconnected! (left)"))?;
    }
    signal(&server, rustix::process::Signal::INT)?;
    Stage::ended(&mut server)?;
    stage.say("Done: every step was seen to happen.")
}

fn name(index: usize) -> String {
    NAMES.get(index).map_or_else(|| format!("Client{}", index + 1), |&name| name.to_owned())
}

fn name_of(name: &str) -> Result<Name, String> {
    name.parse()
}

impl Actor {
    fn type_line(&mut self, text: &str) -> Result<(), String> {
        let stdin = self.stdin.as_mut().ok_or("the client's input is closed")?;
        writeln!(stdin, "{text}").map_err(|error| format!("{} does not listen: {error}", self.name))
    }
}

impl Stage {
    fn say(&self, explanation: &str) -> Result<(), String> {
        self.pause(self.pause)?;
        let mut line = String::new();
        self.palette.paint(Style::Bold, &format!("--- {explanation}"), &mut line);
        print(&line)?;
        self.pause(self.pause / 2)
    }

    fn pause(&self, duration: Duration) -> Result<(), String> {
        match self.quit.recv_timeout(duration) {
            Ok(()) => Err(STOPPED.to_owned()),
            Err(_) => Ok(()),
        }
    }

    fn server(&mut self, address: &str) -> Result<(Actor, String), String> {
        let server = self.start("Server", &["server", address])?;
        let line = self.wait("Server", |line| line.contains("listening on "))?;
        let address =
            line.split("listening on ").nth(1).and_then(|rest| rest.split([';', ' ']).next());
        Ok((server, address.unwrap_or_default().to_owned()))
    }

    fn client(&mut self, name: &str, address: &str) -> Result<Actor, String> {
        let client = self.start(name, &["client", address, "--name", name])?;
        self.wait(name, |line| line.contains("Successful!"))?;
        Ok(client)
    }

    /// Starts this very program as another process, and collects what it prints.
    fn start(&self, name: &str, args: &[&str]) -> Result<Actor, String> {
        let failed = |error: io::Error| format!("cannot start {name}: {error}");
        let program = std::env::current_exe().map_err(failed)?;
        let mut command = Command::new(program);
        // The server names the program as the user did, and not with the whole path.
        command.arg0(std::env::args_os().next().unwrap_or_else(|| "tcp-chat".into()));
        // What the user set for a server of his own is not meant for the demo's.
        std::env::vars_os()
            .filter(|(key, _)| key.to_string_lossy().starts_with("TCP_CHAT_"))
            .for_each(|(key, _)| _ = command.env_remove(key));
        command.args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().map_err(failed)?;
        let stdin = child.stdin.take();
        if let Some(out) = child.stdout.take() {
            self.collect(name, out);
        }
        if let Some(err) = child.stderr.take() {
            self.collect(name, err);
        }
        Ok(Actor { name: name.to_owned(), child, stdin })
    }

    fn collect(&self, name: &str, from: impl io::Read + Send + 'static) {
        let (by, printer) = (name.to_owned(), self.printer.clone());
        thread::spawn(move || {
            for line in BufReader::new(from).lines().map_while(Result::ok) {
                let _ = printer.send(Printed { by: by.clone(), line });
            }
        });
    }

    /// Waits until `by` prints a line of this kind, and shows all that is printed meanwhile.
    fn wait(&mut self, by: &str, wanted: impl Fn(&str) -> bool) -> Result<String, String> {
        let deadline = Instant::now() + ACT;
        loop {
            let found = self.seen.iter().position(|seen| seen.by == by && wanted(&seen.line));
            if let Some(index) = found {
                return Ok(self.seen.remove(index).line);
            }
            let printed = select! {
                recv(self.printed) -> printed => printed.ok(),
                recv(self.quit) -> _ => return Err(STOPPED.to_owned()),
                recv(at(deadline)) -> _ => None,
            };
            let printed =
                printed.ok_or_else(|| format!("{by} did not show what it should have"))?;
            self.show(&printed)?;
            self.seen.push(printed);
        }
    }

    fn show(&self, printed: &Printed) -> Result<(), String> {
        let Printed { by, line } = printed;
        let mut shown = String::new();
        let style = if by == "Server" { Style::Bold } else { Style::Hue(paint::hue(by)) };
        self.palette.paint(style, &format!("{by:>8}"), &mut shown);
        self.palette.paint(Style::Dim, " | ", &mut shown);
        self.palette.paint_line(line, &mut shown);
        print(&shown)
    }

    /// Lets one client speak, and waits until all `listeners` have heard it.
    fn talk(&mut self, actor: &mut Actor, text: &str, listeners: &[String]) -> Result<(), String> {
        self.pause(self.pause / 2)?;
        actor.type_line(text)?;
        let line = name_of(&actor.name)?.says(text);
        for listener in listeners {
            self.wait(listener, |heard| heard == line)?;
        }
        self.wait("Server", |heard| heard == line).map(drop)
    }

    /// Lets a client's input end, and waits until the process has ended well.
    fn end(mut actor: Actor) -> Result<(), String> {
        actor.stdin = None;
        Self::ended(&mut actor)
    }

    fn ended(actor: &mut Actor) -> Result<(), String> {
        let deadline = Instant::now() + ACT;
        loop {
            match actor.child.try_wait() {
                Ok(Some(status)) if status.success() => return Ok(()),
                Ok(Some(status)) => return Err(format!("{} ended with {status}", actor.name)),
                Ok(None) if Instant::now() < deadline => thread::sleep(Duration::from_millis(5)),
                Ok(None) => return Err(format!("{} did not end", actor.name)),
                Err(error) => return Err(format!("{} is lost: {error}", actor.name)),
            }
        }
    }
}

fn print(line: &str) -> Result<(), String> {
    writeln!(io::stdout(), "{line}").map_err(|error| format!("nobody watches: {error}"))
}

fn signal(actor: &Actor, signal: rustix::process::Signal) -> Result<(), String> {
    let id = rustix::process::Pid::from_child(&actor.child);
    rustix::process::kill_process(id, signal)
        .map_err(|error| format!("cannot signal {}: {error}", actor.name))
}
