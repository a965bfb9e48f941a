//! Colours: what a line of chat looks like, the same in the client, the server's history and the
//! demo.
//!
//! A leaf: plain data, nothing shared.

use std::fmt::Write;

use anstyle::{Ansi256Color, AnsiColor, Style as Codes};

use crate::name::Name;

/// Colours of the 256 that everyone can tell from another, and read on black and on white. Red is
/// kept for complaints.
const HUES: [u8; 14] = [33, 166, 34, 134, 37, 136, 168, 62, 70, 172, 127, 30, 204, 64];

/// How lines about the chat begin.
const NOTICES: [&str; 4] =
    ["* ", "Server @PORT #", "Client @PORT #", "Connection to Server @PORT #"];

/// How a piece of text is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// As it is.
    Plain,
    /// Something about the chat, rather than the chat.
    Dim,
    /// Something that went wrong.
    Alarm,
    /// Something to look at.
    Bold,
    /// A name, in one of the 256 colours.
    Hue(u8),
}

/// Whether there are colours at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Palette {
    colours: bool,
}

impl Palette {
    /// Colours for a terminal, unless the user or the terminal wants none.
    pub fn new(is_terminal: bool) -> Self {
        let unwanted = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        Self { colours: is_terminal && !unwanted && is_capable() }
    }

    /// Whether there are any.
    pub fn has_colours(self) -> bool {
        self.colours
    }

    /// Appends `text` in `style`.
    pub fn paint(self, style: Style, text: &str, out: &mut String) {
        if !self.colours || style == Style::Plain || text.is_empty() {
            return out.push_str(text);
        }
        let codes = match style {
            Style::Plain => Codes::new(),
            Style::Dim => Codes::new().dimmed(),
            Style::Alarm => AnsiColor::Red.on_default(),
            Style::Bold => Codes::new().bold(),
            Style::Hue(hue) => Ansi256Color(hue).on_default(),
        };
        // Writing to a string does not fail.
        let _ = write!(out, "{codes}{text}{codes:#}");
    }

    /// Appends a line of chat, painted.
    pub fn paint_line(self, line: &str, out: &mut String) {
        for (style, text) in pieces(line) {
            self.paint(style, text, out);
        }
    }
}

/// Whether the terminal can move its cursor and show colours.
pub fn is_capable() -> bool {
    let term = std::env::var("TERM").unwrap_or_default();
    !matches!(term.as_str(), "" | "dumb" | "cons25" | "emacs")
}

/// The colour of a name; the same everywhere and every time.
pub fn hue(name: &str) -> u8 {
    // FNV-1a: what the standard library hashes with may change from one version to the next.
    let hash = name
        .bytes()
        .fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    HUES[hash as usize % HUES.len()]
}

/// Takes a line of chat apart: a name in its colour, what it says plain, notices dimmed.
pub fn pieces(line: &str) -> Vec<(Style, &str)> {
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
