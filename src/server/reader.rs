//! Reads from a client, and lets the thread sleep only if no bytes come soon.
//!
//! A thread that sleeps in `read` must be woken, and that costs more than a switch to a thread that is
//! awake. If another thread delivers a client's lines, the next lines of this client are probably on
//! their way. So its thread first lets the others run and looks again, a few times.
//! `docs/performance.md` has the figures.

use std::io;
use std::time::{Duration, Instant};

use super::socket::TcpSocket;
use crate::sync::yield_now;

/// How often a thread looks before it sleeps. With 4 the gain was smaller, with 16 the same.
const LOOKS: usize = 8;

/// Threads of this server give the core back within microseconds. A yield that takes longer went to
/// another program, for a time slice of some milliseconds.
const LONG_YIELD: Duration = Duration::from_millis(2);

/// For so long after a long yield, a thread sleeps at once: beside busy programs, each look would cost
/// it a time slice.
const BUSY: Duration = Duration::from_millis(100);

pub(super) struct Reader<'a> {
    socket: &'a TcpSocket,
    /// Other programs want this core: a yield that began then took long.
    long_yield: Option<Instant>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(socket: &'a TcpSocket) -> Self {
        Self { socket, long_yield: None }
    }

    /// Waits for bytes, and appends them to `buffer`, up to its capacity. 0 bytes are the end.
    pub(super) fn read(&mut self, buffer: &mut Vec<u8>, comes_soon: bool) -> io::Result<usize> {
        let is_busy = self.long_yield.is_some_and(|long| long.elapsed() < BUSY);
        let looks = if comes_soon && !is_busy { LOOKS } else { 0 };
        for _ in 0..looks {
            if let Some(length) = self.socket.read_now(buffer)? {
                return Ok(length);
            }
            let start = Instant::now();
            yield_now();
            if start.elapsed() > LONG_YIELD {
                self.long_yield = Some(start);
                break;
            }
        }
        self.socket.read(buffer)
    }
}
