//! A page, cut into sections and fenced blocks.

use std::fs;
use std::path::Path;

/// A page of this repository.
pub(crate) struct Page {
    /// Its path from the top of the repository.
    pub(crate) path: String,
    pub(crate) text: String,
}

/// A part of a page that begins with a heading of the second level, or with the page.
pub(crate) struct Section<'a> {
    /// Where to find it: the page and the heading.
    pub(crate) place: String,
    pub(crate) blocks: Vec<Block<'a>>,
}

/// A fenced block.
pub(crate) struct Block<'a> {
    /// The first word behind the fence: `console`, `rust`, `text`, …
    pub(crate) language: &'a str,
    /// What follows it: which shell, which file.
    pub(crate) label: &'a str,
    /// The lines inside, each with its number on the page.
    pub(crate) lines: Vec<(usize, &'a str)>,
}

impl Page {
    fn read(path: &str) -> Self {
        let text = fs::read_to_string(top().join(path)).expect("the page can be read");
        Self { path: path.to_owned(), text }
    }

    /// Every page: those at the top, and those in `docs/`.
    pub(crate) fn all() -> Vec<Self> {
        let mut paths = Vec::new();
        for folder in ["", "docs/"] {
            let entries = fs::read_dir(top().join(folder)).expect("the folder is there");
            let names = entries.map(|entry| entry.expect("can be read").file_name());
            let names = names.filter_map(|name| name.into_string().ok());
            paths.extend(
                names
                    .filter(|name| Path::new(name).extension().is_some_and(|e| e == "md"))
                    .map(|name| folder.to_owned() + &name),
            );
        }
        paths.sort();
        paths.iter().map(|path| Self::read(path)).collect()
    }

    /// One of them.
    pub(crate) fn named(path: &str) -> Self {
        Self::read(path)
    }

    pub(crate) fn sections(&self) -> Vec<Section<'_>> {
        let mut sections = vec![Section { place: self.path.clone(), blocks: Vec::new() }];
        let mut open: Option<Block> = None;
        for (number, line) in (1..).zip(self.text.lines()) {
            match (&mut open, line.strip_prefix("```")) {
                (None, Some(info)) => {
                    let (language, label) =
                        info.trim().split_once(' ').unwrap_or((info.trim(), ""));
                    open = Some(Block { language, label, lines: Vec::new() });
                }
                (None, None) => {
                    if let Some(heading) = line.strip_prefix("## ") {
                        let place = format!("{}, \"{heading}\"", self.path);
                        sections.push(Section { place, blocks: Vec::new() });
                    }
                }
                (Some(block), None) => block.lines.push((number, line)),
                (Some(_), Some(_)) => {
                    let section = sections.last_mut().expect("there is one from the start");
                    section.blocks.extend(open.take());
                }
            }
        }
        assert!(open.is_none(), "{}: a fenced block is not closed", self.path);
        sections
    }

    /// All blocks of one kind.
    pub(crate) fn blocks(&self, language: &str) -> Vec<Block<'_>> {
        let blocks = self.sections().into_iter().flat_map(|section| section.blocks);
        blocks.filter(|block| block.language == language).collect()
    }

    /// The text outside of fenced blocks, line by line.
    pub(crate) fn prose(&self) -> impl Iterator<Item = (usize, &str)> {
        let mut fenced = false;
        (1..).zip(self.text.lines()).filter(move |(_, line)| {
            let fence = line.starts_with("```");
            fenced ^= fence;
            !fenced && !fence
        })
    }
}

/// The top of the repository.
pub(crate) fn top() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}
