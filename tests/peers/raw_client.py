#!/usr/bin/env python3
"""A chat client of the kind that students write for the assignment, without its window.

There is no framing: what is typed goes out in one `send`, and whatever a `recv(1024)` returns is
shown as one entry of the history. Here a line of the input is what is typed, and each entry is
printed as one line of JSON, so that nobody can mistake where it begins and ends. `null` stands for
the end of the connection, which many such programs do not look for.

It is a specimen: it has the habits of its kind, and the tests and docs/from-python.md show what
comes of them.
"""

import argparse
import json
import socket
import sys
import threading
import time

RECONNECT_FOR = 20  # seconds


def arguments():
    parser = argparse.ArgumentParser(description="A chat client without framing.")
    parser.add_argument("port", type=int)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--name", default="Client1")
    parser.add_argument("--name-sent", choices=["each", "first", "both", "never"], default="each",
                        help="in front of each message, once and alone, both, or not at all")
    parser.add_argument("--told", action="store_true",
                        help="take the first text from the server as the name")
    parser.add_argument("--newline", action="store_true", help="end each message with a newline")
    parser.add_argument("--asked", metavar="TEXT",
                        help="wait for this text, and only then send the name, alone")
    parser.add_argument("--farewell", action="store_true",
                        help="say so in plain text when the input ends")
    parser.add_argument("--align", action="store_true",
                        help="show own messages on the right: those with the name in them")
    parser.add_argument("--reconnect", action="store_true",
                        help="press the connect button when the server is gone")
    return parser.parse_args()


def show(entry, indent=""):
    print(indent + json.dumps(entry, ensure_ascii=False), flush=True)


def note(text):
    print(text, file=sys.stderr, flush=True)


class Client:
    def __init__(self, args):
        self.args = args
        self.leaving = False
        self.connect()

    def connect(self):
        self.socket = socket.create_connection((self.args.host, self.args.port))
        if self.args.asked:
            while self.socket.recv(1024).decode() != self.args.asked:
                pass
        if self.args.told:
            self.args.name = self.socket.recv(1024).decode()
        if self.args.asked or self.args.name_sent in ["first", "both"]:
            self.socket.send(self.args.name.encode())
        note(f"connected, @PORT #{self.socket.getsockname()[1]}")

    def connect_again(self):
        deadline = time.monotonic() + RECONNECT_FOR
        while True:
            try:
                return self.connect()
            except OSError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.05)

    def listen(self):
        """The receiver's thread."""
        while True:
            try:
                received = self.socket.recv(1024)
            except OSError:
                received = b""
            if received:
                text = received.decode()
                own = self.args.align and self.args.name in text
                show(text, " " * 40 if own else "")
                continue
            if self.leaving:
                return
            show(None)
            if not self.args.reconnect:
                return
            self.connect_again()

    def say(self, text):
        """The send button."""
        if self.args.name_sent in ["each", "both"]:
            text = f"{self.args.name}: {text}"
        if self.args.newline:
            text += "\n"
        self.socket.send(text.encode())

    def leave(self):
        """The window is closed."""
        self.leaving = True
        if self.args.farewell:
            self.socket.send(f"{self.args.name} Disconnected!".encode())
        self.socket.close()


def main():
    client = Client(arguments())
    threading.Thread(target=client.listen, daemon=True).start()
    try:
        for line in sys.stdin:
            client.say(line.rstrip("\n"))
    except KeyboardInterrupt:
        pass
    client.leave()


if __name__ == "__main__":
    main()
