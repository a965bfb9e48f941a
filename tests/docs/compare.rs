//! Whether a line that was printed is the line that the page shows.
//!
//! They are the same, but for what differs from run to run:
//! - A number of four or more digits behind `#`, `:` or `Client` is a port or a process. It may be
//!   another one, but the same one wherever the section has it, also behind a space.
//! - `15:04:05` is any time of day, and `~100` about a hundred: from a third of it to three times as much.
//! - `…` is anything.

use std::collections::HashMap;

/// Which number of a section stands for which real one.
#[derive(Clone, Debug, Default)]
pub(crate) struct Numbers(HashMap<String, String>);

impl Numbers {
    /// Knows that `shown` on the page is really `real`.
    pub(crate) fn is(&mut self, shown: u16, real: u16) {
        self.0.insert(shown.to_string(), real.to_string());
    }

    /// Whether `printed` is what the page shows. Remembers the numbers if so.
    pub(crate) fn agree(&mut self, shown: &str, printed: &str) -> bool {
        let mut numbers = self.clone();
        let agree = numbers.follow(shown, printed, ' ');
        if agree {
            *self = numbers;
        }
        agree
    }

    fn follow(&mut self, shown: &str, printed: &str, last: char) -> bool {
        let Some(next) = shown.chars().next() else { return printed.is_empty() };
        if let Some(rest) = shown.strip_prefix('…') {
            let mut ends = printed.char_indices().map(|(index, _)| index).chain([printed.len()]);
            return ends.any(|end| {
                let mut numbers = self.clone();
                let agree = numbers.follow(rest, &printed[end..], ' ');
                if agree {
                    *self = numbers;
                }
                agree
            });
        }
        if is_time(shown) && is_time(printed) {
            return self.follow(&shown[TIME..], &printed[TIME..], ' ');
        }
        if let Some((about, rest)) = shown.strip_prefix('~').map(split_digits)
            && let Ok(about) = about.parse::<u64>()
        {
            let (real, printed) = split_digits(printed);
            let is_about = |real: u64| real >= about / 3 && real <= about * 3;
            return real.parse().is_ok_and(is_about) && self.follow(rest, printed, ' ');
        }
        let (number, rest) = split_digits(shown);
        let is_known = || self.0.contains_key(number);
        if number.len() >= 4 && (matches!(last, '#' | ':' | 't') || is_known()) {
            let (real, printed) = split_digits(printed);
            let known = self.0.entry(number.to_owned()).or_insert_with(|| real.to_owned());
            return !real.is_empty() && *known == real && self.follow(rest, printed, ' ');
        }
        match printed.strip_prefix(next) {
            Some(printed) => self.follow(&shown[next.len_utf8()..], printed, next),
            None => false,
        }
    }
}

const TIME: usize = "15:04:05".len();

fn is_time(text: &str) -> bool {
    let digit_or_colon = |(index, byte): (usize, u8)| match index {
        2 | 5 => byte == b':',
        _ => byte.is_ascii_digit(),
    };
    text.len() >= TIME && text.bytes().take(TIME).enumerate().all(digit_or_colon)
}

fn split_digits(text: &str) -> (&str, &str) {
    text.split_at(text.bytes().take_while(u8::is_ascii_digit).count())
}

#[test]
fn lines_are_compared_but_for_what_differs_from_run_to_run() {
    let mut numbers = Numbers::default();
    numbers.is(3234, 20_000);
    assert!(numbers.agree("Server @PORT #3234 Online...", "Server @PORT #20000 Online..."));
    assert!(!numbers.agree("Server @PORT #3234 Online...", "Server @PORT #20001 Online..."));
    assert!(numbers.agree("Client54214: at 15:04:05", "Client77: at 23:59:00"));
    assert!(!numbers.agree("Client54214: hello", "Client78: hello"));
    assert!(numbers.agree("#54214 again", "#77 again"));
    assert!(numbers.agree("nc 127.0.0.1 3234", "nc 127.0.0.1 20000"));
    assert!(!numbers.agree("5000 lines", "4999 lines"));
    assert!(numbers.agree("took … ms, …", "took 12 ms, or so"));
    assert!(!numbers.agree("took … ms", "took 12 s"));
    assert!(numbers.agree("~15 KiB", "45 KiB"));
    assert!(!numbers.agree("~15 KiB", "46 KiB"));
    assert!(!numbers.agree("short", "shorter"));
    assert!(!numbers.agree("longer", "long"));
}
