//! Checks that a connection ends with the client's wish for it.

use std::io::Read;
use std::net::TcpListener;
use std::thread;
use std::time::{Duration, Instant};

use crate::client::dialer::Dialer;
use crate::client::{Config, Introduction, WINDOW};
use crate::protocol::{Framing, MAX_LINE, Name};

/// How long anything here may take.
const PATIENCE: Duration = Duration::from_secs(60);

fn config(address: String) -> Config {
    Config {
        address,
        name: Name::of_process(1),
        framing: Framing::Lines,
        greets: false,
        introduce: Introduction::No,
        local_echo: false,
        max_line: MAX_LINE,
        window: WINDOW,
        stay: false,
        reconnect: true,
        give_up_after: None,
    }
}

/// The event loop handles the user's wish first, and does not know of the connection yet.
#[test]
fn a_connection_that_was_just_made_does_not_outlive_the_wish_for_it() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let config = config(listener.local_addr().expect("an address").to_string());
    for wish in [Dialer::hang_up, Dialer::dial_afresh] {
        let mut dialer = Dialer::new(&config);
        dialer.dial();
        let (mut stream, _) = listener.accept().expect("the dialer calls");
        let deadline = Instant::now() + PATIENCE;
        while dialer.received.is_empty() {
            assert!(Instant::now() < deadline, "the connection is not announced");
            thread::yield_now();
        }
        wish(&mut dialer);
        stream.set_read_timeout(Some(PATIENCE)).expect("a time can be set");
        assert_eq!(stream.read(&mut [0]).expect("the end, and no timeout"), 0);
    }
}
