//! Lays out a line of any length in rows, for a terminal of any width. Characters may have any
//! width.

use std::ops::Range;

use unicode_segmentation::UnicodeSegmentation;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use crate::app::ui::paint::{Palette, Style};

/// Appends a line, and its newline. Each piece has its own style. The later rows begin with `lead`.
pub(crate) fn lay_out(
    pieces: &[(Style, &str)],
    lead: &str,
    columns: usize,
    palette: Palette,
    out: &mut String,
) {
    let text: String = pieces.iter().map(|(_, text)| *text).collect();
    for row in wrap(&text, width(lead), columns) {
        out.push_str(if row.start == 0 { "" } else { lead });
        let mut start = 0;
        for (style, text) in pieces {
            let end = start + text.len();
            let (from, to) = (row.start.clamp(start, end), row.end.clamp(start, end));
            out.push_str(&palette.painted(*style, &text[from - start..to - start]));
            start = end;
        }
        out.push('\n');
    }
}

/// Cuts text into rows, between words. The later rows begin behind `indent` columns. The terminal
/// itself wraps a word that is longer than a row, and so it can be copied as one.
fn wrap(text: &str, indent: usize, columns: usize) -> Vec<Range<usize>> {
    let mut rows = Vec::new();
    let (mut start, mut at, mut column) = (0, 0, 0);
    let mut cut = |at: usize| {
        rows.push(start..start + text[start..at].trim_end_matches(' ').len());
        start = at;
        indent
    };
    for word in words(text) {
        let letters = word.trim_end_matches(' ');
        let fits_a_row = indent.saturating_add(width(letters)) <= columns;
        if at > 0 && column + width(letters) > columns && (fits_a_row || column >= columns) {
            column = cut(at);
        }
        for (index, cluster) in letters.grapheme_indices(true) {
            if column + width(cluster) > columns {
                // Here the terminal begins a row at its left edge. It must not look like a notice.
                let is_notice = text[at + index..].starts_with("--");
                column = if is_notice { cut(at + index) } else { 0 };
            }
            column += width(cluster);
        }
        column += word.len() - letters.len();
        at += word.len();
    }
    cut(text.len());
    rows
}

/// Splits text behind spaces, and behind wide characters, which need no spaces between words.
fn words(mut text: &str) -> impl Iterator<Item = &str> {
    std::iter::from_fn(move || {
        let is_end = |&(at, cluster): &(usize, &str)| {
            width(cluster) > 1 || (cluster == " " && !text[at + 1..].starts_with(' '))
        };
        let end = text.grapheme_indices(true).find(is_end);
        let (word, rest) = text.split_at(end.map_or(text.len(), |(at, it)| at + it.len()));
        text = rest;
        (!word.is_empty()).then_some(word)
    })
}

/// How many columns the text takes. Terminals disagree about some emoji; this is the highest
/// number.
pub(super) fn width(text: &str) -> usize {
    let apart = text.chars().map(|character| character.width().unwrap_or(0)).sum();
    text.width().max(apart)
}
