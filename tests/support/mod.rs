//! Shared by all tests: real processes, plain sockets, and functions that wait for an effect, not
//! for a fixed time.
#![allow(dead_code, reason = "each test program uses a part of this")]

pub(crate) mod fake;
pub(crate) mod network;
pub(crate) mod peer;
pub(crate) mod process;
pub(crate) mod pty;
pub(crate) mod python;
pub(crate) mod script;
pub(crate) mod server;
pub(crate) mod talk;
pub(crate) mod usage;
pub(crate) mod view;
pub(crate) mod witness;

use std::io::{self, Write};
use std::net::SocketAddr;
use std::thread;
use std::time::{Duration, Instant};

use socket2::{Domain, Socket, Type};

/// The time limit of every wait. A passing test never waits this long. The limit is long, so that a
/// busy machine alone makes no test fail.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// Reports that a test is skipped. It writes past the test runner, which hides the output of a
/// passing test. If `TCP_CHAT_SKIP_NOTHING` is set, the test fails.
pub(crate) fn skip(why: &str) {
    assert!(std::env::var_os("TCP_CHAT_SKIP_NOTHING").is_none(), "skipped: {why}");
    let test = thread::current().name().unwrap_or("a test").to_owned();
    let _ = writeln!(io::stderr(), "skipped: {test}: {why}");
}

/// Whether a server can listen at this address. Asks without a listener: a process that another thread
/// starts meanwhile would have it for a moment, and could be called in the server's place.
pub(crate) fn is_free(address: SocketAddr) -> bool {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None).expect("a socket");
    socket.set_reuse_address(true).expect("a flag can be set");
    socket.bind(&address.into()).is_ok()
}

/// Whether this program is installed. If not, the test is skipped.
pub(crate) fn has(program: &str) -> bool {
    if !is_there(program) {
        skip(&format!("there is no {program}"));
    }
    is_there(program)
}

/// Whether this program is installed.
pub(crate) fn is_there(program: &str) -> bool {
    let paths = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&paths).any(|path| path.join(program).is_file())
}

/// Waits until `holds` returns true. On failure, the message names `what`.
pub(crate) fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < deadline, "timed out: waited until {what}");
        thread::sleep(Duration::from_millis(2));
    }
}

/// Fails with the first difference only, because two lists of a thousand lines are hard to read.
pub(crate) fn assert_same(who: &str, heard: &[String], expected: &[String]) {
    if let Some(at) =
        (0..heard.len().max(expected.len())).find(|&i| heard.get(i) != expected.get(i))
    {
        panic!(
            "{who}: line {at} of {} is {:?}; expected, of {}: {:?}",
            heard.len(),
            heard.get(at),
            expected.len(),
            expected.get(at)
        );
    }
}
