"""A client for tcp-chat in twenty lines: python3 docs/client.py HOST PORT NAME"""
import socket
import sys
import threading

host, port, name = sys.argv[1], int(sys.argv[2]), sys.argv[3]
server = socket.create_connection((host, port))


def listen():
    # A read may bring half a line, or five: makefile cuts them where the newlines are.
    for line in server.makefile(encoding="utf-8", newline="\n"):
        print(line, end="", flush=True)


listener = threading.Thread(target=listen)
listener.start()
for line in sys.stdin:
    server.sendall(f"{name}: {line.rstrip()}\n".encode())
server.sendall(f"{name} Disconnected!\n".encode())
server.shutdown(socket.SHUT_WR)
listener.join()
