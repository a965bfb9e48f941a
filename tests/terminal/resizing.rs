//! A terminal that wraps long lines again when its width changes. Most terminals do so today; tmux
//! is one of them.

use std::process::{Command, Output};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use crate::support::server::Server;
use crate::support::{has, wait_until};

/// A tmux server for one test; it ends with the test.
struct Tmux {
    socket: String,
}

impl Drop for Tmux {
    fn drop(&mut self) {
        self.run(&["kill-server"]);
    }
}

impl Tmux {
    /// Runs a client in a window with this many columns. None if tmux is not installed.
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
fn no_message_is_lost_while_the_window_changes_its_size() {
    const LINES: usize = 600;
    const LINES_PER_RESIZE: usize = 20;
    let server = Server::start(&[]);
    let Some(tmux) = Tmux::client(&server, "80") else { return };
    wait_until("the client has connected", || {
        server.event_log().count(|line| line.contains("Has Connected!")) == 1
    });
    let mut bob = server.join();
    tmux.run(&["send-keys", "-l", "a draft of some sixty letters, more than half of them here"]);
    let (said, is_time) = mpsc::channel();
    let talker = thread::spawn(move || {
        for number in 0..LINES {
            bob.send(format!("Bob: message {number}.\n"));
            if number % LINES_PER_RESIZE == 0 {
                said.send(()).expect("the test goes on");
            }
            // As many lines per second as the documentation promises.
            thread::sleep(Duration::from_millis(5));
        }
    });
    let sizes = [(80, 24), (40, 24), (120, 10), (30, 10), (33, 6), (100, 40)];
    for (columns, rows) in sizes.iter().cycle() {
        let (columns, rows): (u16, u16) = (*columns, *rows);
        let size = [columns.to_string(), rows.to_string()];
        tmux.run(&["resize-window", "-x", &size[0], "-y", &size[1]]);
        if is_time.recv().is_err() {
            break;
        }
    }
    talker.join().expect("all lines are said");
    tmux.run(&["send-keys", "Enter"]);
    wait_until("the draft is said, and the prompt empty", || {
        let rows = tmux.rows();
        // The line may have been wrapped at any place.
        let letters = rows.concat().replace(' ', "");
        letters.ends_with('>') && letters.contains("morethanhalfofthemhere")
    });
    let shown = tmux.run(&["capture-pane", "-p", "-J", "-S", "-"]).stdout;
    let shown = String::from_utf8(shown).expect("text");
    let lost: Vec<usize> =
        (0..LINES).filter(|n| !shown.contains(&format!("Bob: message {n}."))).collect();
    assert!(lost.is_empty(), "lost: {lost:?}");
}
