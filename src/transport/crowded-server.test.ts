import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { pause, until } from "../../test/support/until.ts";
import type { HttpReply } from "./http-message.ts";
import { HttpServer } from "./http-server.ts";
import { RawClient } from "./testing/raw-client.ts";

const plain = (body: string): HttpReply => ({ kind: "fixed", status: 200, headers: [], body });
const limitConnections = 4;

let directory = "";
let server: HttpServer;
let release: () => void = () => {};
let slow = 0;

beforeEach(() => {
  slow = 0;
  directory = mkdtempSync("/tmp/tiffin-test-crowd-");
  const gate = new Promise<void>((resolve) => {
    release = resolve;
  });
  server = new HttpServer({
    limitConnections,
    onFault: () => {},
    async handler(request) {
      if (request.head.target === "/slow") {
        slow += 1;
        await gate;
      }
      const body = await request.readBody(8 * 1024 * 1024);
      return plain(String(body.length));
    },
  });
  server.listen({ unix: `${directory}/s` });
});

afterEach(async () => {
  release();
  await server.close(0);
  rmSync(directory, { recursive: true });
});

const open = (): Promise<RawClient> => RawClient.open(`${directory}/s`);
const ask = async (client: RawClient): Promise<number> => {
  client.send("GET / HTTP/1.1\r\n\r\n");
  return (await client.reply()).status;
};

test("a new client takes the place of the one that has been silent longest", async () => {
  const silent: RawClient[] = [];
  for (let index = 0; index < limitConnections; index += 1) silent.push(await open());
  await until("all of them", () => server.connectionCount === limitConnections);
  const fresh = await open();
  expect(await ask(fresh)).toBe(200);
  await silent[0]?.untilEnd();
  expect(await ask(silent[1] ?? fresh)).toBe(200);
  for (const client of [...silent, fresh]) client.destroy();
});

test("clients that are being answered keep their places, and who comes then is turned away", async () => {
  const busy: RawClient[] = [];
  for (let index = 0; index < limitConnections; index += 1) {
    const client = await open();
    client.send("GET /slow HTTP/1.1\r\n\r\n");
    busy.push(client);
  }
  await until("all of them", () => slow === limitConnections);
  const late = await open();
  expect(await late.untilEnd()).toBe("");
  release();
  for (const client of busy) {
    expect((await client.reply()).status).toBe(200);
    client.destroy();
  }
});

test("unfinished bodies have a common limit, and it is free again when their clients go", async () => {
  const big = new HttpServer({
    onFault: () => {},
    handler: async (request) => plain(String((await request.readBody(32 * 1024 * 1024)).length)),
  });
  big.listen({ unix: `${directory}/big` });
  const started: RawClient[] = [];
  const begin = async (): Promise<RawClient> => {
    const client = await RawClient.open(`${directory}/big`);
    client.send(`PUT / HTTP/1.1\r\nContent-Length: ${30 * 1024 * 1024}\r\n\r\n`);
    client.send(new Uint8Array(29 * 1024 * 1024));
    return client;
  };
  try {
    for (let index = 0; index < 2; index += 1) {
      const client = await begin();
      await until("what it sends", () => client.unsentBytes === 0);
      started.push(client);
    }
    const refused = await begin();
    expect(await refused.untilEnd()).toContain("503 Service Unavailable");
    for (const client of started) client.destroy();
    await until("their end", () => big.connectionCount === 0);
    const next = await RawClient.open(`${directory}/big`);
    next.send(`PUT / HTTP/1.1\r\nContent-Length: ${29 * 1024 * 1024}\r\n\r\n`);
    next.send(new Uint8Array(29 * 1024 * 1024));
    expect((await next.reply()).status).toBe(200);
    next.destroy();
  } finally {
    await big.close(0);
  }
});

test("who reads a reply slowly gets all of it before its connection is ended", async () => {
  const reply = "x".repeat(2 * 1024 * 1024);
  const big = new HttpServer({ onFault: () => {}, handler: async () => plain(reply) });
  big.listen({ unix: `${directory}/big` });
  try {
    const client = await RawClient.open(`${directory}/big`);
    client.pause();
    client.send("GET / HTTP/1.1\r\nConnection: close\r\n\r\n");
    await pause(8000, "a client that does not close its side is cut after 5 s, seen by a look every 2 s");
    client.resume();
    expect((await client.untilEnd()).length).toBeGreaterThan(reply.length);
  } finally {
    await big.close(0);
  }
}, 20_000);
