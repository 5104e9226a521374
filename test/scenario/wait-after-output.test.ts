/** Who waits for the end of a container hears of it after an attached client has the last of the output. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { connect } from "node:net";
import { request, startEngine, type TestEngine } from "../support/engine-harness.ts";

let engine: TestEngine;
beforeAll(async () => {
  engine = await startEngine();
});
afterAll(async () => {
  await engine[Symbol.asyncDispose]();
});

/** What the kernel may hold of a connection that its reader has not taken yet: twice its usual limit. */
const heldBytes = 2 * 212_992;

async function created(name: string, bytes: number): Promise<void> {
  const Cmd = ["sh", "-c", `head -c ${bytes} /dev/zero; echo last`];
  const body = { Image: "base", Cmd, HostConfig: { NetworkMode: "none" } };
  expect((await request(engine.socket, "POST", `/containers/create?name=${name}`, body)).status).toBe(201);
}

function attach(name: string, taken: (chunk: Buffer) => void, ended: () => void) {
  const socket = connect(engine.socket);
  socket.on("data", taken);
  socket.on("end", ended);
  socket.on("error", () => {});
  socket.write(
    `POST /containers/${name}/attach?stream=1&stdout=1 HTTP/1.1\r\nHost: x\r\nUpgrade: tcp\r\nConnection: Upgrade\r\nContent-Length: 0\r\n\r\n`,
  );
  return socket;
}

test("a reader that takes its time has the last output before the end is told", async () => {
  const bytes = 8_000_000;
  await created("slow", bytes);
  let taken = 0;
  const { promise, resolve } = Promise.withResolvers<void>();
  const { promise: attached, resolve: began } = Promise.withResolvers<void>();
  const socket = attach(
    "slow",
    (chunk) => {
      began();
      taken += chunk.length;
      if (taken >= bytes) resolve();
    },
    () => {},
  );
  await attached;
  const waiting = request(engine.socket, "POST", "/containers/slow/wait?condition=next-exit").then(
    () => taken,
  );
  await request(engine.socket, "POST", "/containers/slow/start");
  await promise;
  // The two connections are read in no order: what is not read yet has left the engine at least.
  expect(await waiting).toBeGreaterThan(bytes - heldBytes);
  socket.destroy();
});

test("a reader that does not read holds the end back for two seconds at most", async () => {
  await created("deaf", 700_000);
  const { promise: attached, resolve: began } = Promise.withResolvers<void>();
  const socket = attach(
    "deaf",
    () => began(),
    () => {},
  );
  await attached;
  socket.pause();
  const waiting = request(engine.socket, "POST", "/containers/deaf/wait?condition=next-exit");
  await request(engine.socket, "POST", "/containers/deaf/start");
  const before = performance.now();
  expect((await waiting).status).toBe(200);
  expect(performance.now() - before).toBeLessThan(10_000);
  socket.destroy();
});
