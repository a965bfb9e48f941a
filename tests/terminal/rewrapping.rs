//! A terminal that wraps long lines anew when its width changes, as most do today: tmux is one.

use std::fs::File;
use std::process::{Command, Output};

use rustix::termios::tcgetwinsize;

use crate::support::server::Server;
use crate::support::{has, wait_until};

/// A tmux of our own, ended with the test.
struct Tmux {
    socket: String,
}

impl Drop for Tmux {
    fn drop(&mut self) {
        self.run(&["kill-server"]);
    }
}

impl Tmux {
    /// Runs a client in a window of this width; none if there is no tmux.
    fn client(server: &Server, columns: &str) -> Option<Self> {
        if !has("tmux") {
            return None;
        }
        let tmux = Self { socket: format!("tcp-chat-test-{}", std::process::id()) };
        let client = format!(
            "env -u NO_COLOR {} client {} --name Ann",
            env!("CARGO_BIN_EXE_tcp-chat"),
            server.address
        );
        let started =
            tmux.run(&["-f", "/dev/null", "new-session", "-d", "-x", columns, "-y", "24", &client]);
        assert!(started.status.success(), "{started:?}");
        Some(tmux)
    }

    fn run(&self, args: &[&str]) -> Output {
        let mut command = Command::new("tmux");
        command.args(["-L", &self.socket]).args(args).env_remove("TMUX");
        command.output().expect("tmux runs")
    }

    /// The rows in the window that are not empty.
    fn rows(&self) -> Vec<String> {
        let rows = self.run(&["capture-pane", "-p"]).stdout;
        let rows = String::from_utf8(rows).expect("text");
        rows.lines().map(|row| row.trim_end().to_owned()).filter(|row| !row.is_empty()).collect()
    }
}

#[test]
fn the_draft_is_there_once_however_the_window_changes() {
    let mut server = Server::start(&[]);
    let Some(tmux) = Tmux::client(&server, "80") else { return };
    wait_until("the client has come", || {
        server.history().count(|line| line.ends_with("Has Connected!")) == 1
    });
    let mut bob = server.join();
    let tty = tmux.run(&["display", "-p", "#{pane_tty}"]).stdout;
    let tty = File::open(String::from_utf8_lossy(&tty).trim()).expect("the client's terminal");
    let draft = "a draft of some sixty letters, more than half of them here";
    tmux.run(&["send-keys", "-l", draft]);
    let mut whole = format!("> {draft}");
    wait_until("the draft is there", || tmux.rows().last() == Some(&whole));
    for columns in [40, 80, 60, 33, 100, 34, 80] {
        tmux.run(&["resize-window", "-x", &columns.to_string(), "-y", "24"]);
        wait_until(&format!("the client is told of {columns} columns"), || {
            tcgetwinsize(&tty).is_ok_and(|size| size.ws_col == columns)
        });
        // It knows when it ends this row where the window ends now.
        let full = format!("{:x<1$}", format!("Bob: {columns} "), usize::from(columns));
        bob.send(format!("{full} end\n"));
        wait_until(&format!("the client knows of {columns} columns"), || {
            tmux.rows().windows(2).any(|rows| rows[0] == full && rows[1] == "  end")
        });
        tmux.run(&["send-keys", "-l", "."]);
        whole.push('.');
        wait_until(&format!("the draft at {columns} columns, once: {whole}"), || {
            let rows = tmux.rows();
            let marker = rows.iter().rposition(|row| row == "  end");
            let shown = marker.map(|marker| rows[marker + 1..].concat());
            shown.is_some_and(|shown| shown.replace(' ', "") == whole.replace(' ', ""))
        });
    }
    tmux.run(&["send-keys", "Enter"]);
    wait_until("it is said, and there once", || {
        let rows = tmux.rows();
        let said = rows.iter().filter(|row| row.contains("a draft")).count();
        said == 1 && rows.last().is_some_and(|row| row == ">")
    });
    server.stop();
}
