#!/usr/bin/env python3
"""A chat server of the kind that students write for the assignment.

A thread waits for clients, and each client gets a thread of its own. All threads share one list of
sockets, guarded by one lock. Whoever has something to say copies the list inside the critical
section and sends outside of it; whoever cannot send to a client removes it from the list.

It is a specimen: by default it has the faults of its kind, and docs/from-python.md tells how to see
each of them. The flags are the ways in which such programs differ. What each client sent is printed
as one line of JSON for each `recv`.
"""

import argparse
import json
import os
import signal
import socket
import sys
import threading
import time


def arguments():
    parser = argparse.ArgumentParser(description="A chat server without framing.")
    parser.add_argument("port", type=int, help="0 is any free port")
    parser.add_argument("--echo", choices=["all", "others"], default="all")
    parser.add_argument("--speaker", choices=["client", "server", "nobody"], default="client",
                        help="who puts the name in front of a message; nobody: it is taken away")
    parser.add_argument("--greet", action="store_true", help="speak first")
    parser.add_argument("--name-first", action="store_true",
                        help="the first thing a client sends is its name")
    parser.add_argument("--ask", metavar="TEXT",
                        help="ask for the name; nobody else can join until it comes")
    parser.add_argument("--read", type=int, default=1024, metavar="BYTES",
                        help="how much one `recv` takes")
    parser.add_argument("--lines", action="store_true", help="read lines, and send lines")
    parser.add_argument("--busy", type=float, default=0, metavar="SECONDS",
                        help="what a window does after each message, before it reads again")
    parser.add_argument("--spin", type=float, default=10, metavar="SECONDS",
                        help="how long a thread may spin when its client is gone")
    parser.add_argument("--quit-after", type=int, default=0, metavar="MESSAGES",
                        help="be gone without a word")
    parser.add_argument("--reuse-address", action="store_true",
                        help="what makes a restart within a minute possible")
    return parser.parse_args()


ARGS = arguments()
clients = []
lock = threading.Lock()
received = 0


def note(text):
    print(text, file=sys.stderr, flush=True)


def send_to_all(text, sender=None):
    with lock:
        listed = list(clients)
    for client in listed:
        if client is sender and ARGS.echo == "others":
            continue
        try:
            client.send(text.encode())
        except OSError:
            with lock:
                if client in clients:
                    clients.remove(client)


def relayed(text, name):
    """What the others see of what one client sent."""
    if ARGS.speaker == "nobody":
        return text if ARGS.name_first else text.partition(": ")[2]
    if ARGS.speaker == "server" or ARGS.name_first:
        return f"{name}: {text}"
    return text


def count_message():
    global received
    with lock:
        received += 1
        if received == ARGS.quit_after:
            os._exit(1)


def serve(client, name):
    """The thread of one client."""
    if ARGS.greet:
        client.send(f"Welcome, you are {name}".encode())
    if ARGS.name_first:
        name = client.recv(1024).decode()
        print(json.dumps(name, ensure_ascii=False), flush=True)
    spinning_since = None
    lines = client.makefile(encoding="utf-8", newline="\n")
    while True:
        try:
            text = lines.readline() if ARGS.lines else client.recv(ARGS.read).decode()
        except OSError:
            return
        if text:
            print(json.dumps(text, ensure_ascii=False), flush=True)
            count_message()
            time.sleep(ARGS.busy)
        else:
            # Others of its kind do not know that this is the end, and have no limit either.
            spinning_since = spinning_since or time.monotonic()
            if time.monotonic() - spinning_since >= ARGS.spin:
                return
        send_to_all(relayed(text, name) if text else text, client)


def shake_hands(listener):
    number = 0
    while True:
        client, address = listener.accept()
        number += 1
        if ARGS.ask:
            client.send(ARGS.ask.encode())
            print(json.dumps(client.recv(1024).decode(), ensure_ascii=False), flush=True)
        with lock:
            clients.append(client)
        note(f"Client @PORT #{address[1]} Has Connected!")
        threading.Thread(target=serve, args=(client, f"Client{number}"), daemon=True).start()


def main():
    ends = {signal.SIGINT, signal.SIGTERM}
    signal.pthread_sigmask(signal.SIG_BLOCK, ends)
    listener = socket.socket()
    if ARGS.reuse_address:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", ARGS.port))
    listener.listen()
    port = listener.getsockname()[1]
    note(f"listening on 127.0.0.1:{port}")
    threading.Thread(target=shake_hands, args=(listener,), daemon=True).start()
    signal.sigwait(ends)
    send_to_all(f"Server @PORT #{port} Offline...")


if __name__ == "__main__":
    main()
