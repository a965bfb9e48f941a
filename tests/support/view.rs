//! Shows a terminal's output as a person would see it.

/// How many rows above the window are kept.
const SCROLLBACK: usize = 10_000;

/// The state of the terminal.
pub(crate) struct View {
    parser: vt100::Parser<Titles>,
    /// All output so far.
    pub(crate) bytes: Vec<u8>,
    /// The terminal takes no output now.
    pub(super) is_stopped: bool,
    /// The terminal must close.
    pub(super) is_closing: bool,
}

/// The title of the window, and the name of its icon.
#[derive(Default)]
struct Titles {
    window: String,
    icon: String,
    bells: usize,
}

impl vt100::Callbacks for Titles {
    fn set_window_title(&mut self, _: &mut vt100::Screen, title: &[u8]) {
        self.window = String::from_utf8_lossy(title).into_owned();
    }

    fn audible_bell(&mut self, _: &mut vt100::Screen) {
        self.bells += 1;
    }

    fn set_window_icon_name(&mut self, _: &mut vt100::Screen, name: &[u8]) {
        self.icon = String::from_utf8_lossy(name).into_owned();
    }
}

impl View {
    pub(super) fn new(columns: u16, rows: u16) -> Self {
        let parser = vt100::Parser::new_with_callbacks(
            rows.try_into().expect("rows"),
            columns.try_into().expect("columns"),
            SCROLLBACK,
            Titles::default(),
        );
        Self { parser, bytes: Vec::new(), is_stopped: false, is_closing: false }
    }

    pub(super) fn resize(&mut self, columns: u16, rows: u16) {
        let (rows, columns) =
            (rows.try_into().expect("rows"), columns.try_into().expect("columns"));
        self.parser.set_size(rows, columns);
    }

    pub(super) fn write(&mut self, bytes: &[u8]) {
        self.parser.process(bytes);
        self.bytes.extend_from_slice(bytes);
    }

    /// All output so far, as text.
    pub(crate) fn written(&self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }

    /// The rows in the window.
    pub(crate) fn rows(&self) -> Vec<String> {
        let (_, columns) = self.parser.screen().size();
        let rows = self.parser.screen().rows(0, columns.get());
        rows.map(|row| row.trim_end().to_owned()).collect()
    }

    /// The rows in the window and the rows above it.
    pub(crate) fn all_rows(&mut self) -> Vec<String> {
        let mut rows = Vec::new();
        for back in (1..=self.parser.screen().scrollback_len()).rev() {
            self.parser.screen_mut().set_scrollback(back);
            rows.push(self.rows().swap_remove(0));
        }
        self.parser.screen_mut().set_scrollback(0);
        rows.extend(self.rows());
        rows
    }

    /// How many rows, in the window or above it, contain this text.
    pub(crate) fn count(&mut self, text: &str) -> usize {
        self.all_rows().iter().filter(|row| row.contains(text)).count()
    }

    /// The row of the cursor.
    pub(crate) fn cursor_row(&self) -> String {
        self.rows().swap_remove(self.parser.screen().cursor_position().0.into())
    }

    /// Whether this text is in the window at the place of own lines.
    pub(crate) fn is_own(&self, text: &str) -> bool {
        let (_, columns) = self.parser.screen().size();
        let offset = usize::from(columns.get() / 3).min(24);
        self.rows().contains(&format!("{}{text}", " ".repeat(offset)))
    }

    /// How often the program rang.
    pub(crate) fn bells(&self) -> usize {
        self.parser.callbacks().bells
    }

    /// How often this text is shown reversed.
    pub(crate) fn reversed(&self, text: &str) -> usize {
        let screen = self.parser.screen();
        let shown = |row: u16, column| screen.cell(row, column).filter(|cell| cell.inverse());
        let (rows, columns) = screen.size();
        let row = |row| (0..columns.get()).map(move |column| shown(row, column));
        let text_of = |row: Vec<Option<&vt100::Cell>>| {
            let cells = row.into_iter().map(|cell| cell.map_or(" ", vt100::Cell::contents));
            cells.collect::<String>()
        };
        (0..rows.get()).map(|at| text_of(row(at).collect()).matches(text).count()).sum()
    }

    /// The colour at the start of the row that begins with this text.
    pub(crate) fn colour_of(&self, beginning: &str) -> Option<vt100::Color> {
        let rows = self.rows();
        let row = rows.iter().position(|row| row.trim_start().starts_with(beginning))?;
        let indent = rows[row].len() - rows[row].trim_start().len();
        let at = (u16::try_from(row).ok()?, u16::try_from(indent).ok()?);
        Some(self.parser.screen().cell(at.0, at.1)?.fgcolor())
    }

    /// The title of the window.
    pub(crate) fn title(&self) -> &str {
        &self.parser.callbacks().window
    }

    /// The name of its icon.
    pub(crate) fn icon(&self) -> &str {
        &self.parser.callbacks().icon
    }

    /// The place of the cursor: the row, counted from the first row ever shown, and the column.
    pub(crate) fn cursor(&mut self) -> (usize, u16) {
        let (row, column) = self.parser.screen().cursor_position();
        (self.scrollback() + usize::from(row), column)
    }

    /// The lines from a row to the cursor. A line that the terminal has wrapped counts as one line.
    /// With each line comes the number of the row after it.
    pub(crate) fn lines_from(&mut self, row: usize) -> Vec<(usize, String)> {
        let (last, column) = self.cursor();
        let mut lines = Vec::new();
        let mut line = String::new();
        for row in row..last + usize::from(column > 0) {
            let (text, wrapped) = self.row(row);
            line += &text;
            if !wrapped {
                lines.push((row + 1, std::mem::take(&mut line).trim_end().to_owned()));
            }
        }
        lines
    }

    /// A row, counted from the first row ever shown, and whether its line continues in the next
    /// row.
    fn row(&mut self, row: usize) -> (String, bool) {
        let above = self.scrollback();
        self.parser.screen_mut().set_scrollback(above.saturating_sub(row));
        let screen = self.parser.screen();
        let in_view = row.saturating_sub(above);
        let text = screen.rows(0, screen.size().1.get()).nth(in_view).unwrap_or_default();
        let wrapped = screen.row_wrapped(u16::try_from(in_view).unwrap_or(u16::MAX));
        self.parser.screen_mut().set_scrollback(0);
        (text, wrapped)
    }

    fn scrollback(&self) -> usize {
        self.parser.screen().scrollback_len()
    }

    /// Whether the terminal marks pastes for the program.
    pub(crate) fn wants_pastes(&self) -> bool {
        self.parser.screen().bracketed_paste()
    }
}
