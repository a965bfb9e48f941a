//! The colours of a chat line. They are the same in the client, the server's event log and the
//! demo.

use std::ops::Range;

use anstyle::{Ansi256Color, Style as Codes};
use tcp_chat::protocol;
use unicode_width::UnicodeWidthChar;

// Each colour has two forms, because no colour can be read on every ground. The first has a contrast
// of at least 4.5:1 on a dark ground, from black to #1e1e1e. The second has it on white.

/// Colours of the 256 that are easy to tell apart. Red is reserved for complaints.
const HUES: [[u8; 14]; 2] = [
    [33, 202, 34, 135, 37, 136, 168, 69, 70, 172, 201, 35, 199, 140],
    [25, 130, 28, 93, 23, 58, 125, 62, 22, 94, 127, 29, 162, 55],
];

/// The colour of notices. The terminal's own dim text is hard to read on some terminals.
const GREY: [u8; 2] = [245, 241];

/// The colour of complaints.
const RED: [u8; 2] = [203, 160];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Style {
    Plain,
    Dim,
    Alarm,
    Bold,
    /// The user's own name, in the line of somebody else.
    Reversed,
    /// A name, in one of the [`HUES`].
    Hue(usize),
}

/// Whether text is coloured, and for which ground.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Palette {
    /// The form of each colour, if there are colours.
    form: Option<usize>,
}

impl Palette {
    /// Colours for a terminal, unless the user or the terminal does not want colours. The ground is
    /// light if the user says so, or the terminal does.
    pub(crate) fn new(is_terminal: bool, light: bool) -> Self {
        let unwanted = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let colours = std::env::var("COLORFGBG").unwrap_or_default();
        let ground = colours.rsplit(';').next().and_then(|ground| ground.parse().ok());
        let light = light || matches!(ground, Some(7 | 9..=15_u8));
        let has_colours = is_terminal && !unwanted && is_capable();
        Self { form: has_colours.then_some(usize::from(light)) }
    }

    pub(crate) fn has_colours(self) -> bool {
        self.form.is_some()
    }

    pub(crate) fn painted(self, style: Style, text: &str) -> String {
        let Some(form) = self.form.filter(|_| !text.is_empty()) else { return text.to_owned() };
        let coloured = |colour: u8| Ansi256Color(colour).on_default();
        let codes = match style {
            Style::Plain => Codes::new(),
            Style::Dim => coloured(GREY[form]),
            Style::Alarm => coloured(RED[form]),
            Style::Bold => Codes::new().bold(),
            Style::Reversed => Codes::new().invert(),
            Style::Hue(hue) => coloured(HUES[form][hue]),
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
pub(crate) fn hue(name: &str) -> Style {
    // FNV-1a, because the standard library's hash may change from one version to the next.
    let hash = name
        .bytes()
        .fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    Style::Hue(hash as usize % HUES[0].len())
}

/// Splits a chat line into pieces: the name in its colour, the message plain, and the sentences of
/// the server and about people dimmed.
pub(crate) fn pieces(line: &str) -> Vec<(Style, &str)> {
    match protocol::speaker(line) {
        Some((name, rest)) if rest.starts_with(':') => {
            vec![(hue(name), name), (Style::Plain, rest)]
        }
        Some((name, rest)) => vec![(hue(name), name), (Style::Dim, rest)],
        None if protocol::is_of_server(line) => vec![(Style::Dim, line)],
        None => vec![(Style::Plain, line)],
    }
}

/// The [`pieces`] of somebody else's line, with `name` reversed wherever it is a word.
pub(crate) fn pieces_for<'a>(name: &str, line: &'a str) -> Vec<(Style, &'a str)> {
    let mut all = pieces(line);
    while let Some(&(Style::Plain, text)) = all.last()
        && let Some(word) = word(name, text)
    {
        all.pop();
        all.extend([(Style::Plain, &text[..word.start]), (Style::Reversed, &text[word.clone()])]);
        all.push((Style::Plain, &text[word.end..]));
    }
    all
}

/// Where `name` stands in the text as a word of its own, in upper or lower case.
fn word(name: &str, text: &str) -> Option<Range<usize>> {
    let is_part = |character: Option<char>| character.is_some_and(char::is_alphanumeric);
    text.char_indices().map(|(start, _)| start..start + name.len()).find(|word| {
        !name.is_empty()
            && !is_part(text[..word.start].chars().next_back())
            && text.get(word.clone()).is_some_and(|it| it.to_lowercase() == name.to_lowercase())
            && !is_part(text[word.end..].chars().next())
    })
}

/// A line that came over the wire. If it looks like a notice of the client, it stands behind a mark.
pub(crate) fn from_wire(line: &str) -> String {
    let is_dash = |c| matches!(c, '-' | '‐'..='―' | '−' | '─' | '━' | '﹘' | '﹣' | '－');
    let unseen = |c: &char| c.is_whitespace() || c.width() == Some(0);
    let mut seen = line.chars().skip_while(unseen);
    let first = seen.next().filter(|&c| is_dash(c));
    if first.is_some_and(|c| c != '-' || seen.find(|c| !unseen(c)).is_some_and(is_dash)) {
        format!("| {line}")
    } else {
        line.to_owned()
    }
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
        for (form, ground) in [(0, DARK[0]), (0, DARK[1]), (1, WHITE)] {
            for colour in HUES[form].into_iter().chain([GREY[form], RED[form]]) {
                let contrast = contrast(rgb(colour), ground);
                assert!(contrast >= 4.5, "{colour} on {ground:?}: {contrast}");
            }
        }
    }
}
