//! What this machine takes for the three things that a chat server does all the time. The ratios
//! between servers depend on them: a server with a thread for each client switches threads more
//! often than one with an event loop, and each of them needs as many sends.

use std::hint::black_box;
use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

const CALLS: u32 = 200_000;
const SWITCHES: u32 = 20_000;
const ROUND_TRIPS: u32 = 20_000;

/// One line for a report.
pub(crate) fn costs() -> io::Result<String> {
    Ok(format!(
        "This machine: a system call {} ns, a context switch {} ns, a round trip over loopback {:.1} µs",
        system_call().as_nanos(),
        context_switch()?.as_nanos(),
        round_trip()?.as_secs_f64() * 1e6,
    ))
}

/// The cheapest one: it only returns a number.
fn system_call() -> Duration {
    let start = Instant::now();
    (0..CALLS).for_each(|_| _ = black_box(rustix::process::getppid()));
    start.elapsed() / CALLS
}

/// Two threads on one core hand a byte to each other through pipes. Each turn is a write, a switch and
/// a read, so two calls on a pipe are counted as a part of the switch.
fn context_switch() -> io::Result<Duration> {
    let ((mut there, mut to_there), (mut back, mut to_back)) = (io::pipe()?, io::pipe()?);
    thread::scope(|scope| {
        // A thread of its own, because the others must keep all cores.
        let timed = scope.spawn(move || {
            stay_on_one_core();
            // It inherits the core.
            let other = thread::spawn(move || pass(&mut there, &mut to_back));
            let start = Instant::now();
            for _ in 0..SWITCHES / 2 {
                to_there.write_all(&[0])?;
                back.read_exact(&mut [0])?;
            }
            let time = start.elapsed() / SWITCHES;
            drop(to_there);
            _ = other.join();
            Ok(time)
        });
        timed.join().expect("nothing in it panics")
    })
}

/// A message there and back between two threads, wherever the system puts them.
fn round_trip() -> io::Result<Duration> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let mut socket = TcpStream::connect(listener.local_addr()?)?;
    let (mut other, _) = listener.accept()?;
    socket.set_nodelay(true)?;
    other.set_nodelay(true)?;
    let mut replies = other.try_clone()?;
    thread::spawn(move || pass(&mut other, &mut replies));
    let start = Instant::now();
    for _ in 0..ROUND_TRIPS {
        socket.write_all(&[0])?;
        socket.read_exact(&mut [0])?;
    }
    Ok(start.elapsed() / ROUND_TRIPS)
}

/// Gives back each byte, until the other side is gone.
fn pass(from: &mut impl Read, to: &mut impl Write) {
    let mut byte = [0];
    while from.read_exact(&mut byte).is_ok() && to.write_all(&byte).is_ok() {}
}

#[cfg(target_os = "linux")]
fn stay_on_one_core() {
    let mut only = rustix::thread::CpuSet::new();
    only.set(rustix::thread::sched_getcpu());
    // If it is refused, the time is that of a switch between cores.
    let _ = rustix::thread::sched_setaffinity(None, &only);
}

#[cfg(not(target_os = "linux"))]
fn stay_on_one_core() {}
