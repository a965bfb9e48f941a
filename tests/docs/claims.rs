//! What the pages say about the repository: code that they quote, files and tests that they name,
//! and links.

use std::fs;
use std::path::{Path, PathBuf};

use super::page::{Block, Page, top};
use super::session::is_not_run;

/// Fails with everything on all pages that `wrong` has to say something about.
fn on_all_pages(wrong: impl Fn(&Page) -> Vec<(usize, String)>) {
    let pages = Page::all();
    let wrong: Vec<_> = pages
        .iter()
        .flat_map(|page| {
            let wrong = wrong(page).into_iter();
            wrong.map(|(line, what)| format!("{}, line {line}: {what}", page.path))
        })
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// A block of Rust names its file; a line `// …` in it stands for lines left out. How far the lines
/// are moved in does not matter.
#[test]
fn quoted_code_stands_in_its_file() {
    on_all_pages(|page| {
        let blocks = page.blocks("rust").into_iter();
        let wrong = blocks.filter_map(|block| {
            let number = block.lines.first().map_or(0, |(number, _)| *number);
            let Ok(code) = fs::read_to_string(top().join(block.label)) else {
                return Some((number, format!("Rust from no file: {:?}", block.label)));
            };
            let code: Vec<&str> = code.lines().map(str::trim).collect();
            let quoted: Vec<&str> = block.lines.iter().map(|(_, line)| line.trim()).collect();
            let mut from = 0;
            for part in quoted.split(|line| *line == "// …") {
                let found =
                    code[from..].windows(part.len().max(1)).position(|window| window == part);
                match found {
                    Some(index) => from += index + part.len(),
                    None if part.is_empty() => {}
                    None => return Some((number, format!("not in {}: {part:#?}", block.label))),
                }
            }
            None
        });
        wrong.collect()
    });
}

/// A block of a diff names two files. A part between two lines `…` is a step from a piece of the one
/// to a piece of the other, both without a gap: lines with `-` come out, lines with `+` go in, and the
/// others stay.
#[test]
fn quoted_diffs_lead_from_the_first_file_to_the_second() {
    on_all_pages(|page| page.blocks("diff").iter().filter_map(wrong_in_diff).collect());
}

fn wrong_in_diff(block: &Block) -> Option<(usize, String)> {
    let first = block.lines.first().map_or(0, |(number, _)| *number);
    let names: Vec<&str> = block.label.split(' ').collect();
    let files = names.iter().map(|name| fs::read_to_string(top().join(name)));
    let Ok([old, new]) = <[String; 2]>::try_from(files.flatten().collect::<Vec<_>>()) else {
        return Some((first, format!("a diff of two files that are not there: {names:?}")));
    };
    let (old, new): (Vec<&str>, Vec<&str>) = (old.lines().collect(), new.lines().collect());
    let mut rest = [&old[..], &new];
    for part in block.lines.split(|(_, line)| *line == "…") {
        let number = part.first().map_or(first, |(number, _)| *number);
        // An empty line is one that stays.
        let part = part.iter().map(|(_, line)| line.split_at_checked(1).unwrap_or((" ", "")));
        let part: Vec<(&str, &str)> = part.collect();
        for (rest, other) in rest.iter_mut().zip(["+", "-"]) {
            let sides = part.iter().filter(|(sign, _)| *sign != other);
            let lines: Vec<&str> = sides.map(|(_, line)| *line).collect();
            if lines.is_empty() {
                continue;
            }
            let Some(index) = rest.windows(lines.len()).position(|window| window == lines) else {
                return Some((number, format!("no piece of {names:?}: {lines:#?}")));
            };
            *rest = &rest[index + lines.len()..];
        }
        // A line such as `}` may come out here and go in there.
        let words = part.iter().filter(|(_, line)| line.contains(char::is_alphabetic));
        for (sign, line) in words {
            let count = |file: &[&str]| file.iter().filter(|it| *it == line).count();
            let real = count(&new).cmp(&count(&old));
            if (*sign == "+" && real.is_le()) || (*sign == "-" && real.is_ge()) {
                return Some((number, format!("does not change: {line}")));
            }
        }
    }
    None
}

#[test]
fn the_ladder_shows_the_diff_of_each_step() {
    let examples = fs::read_dir(top().join("examples")).expect("the folder is there");
    let names = examples.map(|entry| entry.expect("can be read").file_name());
    let mut rungs: Vec<_> = names.map(|name| format!("examples/{}", name.display())).collect();
    rungs.sort();
    let steps: Vec<_> = rungs.windows(2).map(|step| step.join(" ")).collect();
    let page = Page::named("docs/ladder.md");
    let shown: Vec<_> = page.blocks("diff").iter().map(|block| block.label).collect();
    assert_eq!(shown, steps);
}

/// Text in backquotes that begins like a path is one, and `FILE: NAME` names something in it.
#[test]
fn named_files_and_tests_exist() {
    const FOLDERS: [&str; 7] =
        ["src/", "tests/", "model/", "docs/", "examples/", "benches/", ".ci/"];
    on_all_pages(|page| {
        let named = page.prose().flat_map(|(number, line)| {
            line.split('`').skip(1).step_by(2).map(move |code| (number, code))
        });
        let paths = named.filter(|(_, code)| FOLDERS.iter().any(|folder| code.starts_with(folder)));
        let wrong = paths.filter_map(|(number, code)| {
            let (path, name) = code.split_once(": ").map_or((code, None), |(p, n)| (p, Some(n)));
            let exists = match name {
                _ if path.contains('*') => true,
                None => top().join(path).exists(),
                Some(name) => {
                    fs::read_to_string(top().join(path)).is_ok_and(|code| code.contains(name))
                }
            };
            (!exists).then(|| (number, format!("there is no `{code}`")))
        });
        wrong.collect()
    });
}

#[test]
fn commands_that_are_not_run_here_name_tests_and_benches_that_exist() {
    on_all_pages(|page| {
        let lines = page.blocks("console").into_iter().flat_map(|block| block.lines);
        let commands = lines.filter_map(|(number, line)| Some((number, line.strip_prefix("$ ")?)));
        let named = commands.filter(|(_, command)| is_not_run(command));
        let wrong = named.filter(|(_, command)| {
            let mut words = command.split_whitespace();
            let target = words.by_ref().skip_while(|word| !matches!(*word, "--test" | "--bench"));
            let Some((kind, target)) = target
                .take(2)
                .collect::<Vec<_>>()
                .try_into()
                .ok()
                .map(|[kind, target]: [&str; 2]| (kind, target))
            else {
                return false;
            };
            let folder = if kind == "--test" { "tests" } else { "benches" };
            let filter = words.next().filter(|word| !word.starts_with('-'));
            !has_test(&top().join(folder), target, filter.unwrap_or_default())
        });
        wrong.map(|(number, command)| (number, format!("nothing to run for: {command}"))).collect()
    });
}

/// Whether this test program or benchmark exists, and the filter is a part of some path in it.
fn has_test(folder: &Path, target: &str, filter: &str) -> bool {
    let file = folder.join(target).with_extension("rs");
    let inside = fs::read_dir(folder.join(target)).into_iter().flatten();
    let files = inside.map(|entry| entry.expect("it can be read").path()).chain([file]);
    let mut codes = files
        .filter(|file| file.is_file())
        .map(|file| fs::read_to_string(file).expect("it can be read"));
    codes.any(|code| {
        let mut names = code
            .lines()
            .filter_map(|line| line.trim().strip_prefix("fn ").or(line.strip_prefix("mod ")));
        filter.is_empty() || names.any(|name| name.contains(filter))
    })
}

#[test]
fn every_link_leads_somewhere() {
    on_all_pages(|page| {
        let folder = top().join(&page.path).parent().expect("a page is in a folder").to_owned();
        let links = page.prose().flat_map(|(number, line)| {
            let markdown = line.split("](").skip(1).filter_map(|rest| rest.split(')').next());
            let html = line.split("src=\"").skip(1).filter_map(|rest| rest.split('"').next());
            markdown.chain(html).map(move |link| (number, link))
        });
        let here = links.filter(|(_, link)| !link.contains("://"));
        let dead = here.filter(|(_, link)| {
            let (path, anchor) = link.split_once('#').unwrap_or((link, ""));
            let target = if path.is_empty() { top().join(&page.path) } else { folder.join(path) };
            !target.exists() || !(anchor.is_empty() || has_heading(&target, anchor))
        });
        dead.map(|(number, link)| (number, format!("leads nowhere: {link}"))).collect()
    });
}

/// Whether a page has the heading that GitHub gives this anchor.
fn has_heading(page: &Path, anchor: &str) -> bool {
    let text = fs::read_to_string(page).unwrap_or_default();
    let mut headings = text.lines().filter(|line| line.starts_with('#'));
    headings.any(|heading| {
        let heading = heading.trim_start_matches('#').trim().to_lowercase();
        let kept = heading.chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c));
        kept.map(|c| if c == ' ' { '-' } else { c }).eq(anchor.chars())
    })
}

