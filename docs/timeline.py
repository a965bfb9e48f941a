#!/usr/bin/env python3
"""Draws a part of a timeline, which `tcp-chat server --timeline FILE` has written, as a picture.

    python3 docs/timeline.py FILE > picture.svg
    python3 docs/timeline.py FILE --at "joins as peer 3" --length 500us --dark > picture.svg

The picture begins a little before the first step whose name begins with the words behind --at; --nth 2 takes
the second one. Without --at, it shows the first lines that are delivered. The roster has the first row. Each
thread that does something has a row of its own. Needs Python 3 and nothing else.
"""

import argparse
import html
import json
import re
import sys

WIDTH, LEFT, RIGHT, TOP, GAP = 700, 112, 672, 44, 6
MANY = 12  # from so many threads on, their rows are low and have no names

# Each text has a contrast of at least 4.5:1 on the colour of its step. tests/docs/pictures.rs checks this.
THEMES = {
    "light": {"ground": "#ffffff", "text": "#1f2328", "grid": "#d1d9e0", "on": "#000000"},
    "dark": {"ground": "#0d1117", "text": "#e6edf3", "grid": "#30363d", "on": "#ffffff"},
}
# The colours of the steps, light and dark, in the order of the legend.
STEPS = {
    "reads": ("#8c959f", "#6e7681"),
    "appends to pending": ("#a5cdff", "#1158c7"),
    "waits for the roster": ("#ffb8b8", "#b62324"),
    "finds the roster busy": ("#8250df", "#6e40c9"),
    "holds the roster": ("#f0b72f", "#7d4e00"),
    "lets others append": ("#ffe4a3", "#5a4a1f"),
    "sends": ("#7fe39a", "#196c2e"),
    "finds nothing pending": ("#c0c6cc", "#484f58"),
    "sends the backlog": ("#7fe3dc", "#0a5f63"),
    "waits for its turn": ("#ffc9e0", "#8a2c5f"),
}
UNITS = {"us": 1e3, "ms": 1e6, "s": 1e9}


class Step:
    def __init__(self, event):
        self.name, self.track, self.numbers = event["name"], event["tid"], event["args"]
        # In nanoseconds, because a sum of fractions would be a little too long.
        start, length = round(event["ts"] * 1000), round(event["dur"] * 1000)
        self.start, self.end = start, start + length
        self.depth = 0


def read(file):
    """The names of the tracks, and all steps, in order."""
    # The server may still be writing, or was killed: there is no closing bracket, and the last line may be
    # only a part.
    text = file.read().rpartition("\n")[0].rstrip(",")
    try:
        events = json.loads(text + "]")
        names = {e["tid"]: e["args"]["name"] for e in events if e["name"] == "thread_name"}
        steps = [Step(e) for e in events if e["ph"] == "X"]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        sys.exit(f"{file.name} is not a timeline of tcp-chat: {error}")
    steps.sort(key=lambda step: (step.start, -step.end))
    around = {}
    for step in steps:
        outer = around.setdefault(step.track, [])
        while outer and outer[-1].end <= step.start and outer[-1].end < step.end:
            outer.pop()
        # A moment at the end of a step belongs to it.
        step.depth = len(outer)
        outer.append(step)
    return names, steps


def duration(text):
    match = re.fullmatch(r"([0-9.]+)(us|ms|s)", text)
    if not match or float(match[1]) <= 0:
        raise argparse.ArgumentTypeError(f"{text} is not a time: write 200us, 5ms or 2s")
    return float(match[1]) * UNITS[match[2]]


def in_words(time):
    unit = "s" if time >= 1e9 else "ms" if time >= 1e6 else "us"
    return f"{time / UNITS[unit]:g} {unit.replace('us', 'µs')}"


def ticks(length):
    """Round times from 0 to the end, about five of them."""
    step = 10 ** len(str(int(length / 5))) / 10
    step = next(step * by for by in (1, 2, 5, 10) if length / (step * by) <= 6)
    return [step * at for at in range(int(length / step) + 1)]


