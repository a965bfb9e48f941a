//! The line that a person types, and what the keys do.
//!
//! The line editor reads one line in one call that is not meant to return: Enter hands the text
//! over and clears it in place. So the terminal never leaves the editor's hands while the client
//! runs: nothing typed is echoed between two lines, nothing typed ahead is lost, and what arrives
//! is always printed above the line, by the editor itself.

use std::borrow::Cow;
use std::cell::Cell;
use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread::Builder;
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender};
use parking_lot::Mutex;
use rustyline::completion::Completer;
use rustyline::error::ReadlineError;
use rustyline::highlight::Highlighter;
use rustyline::hint::Hinter;
use rustyline::history::MemHistory;
use rustyline::line_buffer::LineBuffer;
use rustyline::validate::Validator;
use rustyline::{
    Changeset, Cmd, ConditionalEventHandler, Config, Context, Editor, Event, EventContext,
    EventHandler, ExternalPrinter, Helper, KeyCode, KeyEvent, Modifiers, Movement, RepeatCount,
};

use crate::client::Input;
use crate::paint::{Palette, Style};
use crate::recall::Recall;
use crate::tty::{show_now, window};
use crate::{command, draft, wire};

pub(crate) const PROMPT: &str = "> ";

/// How long the rest of a key's sequence may take. Escape by itself is no key of ours, and the
/// editor prints nothing while it waits for what follows.
const ESCAPE: Duration = Duration::from_millis(250);

/// What the editor's thread and the screen's know of each other.
#[derive(Debug)]
pub(crate) struct Prompt {
    pub(crate) palette: Palette,
    /// What one types goes out at once.
    pub(crate) online: AtomicBool,
    /// The editor is to write nothing more.
    pub(crate) over: AtomicBool,
    /// What is typed and not sent.
    pub(crate) draft: Mutex<String>,
    /// What is to stand there instead.
    instead: Mutex<Option<String>>,
}

impl Prompt {
    pub(crate) fn new(palette: Palette) -> Self {
        let (online, over) = (AtomicBool::new(false), AtomicBool::new(false));
        Self { palette, online, over, draft: Mutex::default(), instead: Mutex::default() }
    }
}

/// A keyboard that somebody types on.
pub(crate) struct Keyboard {
    /// What was typed.
    pub(crate) input: Receiver<Input>,
    /// Prints above the line being typed.
    pub(crate) printer: Printer,
    /// Says when the prompt stands.
    pub(crate) ready: Receiver<()>,
    /// Disconnected when the editor writes no more.
    pub(crate) still: Receiver<Infallible>,
}

/// Has the editor print something. Waits until it does, so maybe for ever.
pub(crate) type Printer = Box<dyn ExternalPrinter + Send>;

/// Starts the editor, on a thread of its own that ends with the process.
pub(crate) fn start(prompt: Arc<Prompt>) -> rustyline::Result<Keyboard> {
    let (sender, input) = crossbeam_channel::unbounded();
    let (stands, ready) = crossbeam_channel::bounded(1);
    let (writing, still) = crossbeam_channel::bounded(0);
    let mut editor = editor(&sender, &prompt)?;
    editor.set_helper(Some(Line {
        prompt: Arc::clone(&prompt),
        stands,
        writing: Cell::new(Some(writing)),
        columns: Cell::new(window().0),
        broken: Cell::new(None),
    }));
    let printer = Box::new(editor.create_external_printer()?);
    Builder::new().name("keyboard".to_owned()).spawn(move || {
        loop {
            let draft = prompt.draft.lock().clone();
            match editor.readline_with_initial(PROMPT, (&draft, "")) {
                // Bytes that are no text came in; what was typed before them is still there.
                Err(ReadlineError::Io(error))
                    if error.kind() == std::io::ErrorKind::InvalidData => {}
                // The terminal is gone, or wants us gone.
                _ => break drop(sender.send(Input::Quit)),
            }
        }
    })?;
    Ok(Keyboard { input, printer, ready, still })
}

fn editor(
    input: &Sender<Input>,
    prompt: &Arc<Prompt>,
) -> rustyline::Result<Editor<Line, MemHistory>> {
    let escape = u16::try_from(ESCAPE.as_millis()).ok();
    let config = Config::builder()
        .color_mode(rustyline::ColorMode::Forced)
        .bell_style(rustyline::config::BellStyle::None)
        .completion_type(rustyline::CompletionType::List)
        .keyseq_timeout(escape)
        .build();
    let mut editor = Editor::with_history(config, MemHistory::new())?;
    let recall = Arc::<Mutex<Recall>>::default();
    let key = |key| KeyEvent(key, Modifiers::NONE);
    for (event, does) in [
        (key(KeyCode::Enter), Does::Enter),
        (KeyEvent::ctrl('J'), Does::Enter),
        (KeyEvent::ctrl('M'), Does::Enter),
        (key(KeyCode::Up), Does::Older),
        (KeyEvent::ctrl('P'), Does::Older),
        (key(KeyCode::Down), Does::Newer),
        (KeyEvent::ctrl('N'), Does::Newer),
        (KeyEvent::ctrl('C'), Does::Quit),
        (KeyEvent::ctrl('D'), Does::QuitIfEmpty),
    ] {
        let (input, recall, prompt) = (input.clone(), Arc::clone(&recall), Arc::clone(prompt));
        let handler = Key { does, input, recall, prompt };
        editor.bind_sequence(event, EventHandler::Conditional(Box::new(handler)));
    }
    // These wait for a second key, and nothing would be printed meanwhile.
    for letter in ['V', 'Q', 'X', ']', 'R', 'S'] {
        editor.bind_sequence(KeyEvent::ctrl(letter), Cmd::Noop);
    }
    Ok(editor)
}

