//! Lays out a line of any length in rows, for a terminal of any width. Characters may have any
//! width, and the line may be on the left or on the right.
//!
//! Plain data: nothing in here is shared between threads.

use std::ops::Range;

use unicode_segmentation::UnicodeSegmentation;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use crate::app::ui::paint::{Palette, Style};

/// A line in pieces. Each piece has its own style.
pub(super) type Pieces<'a> = [(Style, &'a str)];

/// By how many columns the later rows of a line on the left are indented, if the terminal is wide
/// enough.
const INDENT: usize = 2;

/// Appends a line that begins at the left margin, and its newline.
pub(super) fn left(pieces: &Pieces, columns: usize, palette: Palette, out: &mut String) {
    let text = joined(pieces);
    let indent = if columns >= 10 * INDENT { INDENT } else { 0 };
    for row in wrap(&text, columns, columns - indent) {
        let begins = row.start == 0 || text[..row.start].ends_with('\n');
        out.push_str(&" ".repeat(if begins { 0 } else { indent }));
        row_of(pieces, &row, palette, out);
    }
}

/// Appends a line as a block at the right margin, and its newline.
pub(super) fn right(pieces: &Pieces, columns: usize, palette: Palette, out: &mut String) {
    let text = joined(pieces);
    // Some columns on the left stay free, so that you see that these are your own lines.
    let most = columns - columns / 5;
    let rows = wrap(&text, most, most);
    let widest = rows.iter().map(|row| width(&text[row.clone()])).max().unwrap_or(0);
    for row in rows {
        out.push_str(&" ".repeat(columns.saturating_sub(widest)));
        row_of(pieces, &row, palette, out);
    }
}

fn joined(pieces: &Pieces) -> String {
    pieces.iter().map(|(_, text)| *text).collect()
}

/// Appends one `row` of the joined pieces. Each part has the style of its piece.
fn row_of(pieces: &Pieces, row: &Range<usize>, palette: Palette, out: &mut String) {
    let mut start = 0;
    for (style, text) in pieces {
        let end = start + text.len();
        let (from, to) = (row.start.clamp(start, end), row.end.clamp(start, end));
        out.push_str(&palette.painted(*style, &text[from - start..to - start]));
        start = end;
    }
    out.push('\n');
}

/// Cuts text into rows. The first row has at most `first` columns, the others at most `others`. It
/// cuts at newlines, at spaces, between wide characters, and inside a word that is longer than a
/// row.
fn wrap(text: &str, first: usize, others: usize) -> Vec<Range<usize>> {
    let mut rows = Vec::new();
    let mut row = Row { start: 0, width: 0, may_end: None };
    for (index, cluster) in text.grapheme_indices(true) {
        let most = if rows.is_empty() { first } else { others }.max(2);
        let wide = width(cluster);
        if cluster == "\n" {
            rows.push(row.start..index);
            row = Row { start: index + 1, width: 0, may_end: None };
            continue;
        }
        if row.width + wide > most && index > row.start {
            let (end, next) = match row.may_end {
                _ if cluster == " " => (index, index + 1),
                _ if wide > 1 => (index, index),
                Some((end, next)) if word_width(&text[next..]) <= others => (end, next),
                _ => (index, index),
            };
            rows.push(row.start..end);
            row = Row { start: next, width: 0, may_end: None };
            if next > index {
                continue;
            }
            row.width = width(&text[next..index]);
        }
        row.width += wide;
        if cluster == " " {
            row.may_end = Some((index, index + 1));
        } else if wide > 1 {
            row.may_end = Some((index + cluster.len(), index + cluster.len()));
        }
    }
    rows.push(row.start..text.len());
    rows
}

/// The row that is being filled.
struct Row {
    start: usize,
    width: usize,
    /// The last place where the row can end, and where the next row would then begin.
    may_end: Option<(usize, usize)>,
}

fn word_width(text: &str) -> usize {
    let clusters = text.graphemes(true).map(|cluster| (cluster, width(cluster)));
    clusters.take_while(|&(c, wide)| c != " " && c != "\n" && wide < 2).map(|(_, wide)| wide).sum()
}

/// How many columns the text takes. Terminals disagree about some emoji; this is the highest
/// number.
pub(super) fn width(text: &str) -> usize {
    let apart = text.chars().map(|character| character.width().unwrap_or(0)).sum();
    text.width().max(apart)
}
