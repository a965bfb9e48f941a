//! The colours of a chat line. They are the same in the client, the server's event log and the
//! demo.
//!
//! Plain data: nothing in here is shared between threads.

use anstyle::{Ansi256Color, Style as Codes};
use tcp_chat::protocol::Name;

// All colours have a contrast of at least 4.5:1 on a dark background, from black to #1e1e1e, and of
// 2.7:1 on white. No colour has 4.5:1 on both #1e1e1e and white.

/// Colours of the 256 that are easy to tell apart. Red is reserved for complaints.
const HUES: [u8; 14] = [33, 202, 34, 135, 37, 136, 168, 69, 70, 172, 201, 35, 199, 140];

/// The colour of notices. The terminal's own dim text is hard to read on some terminals.
const GREY: u8 = 245;

/// The colour of complaints.
const RED: u8 = 203;

/// The first characters of notices.
const NOTICES: [&str; 4] =
    ["* ", "Server @PORT #", "Client @PORT #", "Connection to Server @PORT #"];

/// The style of a piece of text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Style {
    /// Without a style.
    Plain,
    /// A notice.
    Dim,
    /// An error.
    Alarm,
    /// Important text.
    Bold,
    /// A name, in one of the 256 colours.
    Hue(u8),
}

/// Whether text is coloured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Palette {
    colours: bool,
}

impl Palette {
    /// Colours for a terminal, unless the user or the terminal does not want colours.
    pub(crate) fn new(is_terminal: bool) -> Self {
        let unwanted = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        Self { colours: is_terminal && !unwanted && is_capable() }
    }

    pub(crate) fn has_colours(self) -> bool {
        self.colours
    }

    /// The text in `style`.
    pub(crate) fn painted(self, style: Style, text: &str) -> String {
        if !self.colours || text.is_empty() {
            return text.to_owned();
        }
        let codes = match style {
            Style::Plain => Codes::new(),
            Style::Dim => Ansi256Color(GREY).on_default(),
            Style::Alarm => Ansi256Color(RED).on_default(),
            Style::Bold => Codes::new().bold(),
            Style::Hue(hue) => Ansi256Color(hue).on_default(),
        };
        format!("{codes}{text}{codes:#}")
    }
}

/// Whether the terminal can move its cursor and show colours.
pub(crate) fn is_capable() -> bool {
    let term = std::env::var("TERM").unwrap_or_default();
    !matches!(term.as_str(), "" | "dumb" | "cons25" | "emacs")
}

/// The colour of a name. It is the same everywhere and every time.
pub(crate) fn hue(name: &str) -> u8 {
    // FNV-1a, because the standard library's hash may change from one version to the next.
    let hash = name
        .bytes()
        .fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    HUES[hash as usize % HUES.len()]
}

/// Splits a chat line into pieces: the name in its colour, the message plain, and notices dimmed.
pub(crate) fn pieces(line: &str) -> Vec<(Style, &str)> {
    if let Some(name) = line.strip_suffix(" Disconnected!")
        && is_name(name)
    {
        return vec![(Style::Hue(hue(name)), name), (Style::Dim, &line[name.len()..])];
    }
    match line.split_once(": ") {
        Some((name, _)) if is_name(name) => {
            vec![(Style::Hue(hue(name)), name), (Style::Plain, &line[name.len()..])]
        }
        _ if NOTICES.iter().any(|beginning| line.starts_with(beginning)) => {
            vec![(Style::Dim, line)]
        }
        _ => vec![(Style::Plain, line)],
    }
}

fn is_name(text: &str) -> bool {
    text.parse::<Name>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::{GREY, HUES, RED};

    const DARK: [[u8; 3]; 2] = [[0; 3], [0x1e; 3]];
    const WHITE: [u8; 3] = [0xff; 3];

    /// The contrast of two colours, from 1 to 21, as the Web Content Accessibility Guidelines (2.1)
    /// define it.
    fn contrast(one: [u8; 3], other: [u8; 3]) -> f64 {
        let luminance = |colour: [u8; 3]| {
            let [red, green, blue] = colour.map(|part| {
                let part = f64::from(part) / 255.0;
                if part <= 0.03928 { part / 12.92 } else { ((part + 0.055) / 1.055).powf(2.4) }
            });
            0.2126 * red + 0.7152 * green + 0.0722 * blue + 0.05
        };
        let (one, other) = (luminance(one), luminance(other));
        one.max(other) / one.min(other)
    }

    /// One of the 256 colours, above the first 16, as xterm defines it.
    fn rgb(colour: u8) -> [u8; 3] {
        if colour >= 232 {
            return [8 + 10 * (colour - 232); 3];
        }
        let cube = colour - 16;
        [cube / 36, cube / 6 % 6, cube % 6].map(|part| if part == 0 { 0 } else { 55 + 40 * part })
    }

    #[test]
    fn every_colour_can_be_read() {
        assert!((contrast(WHITE, [0; 3]) - 21.0).abs() < 0.01);
        for colour in HUES.into_iter().chain([GREY, RED]) {
            for dark in DARK {
                let contrast = contrast(rgb(colour), dark);
                assert!(contrast >= 4.5, "{colour} on {dark:?}: {contrast}");
            }
            let contrast = contrast(rgb(colour), WHITE);
            assert!(contrast >= 2.7, "{colour} on white: {contrast}");
        }
    }
}
