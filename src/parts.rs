//! Whose words a raw read brought. It may be several messages, since TCP joins what follows
//! closely, or half of one; our own, which we know, are those that can be told from the rest.
//!
//! A leaf: plain data, nothing shared.

use crate::wire;

/// How a server ends what it puts in front of a message: `Client1: `, `<Client1> `, `[Client1]`.
const TAG_ENDS: [char; 4] = [' ', ':', '>', ']'];

/// A part of what one read brought, and whether it is our own.
pub(crate) type Part<'a> = (&'a str, bool);

/// Takes reads apart.
#[derive(Debug, Default)]
pub(crate) struct Parts {
    /// The end of what came before, if a message of our own may have begun there.
    tail: String,
}

impl Parts {
    /// The parts of `chunk`, in which each of `own` is expected, in this order.
    pub(crate) fn of<'a>(
        &mut self,
        chunk: &'a str,
        own: impl Iterator<Item = &'a str>,
    ) -> Vec<Part<'a>> {
        let mut parts = Vec::new();
        let mut rest = chunk;
        let mut text = std::mem::take(&mut self.tail) + chunk;
        for own in own {
            let Some(at) = text.find(own) else {
                end_of(&text).clone_into(&mut self.tail);
                break;
            };
            // What came with an earlier read has been shown.
            let earlier = text.len() - rest.len();
            let (before, end) = (at.saturating_sub(earlier), at + own.len() - earlier);
            let start = before - tag(&rest[..before]).len();
            parts.extend([(&rest[..start], false), (&rest[start..end], true)]);
            rest = &rest[end..];
            rest.clone_into(&mut text);
        }
        parts.push((rest, false));
        let shown = parts.into_iter().map(|(text, own)| (text.trim_matches('\n'), own));
        shown.filter(|(text, own)| *own || !text.is_empty()).collect()
    }

    /// What comes next comes over another connection.
    pub(crate) fn clear(&mut self) {
        self.tail.clear();
    }
}

/// As much of the end of `text` as a message may have.
fn end_of(text: &str) -> &str {
    let mut start = text.len().saturating_sub(wire::RAW_MESSAGE);
    while !text.is_char_boundary(start) {
        start += 1;
    }
    &text[start..]
}

/// What a server put in front of a message to name its speaker, if that is how `before` ends.
fn tag(before: &str) -> &str {
    let tag = before.rsplit('\n').next().unwrap_or_default();
    let name = tag.trim_end_matches(TAG_ENDS);
    let is_tag = name.len() < tag.len() && !name.contains(": ");
    if is_tag { tag } else { "" }
}
