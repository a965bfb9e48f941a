#!/usr/bin/env python3
"""Records the pictures of the terminal from real runs: docs/demo-*.svg and docs/two-shells-*.svg.

    cargo build --release
    python3 docs/record.py [PROGRAM]

Each run is recorded once and drawn twice: for pages with a dark and with a light background. The
light picture has the colours of `--light`, from src/app/ui/paint.rs. Its background is not quite
white, so they are darkened until their contrast is 4.5:1 there as well.

Needs Python 3.10 and tmux, and nothing else. The port 3234 must be free. PROGRAM is
target/release/tcp-chat unless told otherwise.
"""

import html
import os
import re
import subprocess
import sys
import time
import unicodedata
from pathlib import Path

DOCS = Path(__file__).resolve().parent
PROGRAM = Path(sys.argv[1] if len(sys.argv) > 1 else DOCS.parent / "target/release/tcp-chat").resolve()
PATIENCE = 60  # seconds that anything may take

# How a picture looks: the size of a cell, the space around, and the colours.
CELL_WIDTH, CELL_HEIGHT, FONT_SIZE, MARGIN, BAR, BETWEEN = 7.8, 17, 13, 14, 26, 12
FONT = "DejaVu Sans Mono, Menlo, Consolas, ui-monospace, monospace"
THEMES = {
    "dark": {"ground": "#1b1d23", "text": "#d7dae0", "bar": "#2b2e37"},
    "light": {"ground": "#f6f8fa", "text": "#1f2328", "bar": "#d8dee4"},
}
CONTRAST = 4.5


def light_colours():
    """The colours of `--light`: for each colour on a dark ground, the one on a light ground."""
    source = (DOCS.parent / "src/app/ui/paint.rs").read_text(encoding="utf-8")
    tables = re.search(r"const HUES.*?= \[\s*\[(.*?)\],\s*\[(.*?)\]", source, re.DOTALL).groups()
    pairs = dict(zip(*[[int(number) for number in re.findall(r"\d+", table)] for table in tables]))
    for name in ("GREY", "RED"):
        dark, light = re.search(rf"const {name}.*?= \[(\d+), (\d+)\]", source).groups()
        pairs[int(dark)] = int(light)
    return pairs


LIGHT = light_colours()


class Tmux:
    """A tmux of our own: it leaves the user's alone, and is ended with the recording."""

    def __init__(self):
        self.base = ["tmux", "-L", f"tcp-chat-record-{os.getpid()}", "-f", "/dev/null"]
        drop = ("TMUX", "NO_COLOR", "COLORFGBG")
        self.environment = {
            key: value for key, value in os.environ.items()
            if key not in drop and not key.startswith("TCP_CHAT_")
        }
        self.environment["PATH"] = f"{PROGRAM.parent}:{os.environ['PATH']}"

    def __call__(self, *arguments):
        return subprocess.run(
            [*self.base, *arguments], env=self.environment, check=True, capture_output=True, text=True
        ).stdout

    def __enter__(self):
        return self

    def __exit__(self, *_):
        subprocess.run([*self.base, "kill-server"], env=self.environment, capture_output=True)

    def shell(self, name, columns, rows):
        """A session with a shell whose prompt is `$ `."""
        self("new-session", "-d", "-s", name, "-x", str(columns), "-y", str(rows), "env", "PS1=$ ", "sh")
        self.wait(name, r"^\$")

    def type(self, name, text, enter=True):
        self("send-keys", "-t", name, "-l", text)
        if enter:
            self("send-keys", "-t", name, "Enter")

    def wait(self, name, pattern):
        deadline = time.monotonic() + PATIENCE
        while not re.search(pattern, self("capture-pane", "-p", "-S", "-", "-t", name), re.MULTILINE):
            if time.monotonic() > deadline:
                seen = "\n".join(self.rows(name))
                sys.exit(f"waited in vain for {pattern!r} in {name}, which shows:\n{seen}")
            time.sleep(0.05)

    def rows(self, name):
        """All that is to be seen, and what has left the window, with its colours."""
        rows = self("capture-pane", "-e", "-p", "-S", "-", "-t", name).split("\n")
        while rows and not rows[-1].strip():
            rows.pop()
        return rows


