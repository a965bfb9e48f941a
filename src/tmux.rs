//! `tcp-chat demo --tmux`: one window with a server and three clients to type into, side by side.

use std::ffi::OsString;
use std::io::{self, IsTerminal};
use std::process::{Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crossbeam_channel::Receiver;

use crate::terminal::tty;

/// Who talks.
const NAMES: [&str; 3] = ["Ann", "Bob", "Cleo"];

/// How long the server may take to say where it listens.
const START: Duration = Duration::from_secs(5);

/// How often it is looked whether somebody wants to leave.
const LOOK: Duration = Duration::from_millis(50);

/// What stands below the panes.
const KEYS: &str = " Ctrl-B and an arrow: next pane (or click)   Ctrl-Q: end the demo ";

/// A tmux server of our own, so that the user's is left alone. It ends with the demo.
struct Tmux {
    socket: String,
    program: OsString,
}

/// Opens the window, and waits until the user leaves it or something comes over `quit`.
///
/// # Errors
/// There is no tmux, or no terminal for it.
pub fn run(quit: &Receiver<()>) -> Result<(), String> {
    if !(io::stdin().is_terminal() && io::stdout().is_terminal()) {
        return Err("the demo in tmux needs a terminal; without --tmux it needs none".to_owned());
    }
    let program = std::env::current_exe().map_err(|error| failed(&error))?.into_os_string();
    let tmux = Tmux { socket: format!("tcp-chat-demo-{}", std::process::id()), program };
    tmux.lay_out()?;
    let mut window = tmux.command(&["attach-session"]).spawn().map_err(|error| failed(&error))?;
    while window.try_wait().map_err(|error| failed(&error))?.is_none() {
        if quit.recv_timeout(LOOK).is_ok() {
            break;
        }
    }
    tmux.end();
    window.wait().map_err(|error| failed(&error)).map(drop)
}

fn failed(error: &io::Error) -> String {
    if error.kind() == io::ErrorKind::NotFound {
        "tmux is not installed; install it, or leave out --tmux".to_owned()
    } else {
        format!("cannot run tmux: {error}")
    }
}

/// Runs a command to its end.
fn done(mut command: Command) -> Result<Output, String> {
    let output = command.stdin(Stdio::null()).output().map_err(|error| failed(&error))?;
    if output.status.success() {
        return Ok(output);
    }
    let why = String::from_utf8_lossy(&output.stderr);
    Err(format!("tmux failed: {}", why.trim()))
}

impl Drop for Tmux {
    fn drop(&mut self) {
        self.end();
    }
}

impl Tmux {
    /// tmux on our own socket, with none of the user's settings.
    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new("tmux");
        // Within tmux it would refuse, not knowing that another one is meant.
        command.args(["-L", &self.socket, "-f", "/dev/null"]).args(args).env_remove("TMUX");
        for (key, _) in std::env::vars_os() {
            if key.to_string_lossy().starts_with("TCP_CHAT_") {
                command.env_remove(key);
            }
        }
        command
    }

    fn run(&self, args: &[&str]) -> Result<Output, String> {
        done(self.command(args))
    }

    /// Ends all panes, and tmux with them.
    fn end(&self) {
        // Fails if the user has left already.
        let _ = self.command(&["kill-server"]).stderr(Stdio::null()).status();
    }

    /// Opens four panes: the server first, since the clients must know where it listens.
    fn lay_out(&self) -> Result<(), String> {
        let (columns, rows) = (tty::columns().to_string(), "50");
        let mut server = self.command(&["new-session", "-d", "-x", &columns, "-y", rows, "--"]);
        server.arg(&self.program).args(["server", "127.0.0.1:0"]);
        done(server)?;
        for (option, value) in [
            ("status-left", KEYS),
            ("status-left-length", "80"),
            ("status-right", ""),
            ("window-status-format", ""),
            ("window-status-current-format", ""),
            ("mouse", "on"),
            ("pane-border-status", "top"),
            ("pane-border-format", " #{pane_title} "),
        ] {
            self.run(&["set", "-g", option, value])?;
        }
        self.run(&["bind", "-n", "C-q", "kill-server"])?;
        let address = self.address()?;
        let port = address.rsplit(':').next().unwrap_or_default();
        self.run(&["select-pane", "-T", &format!("Server @PORT #{port}")])?;
        for name in NAMES {
            let mut client = self.command(&["split-window", "--"]);
            client.arg(&self.program).args(["client", &address, "--name", name]);
            done(client)?;
            self.run(&["select-layout", "tiled"])?;
        }
        self.run(&["select-pane", "-t", ":.1"]).map(drop)
    }

    /// Where the server listens, as its pane says.
    fn address(&self) -> Result<String, String> {
        let deadline = Instant::now() + START;
        while Instant::now() < deadline {
            let shown = self.run(&["capture-pane", "-p"])?.stdout;
            let shown = String::from_utf8_lossy(&shown);
            let start = shown.split("listening on ").nth(1).and_then(|rest| rest.split_once(';'));
            if let Some((address, _)) = start {
                return Ok(address.to_owned());
            }
            thread::sleep(LOOK);
        }
        Err("the server in its pane did not say where it listens".to_owned())
    }
}
