//! Where the client's input comes from and its output goes to: a pipe, for now.

use std::io::{self, BufWriter, Read, Stdout, Write};
use std::thread;

use crossbeam_channel::{Receiver, Sender};

use crate::client::{Input, Screen, Status};
use crate::wire::{self, Found, Lines};

/// Reads lines from stdin on a thread of its own. Lines over `max` bytes are passed on to be
/// refused, shortened.
///
/// # Errors
/// The thread could not be started.
pub fn read_stdin(max: usize) -> io::Result<Receiver<Input>> {
    let (sender, input) = crossbeam_channel::bounded(1);
    thread::Builder::new().name("input".to_owned()).spawn(move || {
        let _ = pass_lines(io::stdin().lock(), max, &sender);
    })?;
    Ok(input)
}

fn pass_lines(mut stdin: impl Read, max: usize, input: &Sender<Input>) -> io::Result<()> {
    let mut lines = Lines::new(max);
    let mut buffer = vec![0; 64 * 1024];
    let mut gone = false;
    let mut pass = |found: Found| {
        let text = match found {
            Found::Line(line) => wire::repaired(line),
            Found::TooLong => "x".repeat(max + 1),
        };
        gone |= input.send(Input::Say(text)).is_err();
    };
    loop {
        match stdin.read(&mut buffer) {
            Ok(0) => break,
            Ok(length) => lines.feed(&buffer[..length], &mut pass),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    lines.finish(&mut pass);
    Ok(())
}