def rgb(colour):
    """The parts of a colour such as #1b1d23, or of one of the 256 colours of a terminal."""
    if isinstance(colour, str):
        return [int(colour[at : at + 2], 16) for at in (1, 3, 5)]
    if colour >= 232:
        return [8 + (colour - 232) * 10] * 3
    levels = [0, 95, 135, 175, 215, 255]
    colour -= 16
    return [levels[part] for part in (colour // 36, colour // 6 % 6, colour % 6)]


def luminance(parts):
    """How bright a colour is, as the Web Content Accessibility Guidelines (2.1) define it."""
    parts = [part / 255 for part in parts]
    parts = [part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]


def contrast(one, other):
    dark, light = sorted([luminance(one) + 0.05, luminance(other) + 0.05])
    return light / dark


def readable(colour, ground):
    """The colour, darkened until it can be read. On a dark ground, it can be read as it is."""
    for percent in range(100, 0, -1):
        darker = [part * percent // 100 for part in rgb(colour)]
        if contrast(darker, rgb(ground)) >= CONTRAST:
            return "#" + "".join(f"{part:02x}" for part in darker)
    sys.exit(f"the colour {colour} cannot be read on {ground}")


class Style:
    """The colour and the weight that the codes so far have set."""

    def __init__(self, theme):
        self.theme, self.colour, self.bold = theme, theme["text"], False

    def set(self, codes):
        codes = [int(code or 0) for code in codes.split(";")]
        match codes:
            case [0]:
                self.__init__(self.theme)
            case [1]:
                self.bold = True
            case [39]:
                self.colour = self.theme["text"]
            case [49]:
                pass  # the ground as it is
            case [38, 5, number]:
                shown = LIGHT[number] if self.theme is THEMES["light"] else number
                self.colour = readable(shown, self.theme["ground"])
            case [7]:
                self.bold = True  # one's own name; drawn bold
            case _:
                sys.exit(f"a code that this script does not know: {codes}")

    def attributes(self):
        bold = ' font-weight="bold"' if self.bold else ""
        return f'fill="{self.colour}"{bold}'


def width(text):
    wide = sum(unicodedata.east_asian_width(character) in "WF" for character in text)
    return len(text) + wide


def terminal(title, rows, columns, theme, left, high):
    """One terminal: a bar with its title, and rows of text. Returns its width and its elements."""
    wide = columns * CELL_WIDTH + 2 * MARGIN
    rect = f'<rect x="{left:.1f}" width="{wide:.1f}"'
    out = [
        f'{rect} y="0" height="{high}" rx="8" fill="{theme["bar"]}"/>',
        f'<text x="{left + wide / 2:.1f}" y="18" text-anchor="middle" fill="{theme["text"]}">'
        f"{html.escape(title)}</text>",
        # Only the lower corners are round.
        f'{rect} y="{BAR}" height="{high - BAR}" rx="8" fill="{theme["ground"]}"/>',
        f'{rect} y="{BAR}" height="16" fill="{theme["ground"]}"/>',
    ]
    style = Style(theme)
    for number, row in enumerate(rows):
        column, y = 0, BAR + (number + 1) * CELL_HEIGHT
        for piece in re.split(r"(\x1b\[[0-9;]*m)", row):
            if piece.startswith("\x1b["):
                style.set(piece[2:-1])
                continue
            shown = piece.strip(" ")
            if shown:
                x = left + MARGIN + (column + width(piece) - width(piece.lstrip(" "))) * CELL_WIDTH
                out.append(
                    f'<text x="{x:.1f}" y="{y}" textLength="{width(shown) * CELL_WIDTH:.1f}" '
                    f"{style.attributes()}>{html.escape(shown)}</text>"
                )
            column += width(piece)
    return wide, out


def picture(name, terminals):
    """Draws terminals side by side; each is a title, its rows and its columns."""
    high = BAR + max(len(rows) for _, rows, _ in terminals) * CELL_HEIGHT + MARGIN
    for theme, colours in THEMES.items():
        left, elements = 0, []
        for title, rows, columns in terminals:
            wide, drawn = terminal(title, rows, columns, colours, left, high)
            elements += drawn
            left += wide + BETWEEN
        total = f"{left - BETWEEN:.0f}"
        head = (
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{total}" height="{high}" '
            f'viewBox="0 0 {total} {high}" font-family="{FONT}" font-size="{FONT_SIZE}" '
            'xml:space="preserve">'
        )
        file = DOCS / f"{name}-{theme}.svg"
        file.write_text("\n".join([head, *elements, "</svg>\n"]), encoding="utf-8")
        print(f"recorded docs/{file.name}")


def demo(tmux):
    columns = 96
    tmux.shell("demo", columns, 40)
    tmux.type("demo", "clear; tcp-chat demo")
    tmux.wait("demo", "^--- Done")
    tmux.wait("demo", r"^\$ $|^\$$")
    rows = [row for row in tmux.rows("demo") if not re.match(r"^(\x1b\[[0-9;]*m)*\$ *$", row)]
    picture("demo", [("tcp-chat demo", ["$ tcp-chat demo", *after(rows, "A server starts")], columns)])


def after(rows, text):
    """The rows from the one that contains the text."""
    first = next(number for number, row in enumerate(rows) if text in row)
    return rows[first:]


def two_shells(tmux):
    columns = {"server": 56, "ann": 42, "bob": 42}
    for name, wide in columns.items():
        tmux.shell(name, wide, 24)
    tmux.type("server", "clear; tcp-chat server")
    tmux.wait("server", "Online")
    for name in ("ann", "bob"):
        tmux.type(name, f"clear; tcp-chat client --name {name.capitalize()}")
        tmux.wait(name, "Successful")
    for name, line in [
        ("ann", "hello, is anybody there?"),
        ("bob", "I am, in another shell"),
        ("ann", "new lines do not tear the line that I type"),
        ("bob", "Ann: and your name is marked when somebody says it"),
    ]:
        tmux.type(name, line)
        for listener in ("server", "ann", "bob"):
            tmux.wait(listener, line.split(",")[0][:20])
    tmux.type("ann", "/qiut")
    tmux.wait("ann", "No command")
    tmux.type("ann", "half a sent", enter=False)
    tmux.wait("ann", "> half a sent$")
    server = after(tmux.rows("server"), "listening on")
    ann = after(tmux.rows("ann"), "Type a line")
    title = tmux("display-message", "-p", "-t", "ann", "#{pane_title}").strip()
    picture("two-shells", [
        ("tcp-chat server", ["$ tcp-chat server", *server], columns["server"]),
        (title, ["$ tcp-chat client --name Ann", *ann], columns["ann"]),
    ])


def main():
    if not PROGRAM.is_file():
        sys.exit(f"there is no {PROGRAM}: build it first, with cargo build --release")
    with Tmux() as tmux:
        demo(tmux)
        two_shells(tmux)


if __name__ == "__main__":
    main()
