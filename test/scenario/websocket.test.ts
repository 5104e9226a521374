/** Attach by WebSocket, with a client that is not ours: Bun's own, and a raw handshake for what it would never send. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { RawClient } from "../../src/transport/testing/raw-client.ts";
import { startEngine, type TestEngine } from "../support/engine-harness.ts";
import { until } from "../support/until.ts";

let engine: TestEngine;
beforeAll(async () => {
  engine = await startEngine();
});
afterAll(async () => {
  await engine[Symbol.asyncDispose]();
});

/** A TCP port in front of the engine's socket: WebSocket clients know no other address. */
function bridged(): { readonly port: number; stop(): void } {
  const server = Bun.listen<{ peer?: import("bun").Socket<unknown>; early: Uint8Array[] }>({
    hostname: "127.0.0.1",
    port: 0,
    data: { early: [] },
    socket: {
      async open(client) {
        client.data = { early: [] };
        const peer = await Bun.connect({
          unix: engine.socket,
          socket: { data: (_socket, bytes) => void client.write(bytes), close: () => void client.end() },
        });
        client.data.peer = peer;
        for (const bytes of client.data.early.splice(0)) peer.write(bytes);
      },
      data(client, bytes) {
        if (client.data.peer === undefined) client.data.early.push(bytes.slice());
        else client.data.peer.write(bytes);
      },
      close: (client) => void client.data.peer?.end(),
    },
  });
  return { port: server.port, stop: () => server.stop(true) };
}

test("input and output of a container pass both ways, and the end of its output closes", async () => {
  await engine.output(
    "run",
    "-d",
    "-i",
    "--name",
    "asks",
    "base",
    "sh",
    "-c",
    "read line; echo got $line; echo wrong >&2; exit 3",
  );
  const front = bridged();
  try {
    const socket = new WebSocket(
      `ws://127.0.0.1:${front.port}/v1.44/containers/asks/attach/ws?stream=1&stdin=1&stdout=1&stderr=1`,
    );
    socket.binaryType = "arraybuffer";
    let text = "";
    let closed = 0;
    socket.onmessage = ({ data }) => {
      text += new TextDecoder().decode(data as ArrayBuffer);
    };
    socket.onclose = ({ code }) => {
      closed = code;
    };
    await new Promise((resolve, reject) => {
      socket.onopen = resolve;
      socket.onerror = reject;
    });
    socket.send("hello\n");
    await until("the end", () => closed !== 0);
    expect([text.split("\n").sort(), closed]).toEqual([["", "got hello", "wrong"], 1000]);
    expect(await engine.output("wait", "asks")).toBe("3");
  } finally {
    front.stop();
  }
});

test("a request that is no handshake is refused before anything is attached", async () => {
  const path = "/containers/asks/attach/ws?stream=1";
  const upgrade = "Connection: Upgrade\r\nUpgrade: websocket\r\n";
  const cases = [
    ["", "needs a connection that is upgraded to websocket, found no Upgrade"],
    ["Connection: Upgrade\r\nUpgrade: tcp\r\n", "found tcp"],
    [
      `${upgrade}Sec-WebSocket-Version: 8\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n`,
      "WebSocket handshake of version 13",
    ],
    [`${upgrade}Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: short\r\n`, "a key of 16 bytes"],
  ] as const;
  for (const [fields, message] of cases) {
    const client = await RawClient.open(engine.socket);
    client.send(`GET ${path} HTTP/1.1\r\nHost: x\r\n${fields}\r\n`);
    const reply = await client.reply();
    expect([reply.status, reply.body]).toEqual([400, expect.stringContaining(message)]);
    client.destroy();
  }
});