/// The files of the hour's reading, as README names them, and the files of which a sentence is enough.
fn hours_reading() -> [Vec<String>; 2] {
    let page = Page::named("README.md").text;
    let (_, section) = page.split_once("## The hour's reading").expect("the section");
    let section = section.split("Everything else").next().unwrap_or_default();
    let (read, known) = section.split_once("They use these other files").expect("two lists");
    [read, known].map(|list| {
        let links = list.split("](").skip(1).filter_map(|rest| rest.split(')').next());
        links.map(str::to_owned).collect()
    })
}

#[test]
fn the_hours_reading_is_short_and_a_quarter_of_it_says_why() {
    let [read, _] = hours_reading();
    let text = |file: &String| fs::read_to_string(top().join(file)).expect("a file of ours");
    let code: String = read.iter().map(text).collect();
    let lines = code.lines().count();
    let comments = code.lines().filter(|line| line.trim_start().starts_with("//")).count();
    assert!(lines <= 1700, "{lines} lines");
    assert!(4 * comments >= lines, "{comments} comments in {lines} lines");
    let room = files_in(&top().join("src/room"));
    let mut room = room.iter().filter(|file| !file.to_string_lossy().contains("/tests/"));
    assert!(
        room.all(|file| read.iter().any(|name| top().join(name) == *file)),
        "not all of the room"
    );
}

