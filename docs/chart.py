#!/usr/bin/env python3
"""Draws docs/performance-light.svg and docs/performance-dark.svg from the results of the benchmark.

    cargo bench --bench strategies -- --csv results.csv
    python3 docs/chart.py results.csv

The chart shows deliveries per second over the number of clients. Each point is the median of all
rounds without silent peers, with messages of 64 bytes. Needs Python 3 and nothing else.
"""

import csv
import html
import math
import statistics
import sys
from pathlib import Path

DOCS = Path(__file__).resolve().parent
WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 838, 460, 56, 610, 40, 410
LABEL, LABEL_HEIGHT = 660, 17  # where the names stand, and how far apart

# The colours of the servers have a contrast of at least 4.5:1, because their names have them, too.
# tests/docs/pictures.rs checks this. Servers also differ in the mark and in the dashes.
THEMES = {
    "light": {
        "ground": "#ffffff", "text": "#1f2328", "grid": "#d1d9e0",
        "servers": ["#cf222e", "#0550ae", "#8250df", "#9a6700", "#1a7f37", "#57606a",
                    "#bf3989", "#0969da", "#bc4c00", "#6639ba", "#0a7572", "#7d4e00", "#a0111f", "#1f2328"],
    },
    "dark": {
        "ground": "#0d1117", "text": "#e6edf3", "grid": "#30363d",
        "servers": ["#ff7b72", "#79c0ff", "#d2a8ff", "#e3b341", "#56d364", "#9ea7b3",
                    "#ff9bce", "#58a6ff", "#ffa657", "#bc8cff", "#39c5cf", "#d4a72c", "#ffa198", "#e6edf3"],
    },
}
# Each mark is a path around the origin.
MARKS = [
    "M-4 0a4 4 0 1 0 8 0a4 4 0 1 0 -8 0z",  # circle
    "M-4 -4h8v8h-8z",  # square
    "M0 -5L5 4H-5z",  # triangle
    "M0 -5L5 0L0 5L-5 0z",  # diamond
    "M0 5L5 -4H-5z",  # triangle on its tip
    "M-4 -4L4 4M4 -4L-4 4",  # cross
]
DASHES = ["none", "6 3", "2 3"]


def read(file):
    """For each server, its points: clients and deliveries per second."""
    rounds = {}
    for row in csv.DictReader(file):
        server = rounds.setdefault(row["server"], {})
        rate = float(row["deliveries_per_second"] or 0)
        # A logarithmic axis has no zero.
        if int(row["silent"]) == 0 and int(row["bytes"]) == 64 and rate > 0:
            server.setdefault(int(row["clients"]), []).append(rate)
    return {
        name: [(clients, statistics.median(rates)) for clients, rates in sorted(sizes.items())]
        for name, sizes in rounds.items() if sizes
    }


def axis(low, high, start, end):
    """Maps the values from low to high to the pixels from start to end, logarithmically."""
    high = max(high, low * 1.01)
    return lambda value: start + (end - start) * math.log(value / low) / math.log(high / low)


def spread(wanted):
    """Heights at which names do not overlap, as near as possible to the wanted ones, in order."""

    def inside(middle, count):
        half = (count - 1) * LABEL_HEIGHT / 2
        return max(TOP + half, min(middle, BOTTOM - half))

    groups = []  # names that touch one another: their middle and their number
    for y in sorted(wanted):
        middle, count = inside(y, 1), 1
        while groups and middle - groups[-1][0] < (count + groups[-1][1]) * LABEL_HEIGHT / 2:
            other, others = groups.pop()
            middle = (middle * count + other * others) / (count + others)
            count += others
            middle = inside(middle, count)
        groups.append((middle, count))
    return [
        middle + (at - (count - 1) / 2) * LABEL_HEIGHT
        for middle, count in groups for at in range(count)
    ]


def short(rate):
    return f"{rate / 1e6:g} M" if rate >= 1e6 else f"{rate / 1e3:g} k"


def chart(servers, theme):
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" '
        f'viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" font-size="13">',
        f'<rect x="0" y="0" width="{WIDTH}" height="{HEIGHT}" rx="6" fill="{theme["ground"]}"/>',
    ]

    def text(x, y, words, anchor="start", colour=theme["text"]):
        out.append(
            f'<text x="{x:.1f}" y="{y + 4.5:.1f}" text-anchor="{anchor}" fill="{colour}">'
            f"{html.escape(words)}</text>"
        )

    points = [point for points in servers.values() for point in points]
    sizes = sorted({clients for clients, _ in points})
    rates = [math.log10(rate) for _, rate in points]
    first, last = math.floor(min(rates)), math.ceil(max(rates))
    across = axis(sizes[0], sizes[-1], LEFT, RIGHT)
    up = axis(10**first, 10**last, BOTTOM, TOP)
    text(LEFT, TOP - 22, "deliveries per second")
    for exponent in range(first, last + 1):
        y = up(10**exponent)
        out.append(f'<path d="M{LEFT} {y:.1f}H{RIGHT}" stroke="{theme["grid"]}"/>')
        text(LEFT - 10, y, short(10**exponent), "end")
    for clients in sizes:
        text(across(clients), BOTTOM + 18, str(clients), "middle")
    text((LEFT + RIGHT) / 2, BOTTOM + 38, "clients, all of them sending", "middle")

    ends = []
    for at, (name, points) in enumerate(servers.items()):
        colour = theme["servers"][at % len(theme["servers"])]
        mark = MARKS[at % len(MARKS)]
        dashes = DASHES[at // len(MARKS) % len(DASHES)]
        wide = 4 if name.startswith("tcp-chat") else 1.5
        places = [(across(clients), up(rate)) for clients, rate in points]
        line = "L".join(f"{x:.1f} {y:.1f}" for x, y in places)
        look = f'stroke="{colour}" stroke-width="{wide}" fill="none"'
        out.append(f'<path d="M{line}" {look} stroke-dasharray="{dashes}"/>')
        drawn = f'<path d="{mark}" stroke="{colour}" stroke-width="1.5" fill="{colour}"'
        out += [f'{drawn} transform="translate({x:.1f} {y:.1f})"/>' for x, y in places]
        ends.append((places[-1], name, colour, drawn))

    # A dotted line leads from the last point of a server to its name.
    ends.sort(key=lambda end: end[0][1])
    for ((x, y), name, colour, drawn), to in zip(ends, spread(y for (_, y), *_ in ends)):
        way = f"M{x:.1f} {y:.1f}L{LABEL - 18} {to:.1f}"
        out.append(f'<path d="{way}" stroke="{colour}" stroke-dasharray="1 3"/>')
        out.append(f'{drawn} transform="translate({LABEL - 12} {to:.1f})"/>')
        text(LABEL, to, name, colour=colour)
    return "\n".join([*out, "</svg>\n"])


def main():
    if len(sys.argv) != 2:
        sys.exit("usage: python3 docs/chart.py results.csv")
    with open(sys.argv[1], newline="", encoding="utf-8") as file:
        servers = read(file)
    if not servers:
        sys.exit(f"{sys.argv[1]} has no row with deliveries and without silent peers")
    for name, theme in THEMES.items():
        file = DOCS / f"performance-{name}.svg"
        file.write_text(chart(servers, theme), encoding="utf-8")
        print(f"drew docs/{file.name}")


if __name__ == "__main__":
    main()
