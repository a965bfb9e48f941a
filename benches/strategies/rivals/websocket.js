// The room as a WebSocket server, for Bun, whose server is uWebSockets (C++). No client is dropped.
const server = Bun.serve({
  hostname: "127.0.0.1",
  port: 0,
  fetch(request, server) {
    if (!server.upgrade(request)) return new Response("a WebSocket is needed", { status: 426 });
  },
  websocket: {
    perMessageDeflate: false,
    idleTimeout: 0,
    backpressureLimit: 1 << 30,
    open(peer) {
      peer.subscribe("room");
    },
    message(_, message) {
      server.publish("room", message);
    },
  },
});
console.error(`listening on 127.0.0.1:${server.port}`);
