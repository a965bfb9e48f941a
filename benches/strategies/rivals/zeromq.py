"""The room as a ZeroMQ proxy. No message is dropped: the high-water marks are off."""

import sys

import zmq

context = zmq.Context()
publishers, subscribers = context.socket(zmq.XSUB), context.socket(zmq.XPUB)
for socket in (publishers, subscribers):
    socket.set_hwm(0)
    socket.setsockopt(zmq.BACKLOG, 4096)
ports = [socket.bind_to_random_port("tcp://127.0.0.1") for socket in (subscribers, publishers)]
print("listening on 127.0.0.1:{} 127.0.0.1:{}".format(*ports), file=sys.stderr, flush=True)
zmq.proxy(publishers, subscribers)