def draw(names, steps, start, end, dark):
    theme = THEMES["dark" if dark else "light"]
    colour = {name: colours[dark] for name, colours in STEPS.items()}
    across = lambda time: LEFT + (RIGHT - LEFT) * (min(max(time, start), end) - start) / (end - start)
    shown = [step for step in steps if step.end >= start and step.start <= end]
    active = {step.track for step in shown if step.name != "reads"}
    busy = {step.track for step in shown}
    roster = next(track for track, name in names.items() if name == "roster")
    threads = [t for t in sorted(busy) if t > roster and (t in active or names[t].startswith("client"))]
    many = len(threads) >= MANY
    bar, deep, low = (7, 7, 2) if many else (17, 14, 3)
    out = []

    def rect(x, y, width, height, fill):
        out.append(f'<rect x="{x:.1f}" y="{y:.1f}" width="{max(width, 2):.1f}" height="{height}" fill="{fill}"/>')

    def text(x, y, words, anchor="start", fill=theme["text"]):
        out.append(f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{fill}">{html.escape(words)}</text>')

    def fits(words, width):
        return len(words) * 6.4 + 6 < width

    def told(step):
        """The words inside a bar, the longest that fit."""
        lines, peers = step.numbers.get("lines"), step.numbers.get("peers")
        counted = f"{lines} line{'s' if lines != 1 else ''}"
        if step.track == roster:
            return [f"{step.name}: {counted}", counted] if lines else [step.name]
        if step.name == "finds the roster busy":
            return []  # it takes no time
        if step.name == "sends":
            return [f"sends to all peers: {peers}", f"sends to {peers}", "sends"]
        if step.name == "sends the backlog":
            return [f"sends the backlog, batches: {step.numbers['batches']}", step.name]
        return [step.name]

    # The rows: first the roster, then the threads.
    y, used, marks = TOP, [], []
    for track in [roster, *threads]:
        row = [step for step in shown if step.track == track]
        is_deep = not many and track != roster and any(step.depth for step in row if step.end > step.start)
        height = bar + (deep if is_deep else 0)
        if not many or track == roster:
            text(LEFT - 8, y + bar - (0 if many else 4), names[track], "end")
        elif track == threads[0]:
            text(LEFT - 8, y + 10, f"{len(threads)} threads", "end")
        drawn = {}
        for step in row:
            x, width = across(step.start), across(step.end) - across(step.start)
            # Thousands of short steps may share a pixel.
            if step.name in colour and width < 1 and x < drawn.get(step.name, 0) + 1:
                continue
            drawn[step.name] = x
            if step.name == "reads":
                # It waits nearly all the time.
                rect(x, y + bar / 2 - low / 2, width, low, colour["reads"])
                used.append("reads")
            elif track == roster:
                rect(x, y, width, 17, colour["holds the roster"])
                words = next((words for words in told(step) if fits(words, width)), "")
                if words:
                    text(x + width / 2, y + 12.5, words, "middle", theme["on"])
            elif step.name in colour:
                down = step.depth * bar if not many else 0
                rect(x, y + down, width, deep if step.depth else bar, colour[step.name])
                used.append(step.name)
                words = next((words for words in told(step) if fits(words, width)), "")
                if words and not many:
                    text(x + width / 2, y + down + (11 if step.depth else 12.5), words, "middle", theme["on"])
            elif start <= step.start <= end:
                marks.append((x, y, step.name))
        y += (17 if track == roster else height) + (3 if many and track != roster else GAP + 2)

    # Moments are marks, and their words stand below the rows, each on a line of its own. From the right to the
    # left, so that the words behind a mark cross no other mark.
    marks = sorted(marks, reverse=True)[-8:]
    for at, (x, top, _) in enumerate(marks):
        out.append(f'<path d="M{x:.1f} {top - 3}V{y + 8 + 16 * at:.1f}" stroke="{theme["text"]}" stroke-dasharray="2 3"/>')
    for x, _, words in marks:
        width = len(words) * 6.4 + 8
        start_x = x + 2 if x + width < WIDTH else x - 2 - width
        rect(start_x, y, width, 15, theme["ground"])
        text(start_x + 4, y + 12, words)
        y += 16
    y += 6
    x = LEFT
    for name in (name for name in colour if name in used):
        if x + 24 + len(name) * 6.4 > RIGHT:
            x, y = LEFT, y + 18
        rect(x, y + (8 - low / 2 if name == "reads" else 2), 14, low if name == "reads" else 12, colour[name])
        text(x + 19, y + 12, "reads (waits for its client)" if name == "reads" else name)
        x += 36 + len("reads (waits for its client)" if name == "reads" else name) * 6.4
    height = y + 26

    head = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height:.0f}" '
        f'viewBox="0 0 {WIDTH} {height:.0f}" font-family="sans-serif" font-size="12">',
        f'<rect x="0" y="0" width="{WIDTH}" height="{height:.0f}" rx="6" fill="{theme["ground"]}"/>',
    ]
    body, out = out, []
    for time in ticks(end - start):
        x = across(start + time)
        out.append(f'<path d="M{x:.1f} {TOP - 8}V{y - 6:.1f}" stroke="{theme["grid"]}"/>')
        text(x, TOP - 14, in_words(time) if time else "0", "middle")
    return "\n".join([*head, *out, *body, "</svg>\n"])


def main():
    parser = argparse.ArgumentParser(description="Draws a part of a timeline. See the top of this file.")
    parser.add_argument("file", type=argparse.FileType(encoding="utf-8"))
    parser.add_argument("--at", metavar="WORDS", default="", help="a step: reads, sends, joins as peer 3, …")
    parser.add_argument("--nth", type=int, default=1, metavar="N", help="the second one, or a later one")
    parser.add_argument("--before", type=duration, metavar="TIME", help="how much is shown before it")
    parser.add_argument("--length", type=duration, metavar="TIME", help="how much is shown: 200us, 5ms or 2s")
    parser.add_argument("--dark", action="store_true", help="for a dark page")
    args = parser.parse_args()
    names, steps = read(args.file)
    is_it = lambda step: step.name.startswith(args.at) if args.at else step.name == "sends"
    found = [step for step in steps if is_it(step)]
    if len(found) < args.nth or args.nth < 1:
        sys.exit(f"{args.file.name} has {len(found)} steps such as {args.at or 'sends'!r}")
    step = found[args.nth - 1]
    length = args.length or max(4 * (step.end - step.start), 100_000)
    start = step.start - (args.before if args.before is not None else length / 3)
    sys.stdout.write(draw(names, steps, start, start + length, args.dark))


if __name__ == "__main__":
    main()
