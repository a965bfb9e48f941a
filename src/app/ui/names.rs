//! The names that were heard: for `/names`, and for the Tab key.

use std::collections::VecDeque;
use std::time::Instant;

use tcp_chat::protocol;

use super::{clock, command};

const NAMES: usize = 1000;

/// The names of the others, the latest first.
#[derive(Debug)]
pub(crate) struct Names {
    pub(crate) own: String,
    since: String,
    here: VecDeque<(String, Instant)>,
    left: VecDeque<(String, Instant)>,
}

impl Default for Names {
    fn default() -> Self {
        let since = clock::stamp()[..5].to_owned();
        Self { own: String::new(), since, here: VecDeque::new(), left: VecDeque::new() }
    }
}

impl Names {
    /// Notes the name in somebody else's line. Returns whether it is a message under the user's name.
    pub(crate) fn hear(&mut self, line: &str) -> bool {
        let Some((old, rest)) = protocol::speaker(line) else { return false };
        if old == self.own {
            return rest.starts_with(':');
        }
        let name = rest.strip_prefix(protocol::IS_NOW).unwrap_or(old);
        for list in [&mut self.here, &mut self.left] {
            list.retain(|(known, _)| known != old && known != name);
            list.truncate(NAMES - 1);
        }
        let has_left = rest.trim_start() == protocol::FAREWELL;
        let list = if has_left { &mut self.left } else { &mut self.here };
        list.push_front((name.to_owned(), Instant::now()));
        false
    }

    /// How Tab can complete the last word of `text`, and the index of the word's first byte. The names of
    /// those who are here come first; at the start of a line, a name is addressed.
    pub(crate) fn complete(&self, text: &str) -> (usize, Vec<String>) {
        let word = text.rsplit(char::is_whitespace).next().unwrap_or_default();
        let start = text.len() - word.len();
        if start == 0 && word.starts_with('/') {
            return (start, command::beginning_with(word).map(str::to_owned).collect());
        }
        let (word, end) = (word.to_lowercase(), if start == 0 { ": " } else { "" });
        let fits = |name: &&String| !word.is_empty() && name.to_lowercase().starts_with(&word);
        let all = self.here.iter().chain(&self.left).map(|(name, _)| name);
        (start, all.filter(fits).map(|name| format!("{name}{end}")).collect())
    }

    pub(crate) fn list(&self) -> String {
        let ago = |(name, last): &(String, Instant)| match last.elapsed() {
            short if short.as_secs() < 60 => format!("{name} (now)"),
            long => format!("{name} ({} ago)", protocol::in_short(long)),
        };
        let mut here: Vec<String> = self.here.iter().map(ago).collect();
        if here.is_empty() {
            here.push("nobody".to_owned());
        }
        let left: Vec<&str> = self.left.iter().map(|(name, _)| name.as_str()).collect();
        let left =
            if left.is_empty() { String::new() } else { format!(". Left: {}", left.join(", ")) };
        format!("Heard since {}: {}{left}", self.since, here.join(", "))
    }
}
