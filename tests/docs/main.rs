//! The pages tell the truth: their commands are run and their output is compared, the code that
//! they quote stands where they say, and every link leads somewhere. CONTRIBUTING.md says how such
//! a page is written.

mod claims;
mod compare;
mod page;
mod pictures;
mod sequence;
mod session;
mod shell;
#[path = "../support/mod.rs"]
mod support;

use std::process;
use std::sync::{Mutex, Once};
use std::thread;

use page::Page;

/// Sections that are played at a time: most of them mostly wait.
const AT_A_TIME: usize = 4;

/// A program that was started in the background ignores Ctrl-C, and so would all that it starts,
/// unless it has a handler: this one does what the system would do.
fn let_children_be_interrupted() {
    static HANDLER: Once = Once::new();
    HANDLER.call_once(|| ctrlc::set_handler(|| process::exit(130)).expect("a handler"));
}

#[test]
fn every_command_does_what_its_page_shows() {
    // To try one page while it is written: TCP_CHAT_PAGE=lessons cargo test --test docs
    let_children_be_interrupted();
    let wanted = std::env::var("TCP_CHAT_PAGE").unwrap_or_default();
    let pages = Page::all();
    let sections = pages.iter().flat_map(Page::sections);
    let mut sections: Vec<_> = sections
        .filter(|section| section.place.contains(&wanted))
        .filter(|section| section.blocks.iter().any(|block| block.language == "console"))
        .collect();
    sections.reverse();
    let sections = Mutex::new(sections);
    let lies = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..AT_A_TIME {
            scope.spawn(|| {
                loop {
                    let Some(section) = sections.lock().unwrap().pop() else { return };
                    let told = std::panic::catch_unwind(|| session::play(&section));
                    if told.is_err() {
                        lies.lock().unwrap().push(section.place);
                    }
                }
            });
        }
    });
    let lies = lies.into_inner().unwrap();
    assert!(lies.is_empty(), "these do not tell the truth (see above): {lies:#?}");
}

/// The tests set the variable in each shell. A reader does this with the first command of the page.
#[test]
fn a_page_that_uses_a_port_begins_with_it() {
    for page in Page::all() {
        let mut commands = page.blocks("console").into_iter().flat_map(|block| block.lines);
        if commands.any(|(_, line)| line.starts_with("$ ") && line.contains("$PORT")) {
            let first = page.sections().swap_remove(0).blocks;
            let mut lines = first.iter().flat_map(|block| &block.lines);
            assert!(lines.any(|(_, line)| line.starts_with("$ export PORT=3234")), "{}", page.path);
        }
    }
}

/// Each lesson stands for itself, and what one of them leaves behind does not disturb the next.
#[test]
fn the_lessons_work_one_after_the_other() {
    let_children_be_interrupted();
    let lessons = Page::named("docs/lessons.md");
    session::play_all(&lessons.sections().iter().collect::<Vec<_>>());
}
