//! Recognizes the client's own messages when they come back.
//!
//! A server may put a name in front: `Client1: hello`. TCP joins messages that follow closely, and
//! it splits messages. So a raw read may bring several messages, or a part of a message. The client
//! knows its own messages, so it can find them in the text.
//!
//! Plain data: nothing in here is shared between threads.

use std::ops::Range;

/// The characters that may end a tag, which a server puts in front of a message: `Client1: `,
/// `<Client1> `, `[Client1]`.
const TAG_ENDS: [char; 4] = [' ', ':', '>', ']'];

/// The characters that may begin a tag, if it does not begin with the name.
const TAG_BEGINS: [char; 2] = ['<', '['];

/// The longest tag, in bytes: a name of 128 bytes, and some reserve.
const LONGEST_TAG: usize = 160;

#[derive(Debug, Default)]
pub(crate) struct EchoMatcher {
    /// The client's name, if the client sends it only once and the server puts it in front of each
    /// message. Then a message is the client's own only if the name is there, since another client may
    /// have sent the same text; or if it begins a read, since the server may relay bare text.
    pub(super) name: Option<String>,
    /// The end of the last raw reads: the client's own message may have begun there.
    tail: String,
    /// Where the reads begin in `tail`.
    starts: Vec<usize>,
}

impl EchoMatcher {
    pub(crate) fn is_own(&self, own: &str, received: &str) -> bool {
        received == own
            || self.name.as_deref().is_some_and(|name| {
                let before = received.strip_suffix(own).and_then(|tag| before_name(tag, name));
                before.is_some_and(|before| !before.ends_with(char::is_alphanumeric))
            })
    }

    /// The range of the client's message `own` in the raw read `chunk`. It includes the tag that
    /// the server put in front. It begins at 0 if the message began in an earlier read.
    pub(crate) fn find(&self, own: &str, chunk: &str) -> Option<Range<usize>> {
        let text = [&self.tail, chunk].concat();
        let earlier = self.tail.len();
        // A message that ends within the tail was already found when the tail came.
        let mut from = (earlier + 1).saturating_sub(own.len());
        loop {
            from = next_boundary(&text, from);
            let at = from + text[from..].find(own)?;
            let begins_read = at == earlier || self.starts.contains(&at);
            // Words that a tag or a space follows are the beginning of a longer text.
            let is_bare = begins_read && !text[at + own.len()..].starts_with(TAG_ENDS);
            let begin = match &self.name {
                Some(_) if is_bare => Some(at),
                Some(name) => before_name(&text[..at], name)
                    .map(|before| before.trim_end_matches(TAG_BEGINS).len()),
                None => Some(at - tag(&text[earlier.min(at)..at]).len()),
            };
            if let Some(begin) = begin {
                return Some(begin.saturating_sub(earlier)..at + own.len() - earlier);
            }
            from = at + 1;
        }
    }

    /// Keeps the end of a raw read: as many bytes as the beginning of `own` and a tag may take.
    /// Keeps nothing if no message is expected.
    pub(crate) fn keep(&mut self, chunk: &str, own: Option<&str>) {
        self.starts.push(self.tail.len());
        self.tail.push_str(chunk);
        let start = end_of(&self.tail, own.map_or(0, |own| own.len() + LONGEST_TAG));
        self.tail.drain(..start);
        self.starts = self.starts.iter().filter_map(|at| at.checked_sub(start)).collect();
    }

    /// The next text does not continue the text so far.
    pub(crate) fn clear(&mut self) {
        self.tail.clear();
        self.starts.clear();
    }
}

/// The index at which the last `bytes` of `text` begin, or the first whole character in them.
pub(crate) fn end_of(text: &str, bytes: usize) -> usize {
    next_boundary(text, text.len().saturating_sub(bytes))
}

fn next_boundary(text: &str, mut index: usize) -> usize {
    while !text.is_char_boundary(index) {
        index += 1;
    }
    index
}

/// The text before `name`, if `text` ends with that name as a tag: `… <Ann> `.
fn before_name<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let (before, end) = text.rsplit_once(name)?;
    (!end.is_empty() && end.chars().all(|c| TAG_ENDS.contains(&c))).then_some(before)
}

/// The tag at the end of `before`, which names the speaker; empty if there is none.
fn tag(before: &str) -> &str {
    let tag = before.rsplit('\n').next().unwrap_or_default();
    let name = tag.trim_end_matches(TAG_ENDS);
    let is_tag = name.len() < tag.len() && !name.contains(": ");
    if is_tag { tag } else { "" }
}
