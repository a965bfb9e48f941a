//! How the line being typed lies on the terminal, where the editor would get it wrong: when it is
//! taller than the window, and when the window changes its width.
//!
//! A leaf: plain data, nothing shared.

use rustyline::GraphemeClusterMode;
use unicode_segmentation::UnicodeSegmentation;

/// How far apart the editor puts tabs.
const TAB: usize = 8;

/// Where each row of `text` begins, as the editor lays it out. The last row is empty if the one
/// before it is full: the cursor stands there.
fn rows(text: &str, columns: usize) -> Vec<usize> {
    let clusters = GraphemeClusterMode::from_env();
    let (mut rows, mut column) = (vec![0], 0);
    for (index, cluster) in text.grapheme_indices(true) {
        if cluster == "\n" {
            rows.push(index + 1);
            column = 0;
            continue;
        }
        let wide =
            if cluster == "\t" { TAB - column % TAB } else { clusters.width(cluster).into() };
        column += wide;
        if column > columns {
            rows.push(index);
            column = wide;
        }
    }
    if column == columns {
        rows.push(text.len());
    }
    rows
}

/// How much of the beginning of `text`, in bytes, is not to be shown in a window of this size: the
/// editor would scroll it away, and leave another copy behind with each key.
pub(crate) fn hidden(text: &str, columns: usize, height: usize) -> usize {
    let rows = rows(text, columns);
    rows.len().checked_sub(height).map_or(0, |first| rows[first])
}

/// Whether `text` and the cursor behind it fit in one row: the editor then need not do anything when
/// the window's width changes.
pub(crate) fn is_one_row(text: &str, columns: usize) -> bool {
    row(text, columns) == 0
}

/// Whether the last row of `text` is full: the editor then begins the next one itself.
pub(crate) fn is_full(text: &str, columns: usize) -> bool {
    !text.ends_with('\n') && rows(text, columns).last() == Some(&text.len())
}

/// What to print when the window's width has changed while `text` stood in it with the cursor at
/// byte `cursor`: clears all rows that the terminal has made of it, and leaves the cursor where
/// the editor expects it, which still thinks of the rows there were. At byte `broken` the editor
/// has begun a row itself, so the terminal keeps it apart from the one before.
pub(crate) fn moved(
    text: &str,
    cursor: usize,
    broken: Option<usize>,
    before: usize,
    now: usize,
) -> String {
    let (row_before, end_before) = (row(&text[..cursor], before), row(text, before));
    let row_now = match broken {
        Some(at) if at <= cursor => row(&format!("{}\n{}", &text[..at], &text[at..cursor]), now),
        _ => row(&text[..cursor], now),
    };
    let back_down = "\n".repeat(end_before) + &up(end_before - row_before);
    format!("{}\r\x1b[J{back_down}", up(row_now))
}

/// The row in which `text` ends.
fn row(text: &str, columns: usize) -> usize {
    rows(text, columns).len() - 1
}

fn up(rows: usize) -> String {
    if rows == 0 { String::new() } else { format!("\x1b[{rows}A") }
}

/// Whether the terminal wraps long lines anew when its width changes. Most do.
pub(crate) fn is_rewrapped() -> bool {
    let has = |name| std::env::var_os(name).is_some();
    let old_fashioned = has("XTERM_VERSION")
        || has("STY")
        || std::env::var("TERM").is_ok_and(|term| term == "linux");
    has("TMUX") || !old_fashioned
}
