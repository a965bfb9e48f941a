//! Sanitizing: what a stranger sends becomes text that is safe to show on a terminal.

use super::Framing;

/// Appends `bytes` to `out` as text that is safe to show: valid UTF-8 without characters that move
/// the cursor, except a tab, and without characters that reverse the order of the text. In a raw message,
/// which may be several lines of text, newlines stay as well.
///
/// Invalid UTF-8, C1 controls and bidirectional overrides become U+FFFD; C0 controls and DEL
/// become their pictures (ESC is shown as `␛`). One byte becomes at most three. Sanitized text
/// stays the same.
pub fn sanitize(bytes: &[u8], framing: Framing, out: &mut Vec<u8>) {
    if bytes.iter().all(|&byte| matches!(byte, b' '..=b'~' | b'\t')) {
        return out.extend_from_slice(bytes);
    }
    let mut utf8 = [0; 4];
    for chunk in bytes.utf8_chunks() {
        for character in chunk.valid().chars() {
            let shown = visible(character, framing);
            out.extend_from_slice(shown.encode_utf8(&mut utf8).as_bytes());
        }
        if !chunk.invalid().is_empty() {
            out.extend_from_slice("\u{FFFD}".as_bytes());
        }
    }
}

/// A line as [`sanitize`] shows it.
pub fn sanitized(line: &[u8]) -> String {
    into_string(line, Framing::Lines)
}

/// A raw message as [`sanitize`] shows it.
pub fn sanitized_raw(message: &[u8]) -> String {
    into_string(message, Framing::Raw)
}

fn into_string(bytes: &[u8], framing: Framing) -> String {
    let mut text = Vec::with_capacity(bytes.len());
    sanitize(bytes, framing, &mut text);
    String::from_utf8_lossy(&text).into_owned()
}

fn visible(character: char, framing: Framing) -> char {
    match character {
        '\t' => '\t',
        '\n' if framing == Framing::Raw => '\n',
        // The "control pictures" block of Unicode stands in the order of the controls.
        '\0'..='\x1f' => char::from_u32(0x2400 + u32::from(character)).unwrap_or('\u{FFFD}'),
        '\x7f' => '\u{2421}',
        '\u{80}'..='\u{9f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => '\u{FFFD}',
        other => other,
    }
}