/// No file of the hour's reading uses a file that README does not name.
#[test]
fn the_hours_reading_is_closed() {
    let [read, known] = hours_reading();
    for file in &read {
        let code = fs::read_to_string(top().join(file)).expect("a file of ours");
        let folder = file.rsplit_once('/').expect("it is in a folder").0;
        for line in code.lines().filter(|line| !line.trim_start().starts_with("//")) {
            for used in uses(line, folder, &code) {
                let is_named = read.iter().chain(&known).any(|name| *name == used);
                assert!(is_named, "{file} uses {used}, which README does not name: {line}");
            }
        }
    }
}

/// The files that a line of code names: behind `crate::`, behind `super::` (the same folder, for no
/// file here lies deeper), and behind `use`, if it is a module of this file.
fn uses(line: &str, folder: &str, code: &str) -> Vec<String> {
    let module = |folder: &str, path: &str| {
        let name: String = path.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
        let file = format!("{folder}/{name}.rs");
        if top().join(&file).exists() { file } else { format!("{folder}/mod.rs") }
    };
    let mut files = Vec::new();
    for path in line.split("crate::").skip(1) {
        let (name, rest) = path.split_once("::").unwrap_or((path, ""));
        files.push(match name {
            "room" | "server" => module(&format!("src/{name}"), rest),
            _ => module("src", name).replace("src/mod.rs", &format!("src/{name}/mod.rs")),
        });
    }
    files.extend(line.split("super::").skip(1).map(|path| module(folder, path)));
    let used = line.trim_start().trim_start_matches("pub ").strip_prefix("use ");
    if let Some((name, _)) = used.and_then(|path| path.split_once("::"))
        && code.contains(&format!("mod {name};"))
    {
        files.push(module(folder, name));
    }
    files
}

/// The folders of `src` in the order in which they build on one another, each with those it may use.
const FOLDERS: [(&str, &[&str]); 4] = [
    ("protocol", &[]),
    ("room", &["protocol", "sync"]),
    ("server", &["protocol", "room", "sync"]),
    ("client", &["protocol"]),
];

#[test]
fn imports_go_one_way() {
    for (folder, allowed) in FOLDERS {
        for file in files_in(&top().join("src").join(folder)) {
            if file.to_string_lossy().contains("/tests") {
                continue;
            }
            let code = fs::read_to_string(&file).expect("a file of ours");
            let code = code.lines().filter(|line| !line.trim_start().starts_with("//"));
            for line in code {
                for used in line.split("crate::").skip(1) {
                    let used = used.split(|c: char| !c.is_alphanumeric() && c != '_').next();
                    let used = used.unwrap_or_default();
                    let fits = used == folder || allowed.contains(&used);
                    assert!(fits, "{}: {folder} may not use {used:?}: {line}", file.display());
                }
            }
        }
    }
}

/// All files in a folder and in the folders in it.
fn files_in(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("a folder of ours");
    let paths = entries.map(|entry| entry.expect("it can be read").path());
    paths.flat_map(|path| if path.is_dir() { files_in(&path) } else { vec![path] }).collect()
}

#[test]
fn the_code_map_has_every_file() {
    let map = Page::named("docs/architecture.md").text;
    for file in files_in(&top().join("src")) {
        let path = file.strip_prefix(top()).expect("it is in here").to_string_lossy().into_owned();
        let path = path.strip_suffix("/mod.rs").map_or(path.clone(), |folder| format!("{folder}/"));
        let has = map.contains(&format!("`{path}`"));
        assert!(has, "docs/architecture.md has no {path}");
    }
}
