#!/usr/bin/env python3
"""Makes the timelines of the pages from real runs, and draws docs/timeline-*.svg.

    cargo build --release
    python3 docs/timelines.py

Each scene starts a server with `--timeline`, plays, stops the server, and draws a part of the file twice:
for light and for dark pages. Needs Python 3 and cargo. The clients of the crowds are the load generator of
the benchmark.
"""

import contextlib
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

DOCS = Path(__file__).resolve().parent
PROGRAM = DOCS.parent / "target/release/tcp-chat"


class Server:
    def __init__(self, folder, *flags):
        self.timeline = Path(folder) / "timeline.json"
        command = [PROGRAM, "server", "127.0.0.1:0", "--quiet", "--timeline", self.timeline, *flags]
        self.process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        listening = self.process.stderr.readline()
        self.port = int(re.search(r"127\.0\.0\.1:(\d+)", listening)[1])

    def client(self, buffer=None):
        peer = socket.socket()
        if buffer:
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
        peer.connect(("127.0.0.1", self.port))
        time.sleep(0.1)
        return peer

    def crowd(self, clients):
        """As fast as they can, for two seconds."""
        load = ["cargo", "bench", "--quiet", "--bench", "strategies", "--", "--addr", f"127.0.0.1:{self.port}"]
        load += ["--clients", str(clients), "--seconds", "2"]
        return subprocess.Popen(load, cwd=DOCS.parent, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait()


def reader(peer):
    """Reads everything that a peer is sent."""
    def read():
        with contextlib.suppress(OSError):
            while peer.recv(1 << 20):
                pass
    threading.Thread(target=read, daemon=True).start()
    return peer


def one_message(server):
    ann, _bob = server.client(), server.client()
    for _ in range(5):
        ann.sendall(b"Ann: hello\n")
        ann.recv(100)
        time.sleep(0.05)


def falls_behind(server):
    ann, bob, slow = reader(server.client()), reader(server.client()), server.client(20_000)
    for round in range(80):
        ann.sendall((b"x" * 999 + b"\n") * 30)
        time.sleep(0.002)
        if round == 60:
            reader(slow)
    bob.sendall(b"Bob: hello\n")
    time.sleep(0.3)


def crowd(clients):
    def play(server):
        load = server.crowd(clients)
        load.wait()
    return play


def join(server):
    load = server.crowd(8)
    # They talk when the file grows.
    while server.timeline.stat().st_size < 5_000_000:
        time.sleep(0.01)
    server.client()
    load.wait()


# The picture, the flags of the server, the scene, and the part that is shown.
SCENES = [
    ("one-message", [], one_message, ["--nth", "5", "--before", "40us", "--length", "120us"]),
    ("two-at-once", ["--cores", "all"], crowd(2), ["--at", "finds the roster busy", "--nth", "50", "--before", "20us", "--length", "60us"]),
    ("falls-behind", [], falls_behind, ["--at", "peer 3 falls behind", "--before", "30ms", "--length", "250ms"]),
    ("thirty-clients", [], crowd(30), ["--nth", "500", "--length", "1ms"]),
    ("ten-one-core", [], crowd(10), ["--nth", "500", "--length", "1ms"]),
    ("ten-all-cores", ["--cores", "all"], crowd(10), ["--nth", "500", "--length", "1ms"]),
    ("join", [], join, ["--at", "joins as peer 9", "--before", "500us", "--length", "800us"]),
]


def main():
    for name, flags, play, part in SCENES:
        if len(sys.argv) > 1 and name not in sys.argv[1:]:
            continue
        with tempfile.TemporaryDirectory() as folder:
            server = Server(folder, *flags)
            play(server)
            server.stop()
            for theme, dark in [("light", []), ("dark", ["--dark"])]:
                command = [sys.executable, DOCS / "timeline.py", server.timeline, *part, *dark]
                drawn = subprocess.run(command, check=True, capture_output=True, text=True).stdout
                picture = DOCS / f"timeline-{name}-{theme}.svg"
                picture.write_text(drawn, encoding="utf-8")
                print(f"drew docs/{picture.name}")


if __name__ == "__main__":
    main()
