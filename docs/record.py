#!/usr/bin/env python3
"""Records the pictures of these pages from real runs: docs/demo.svg and docs/two-shells.svg.

    cargo build --release
    python3 docs/record.py [PROGRAM]

Needs Python 3 and tmux, and nothing else. PROGRAM is target/release/tcp-chat unless told otherwise.
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
CELL_WIDTH, CELL_HEIGHT, FONT_SIZE, MARGIN, BAR = 8.4, 18, 14, 16, 30
BACKGROUND, FOREGROUND, FRAME, BETWEEN = "#1b1d23", "#d7dae0", "#2b2e37", 14
BASIC = ["#3b4048", "#e06c75", "#98c379", "#e5c07b", "#61afef", "#c678dd", "#56b6c2", "#d7dae0"]


class Tmux:
    """A tmux of our own: it leaves the user's alone, and is ended with the recording."""

    def __init__(self):
        self.base = ["tmux", "-L", f"tcp-chat-record-{os.getpid()}", "-f", "/dev/null"]
        drop = ("TMUX", "NO_COLOR")
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
                sys.exit(f"in vain: waited for {pattern!r} in {name}")
            time.sleep(0.05)

    def rows(self, name):
        """All that is to be seen, and what has left the window, with its colours."""
        rows = self("capture-pane", "-e", "-p", "-S", "-", "-t", name).split("\n")
        while rows and not rows[-1].strip():
            rows.pop()
        return rows


def colour_of(number):
    """The colour of the 256 that has this number."""
    if number < 16:
        return BASIC[number % 8]
    if number >= 232:
        return "#" + f"{8 + (number - 232) * 10:02x}" * 3
    levels = [0, 95, 135, 175, 215, 255]
    number -= 16
    return "#" + "".join(f"{levels[part]:02x}" for part in (number // 36, number // 6 % 6, number % 6))


class Style:
    """What the codes so far have set."""

    def __init__(self):
        self.colour, self.bold = FOREGROUND, False

    def set(self, codes):
        codes = [int(code or 0) for code in codes.split(";")]
        while codes:
            code = codes.pop(0)
            if code == 0:
                self.__init__()
            elif code == 1:
                self.bold = True
            elif code == 22:
                self.bold = False
            elif code == 39:
                self.colour = FOREGROUND
            elif code == 38 and codes[:1] == [5]:
                self.colour = colour_of(codes[1])
                del codes[:2]
            elif 30 <= code <= 37 or 90 <= code <= 97:
                self.colour = BASIC[code % 10]

    def attributes(self):
        bold = ' font-weight="bold"' if self.bold else ""
        return f'fill="{self.colour}"{bold}'


def width(text):
    wide = sum(unicodedata.east_asian_width(character) in "WF" for character in text)
    return len(text) + wide


def terminal(title, rows, columns, height, left):
    """One terminal: a frame, a title, and rows of text."""
    wide, high = columns * CELL_WIDTH + 2 * MARGIN, height * CELL_HEIGHT + BAR + MARGIN
    out = [
        f'<g transform="translate({left} 0)">',
        f'<rect width="{wide:.1f}" height="{high}" rx="8" fill="{BACKGROUND}"/>',
        f'<path d="M0 {BAR - 4}V8a8 8 0 0 1 8-8H{wide - 8:.1f}a8 8 0 0 1 8 8V{BAR - 4}z" fill="{FRAME}"/>',
        f'<text x="{wide / 2:.1f}" y="18" text-anchor="middle" fill="{FOREGROUND}">'
        f"{html.escape(title)}</text>",
    ]
    style = Style()
    for number, row in enumerate(rows):
        column, y = 0, BAR + number * CELL_HEIGHT + FONT_SIZE
        for piece in re.split(r"(\x1b\[[0-9;]*m)", row):
            if piece.startswith("\x1b["):
                style.set(piece[2:-1])
                continue
            shown = piece.strip(" ")
            if shown:
                x = MARGIN + (column + width(piece) - width(piece.lstrip(" "))) * CELL_WIDTH
                out.append(
                    f'<text x="{x:.1f}" y="{y}" textLength="{width(shown) * CELL_WIDTH:.1f}" '
                    f'{style.attributes()}>{html.escape(shown)}</text>'
                )
            column += width(piece)
    return wide, high, "\n".join([*out, "</g>"])


def picture(name, terminals):
    """Writes terminals side by side; each is a title, its rows and its columns."""
    height, left, parts = max(len(rows) for _, rows, _ in terminals), 0, []
    for title, rows, columns in terminals:
        wide, high, part = terminal(title, rows, columns, height, left)
        parts.append(part)
        left += wide + BETWEEN
    size = f'width="{left - BETWEEN:.0f}" height="{high}" viewBox="0 0 {left - BETWEEN:.0f} {high}"'
    style = f"text {{ font-family: ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace; font-size: {FONT_SIZE}px; }}"
    body = "\n".join(parts)
    svg = f'<svg xmlns="http://www.w3.org/2000/svg" {size}>\n<style>{style}</style>\n{body}\n</svg>\n'
    (DOCS / name).write_text(svg, encoding="utf-8")
    print(f"recorded docs/{name}")


def demo(tmux):
    columns = 92
    tmux.shell("demo", columns, 40)
    tmux.type("demo", "clear; tcp-chat demo")
    tmux.wait("demo", "^--- Done")
    tmux.wait("demo", r"^\$ $|^\$$")
    rows = [row for row in tmux.rows("demo") if not re.match(r"^(\x1b\[[0-9;]*m)*\$ *$", row)]
    picture("demo.svg", [("tcp-chat demo", ["$ tcp-chat demo", *after(rows, "A server starts")], columns)])


def after(rows, text):
    """The rows from the one that contains the text."""
    first = next(number for number, row in enumerate(rows) if text in row)
    return rows[first:]


def two_shells(tmux):
    columns, rows = 58, 18
    for name in ("server", "ann", "bob"):
        tmux.shell(name, columns, rows)
    tmux.type("server", "clear; tcp-chat server")
    tmux.wait("server", "Online")
    for name in ("ann", "bob"):
        tmux.type(name, f"clear; tcp-chat client --name {name.capitalize()}")
        tmux.wait(name, "Successful")
    for name, line in [
        ("ann", "hello, is anybody there?"),
        ("bob", "I am, in another shell"),
        ("ann", "new messages do not tear the line that I type, even a long one"),
        ("bob", "and your own lines stand on the right when they have come back"),
    ]:
        tmux.type(name, line)
        for listener in ("server", "ann", "bob"):
            tmux.wait(listener, line.split(",")[0][:20])
    tmux.type("ann", "/qiut")
    tmux.wait("ann", "No command")
    tmux.type("ann", "half a sent", enter=False)
    tmux.wait("ann", "> half a sent$")
    title = tmux("display-message", "-p", "-t", "ann", "#{pane_title}").strip()
    picture("two-shells.svg", [
        ("tcp-chat server", ["$ tcp-chat server", *after(tmux.rows("server"), "listening on")], columns),
        (title, ["$ tcp-chat client --name Ann", *after(tmux.rows("ann"), "You are Ann")], columns),
    ])


def main():
    if not PROGRAM.is_file():
        sys.exit(f"there is no {PROGRAM}: build it first, with cargo build --release")
    with Tmux() as tmux:
        demo(tmux)
        two_shells(tmux)


if __name__ == "__main__":
    main()
