//! What our own words look like when they come back.
//!
//! A server may put a name in front: `Client1: hello`. And a raw read may bring several messages,
//! since TCP joins what follows closely, or a part of one. Our own words, which we know, are those
//! that can be told from the rest.
//!
//! A leaf: plain data, nothing shared.

use std::ops::Range;

/// How a server ends what it puts in front of a message: `Client1: `, `<Client1> `, `[Client1]`.
const TAG_ENDS: [char; 4] = [' ', ':', '>', ']'];

/// How it may begin it, if not with the name.
const TAG_BEGINS: [char; 2] = ['<', '['];

/// The longest tag, in bytes: a name of 32 characters, and some more.
const LONGEST_TAG: usize = 160;

/// Recognises our own words.
#[derive(Debug, Default)]
pub(crate) struct EchoMatcher {
    /// Our name, if we send it once and the server puts it in front of what we say. Then the name
    /// has to be there: anyone may have said the same words.
    name: Option<String>,
    /// The end of what the last raw reads brought: our own words may have begun in there.
    tail: String,
}

impl EchoMatcher {
    /// For a server that knows our name and puts it in front.
    pub(crate) fn behind(name: String) -> Self {
        Self { name: Some(name), tail: String::new() }
    }

    /// Whether the line `received` is our line `own`.
    pub(crate) fn is_own(&self, own: &str, received: &str) -> bool {
        received == own
            || self.name.as_deref().is_some_and(|name| {
                let before = received.strip_suffix(own).and_then(|tag| before_name(tag, name));
                before.is_some_and(|before| !before.ends_with(char::is_alphanumeric))
            })
    }

    /// Where in the raw read `chunk` our message `own` ends, and where it begins: with the tag that
    /// the server put in front, or with the read, if it began in an earlier one.
    pub(crate) fn find(&self, own: &str, chunk: &str) -> Option<Range<usize>> {
        let text = [&self.tail, chunk].concat();
        let earlier = self.tail.len();
        // What ends within the tail has been looked at when it came.
        let mut from = (earlier + 1).saturating_sub(own.len());
        loop {
            from = next_boundary(&text, from);
            let at = from + text[from..].find(own)?;
            let begin = match &self.name {
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

    /// Remembers as much of a raw read as the beginning of `own` and a tag may take; nothing, if we
    /// wait for nothing.
    pub(crate) fn keep(&mut self, chunk: &str, own: Option<&str>) {
        self.tail.push_str(chunk);
        let start = end_of(&self.tail, own.map_or(0, |own| own.len() + LONGEST_TAG));
        self.tail.drain(..start);
    }

    /// What comes next has nothing to do with what came before.
    pub(crate) fn clear(&mut self) {
        self.tail.clear();
    }
}

/// Where the last `bytes` of `text` begin, or the first whole character in them.
pub(crate) fn end_of(text: &str, bytes: usize) -> usize {
    next_boundary(text, text.len().saturating_sub(bytes))
}

fn next_boundary(text: &str, mut index: usize) -> usize {
    while !text.is_char_boundary(index) {
        index += 1;
    }
    index
}

/// What stands before `name`, if `text` ends with that name as a tag: `… <Ann> `.
fn before_name<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let (before, end) = text.rsplit_once(name)?;
    (!end.is_empty() && end.chars().all(|c| TAG_ENDS.contains(&c))).then_some(before)
}

/// What a server put in front of a message to name its speaker, if that is how `before` ends.
fn tag(before: &str) -> &str {
    let tag = before.rsplit('\n').next().unwrap_or_default();
    let name = tag.trim_end_matches(TAG_ENDS);
    let is_tag = name.len() < tag.len() && !name.contains(": ");
    if is_tag { tag } else { "" }
}