/// What a key does.
enum Does {
    Enter,
    Older,
    Newer,
    Quit,
    QuitIfEmpty,
}

struct Key {
    does: Does,
    input: Sender<Input>,
    recall: Arc<Mutex<Recall>>,
    prompt: Arc<Prompt>,
}

impl ConditionalEventHandler for Key {
    fn handle(&self, _: &Event, _: RepeatCount, _: bool, line: &EventContext) -> Option<Cmd> {
        let text = line.line();
        match self.does {
            Does::Enter => self.enter(text),
            Does::Quit => _ = self.input.send(Input::Quit),
            Does::QuitIfEmpty if text.is_empty() => _ = self.input.send(Input::Quit),
            // Ctrl-D deletes a character, and arrows move within a text of several lines.
            Does::QuitIfEmpty => return None,
            Does::Older | Does::Newer if text.contains('\n') => return None,
            Does::Older => return Some(self.replace(|recall| recall.older(text))),
            Does::Newer => return Some(self.replace(Recall::newer)),
        }
        Some(Cmd::Kill(Movement::WholeBuffer))
    }
}

impl Key {
    /// Hands the text over; each line of what was pasted is a line of its own.
    fn enter(&self, text: &str) {
        for line in text.lines().filter(|line| !line.trim().is_empty()) {
            self.recall.lock().add(line);
            let _ = self.input.send(command::parse(&wire::repaired(line.as_bytes())));
        }
    }

    /// Has the text replaced by another one, with the cursor at its end: no command of the editor
    /// does that but completion, if the other text is what it finds.
    fn replace(&self, recalled: impl FnOnce(&mut Recall) -> Option<String>) -> Cmd {
        let Some(text) = recalled(&mut self.recall.lock()) else { return Cmd::Noop };
        *self.prompt.instead.lock() = Some(text);
        Cmd::Complete
    }
}

/// What the editor asks about the line.
struct Line {
    prompt: Arc<Prompt>,
    stands: Sender<()>,
    /// Dropped when the editor writes no more.
    writing: Cell<Option<Sender<Infallible>>>,
    /// How wide the window was when the editor last asked.
    columns: Cell<usize>,
    /// How long the text was when it filled its last row, if it did when it was last shown anew.
    broken: Cell<Option<usize>>,
}

impl Helper for Line {}
impl Validator for Line {}

/// How much of prompt and draft, in bytes, there is no room for.
fn hidden(draft: &str) -> usize {
    let (columns, height) = window();
    draft::hidden(&format!("{PROMPT}{draft}"), columns, height)
}

impl Hinter for Line {
    type Hint = String;

    /// Gives no hints: the editor asks before it shows a line that has changed, or shows the same
    /// one anew because the window has. So we know the draft, and can clear it out of the way.
    fn hint(&self, line: &str, cursor: usize, _: &Context) -> Option<String> {
        let (now, before) = (window().0, self.columns.get());
        let mut draft = self.prompt.draft.lock();
        if *draft == line {
            if now != before && draft::is_rewrapped() {
                let (text, cursor) = (format!("{PROMPT}{line}"), PROMPT.len() + cursor);
                show_now(&draft::moved(&text, cursor, self.broken.get(), before, now));
            }
            self.columns.set(now);
        } else {
            // If the window has changed and a key came first, the editor has yet to learn of it.
            let text = format!("{PROMPT}{draft}");
            if draft::is_one_row(&text, before) && draft::is_one_row(&text, now) {
                self.columns.set(now);
            }
            line.clone_into(&mut draft);
        }
        let _ = self.stands.try_send(());
        None
    }
}

impl Highlighter for Line {
    fn highlight_prompt<'b, 's: 'b, 'p: 'b>(&'s self, prompt: &'p str, _: bool) -> Cow<'b, str> {
        if self.prompt.over.load(Relaxed) {
            // The line is cleared, and the prompt not there yet: the best moment to stop.
            self.writing.take();
            loop {
                std::thread::park();
            }
        }
        let mut shown = String::new();
        if hidden(&self.prompt.draft.lock()) == 0 {
            let online = self.prompt.online.load(Relaxed);
            let style = if online { Style::Bold } else { Style::Dim };
            self.prompt.palette.paint(style, prompt, &mut shown);
        }
        shown.into()
    }

    fn highlight<'l>(&self, line: &'l str, _: usize) -> Cow<'l, str> {
        let text = format!("{PROMPT}{line}");
        let full = draft::is_full(&text, window().0);
        self.broken.set(full.then_some(text.len()));
        line[hidden(line).saturating_sub(PROMPT.len())..].into()
    }
}

impl Completer for Line {
    type Candidate = String;

    /// Completes a command, if there is only one that it can be: the editor would wait for a
    /// choice. What is to replace the text goes before.
    fn complete(
        &self,
        line: &str,
        _: usize,
        _: &Context,
    ) -> rustyline::Result<(usize, Vec<String>)> {
        let instead = self.prompt.instead.lock().take();
        Ok((0, instead.or_else(|| command::completed(line)).into_iter().collect()))
    }

    fn update(&self, line: &mut LineBuffer, _: usize, text: &str, changes: &mut Changeset) {
        line.update(text, text.len(), changes);
    }
}
