import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { until } from "../../test/support/until.ts";
import { messageOf } from "../lib/errors.ts";
import type { HttpHandler, HttpReply } from "./http-message.ts";
import { HttpServer } from "./http-server.ts";
import { RawClient } from "./testing/raw-client.ts";

const plain = (body: string): HttpReply => ({ kind: "fixed", status: 200, headers: [], body });

let directory = "";
let server: HttpServer;
let handler: HttpHandler;
let faults: unknown[] = [];

beforeEach(() => {
  directory = mkdtempSync("/tmp/tiffin-test-stream-body-");
  faults = [];
  server = new HttpServer({ handler: (request) => handler(request), onFault: (error) => faults.push(error) });
  server.listen({ unix: `${directory}/s` });
});

afterEach(async () => {
  await server.close(0);
  rmSync(directory, { recursive: true });
});

const open = (): Promise<RawClient> => RawClient.open(`${directory}/s`);
const countBytes: HttpHandler = async (request) => {
  let bytes = 0;
  for await (const piece of request.streamBody()) bytes += piece.length;
  return plain(String(bytes));
};

test("a streamed body of known length and one in chunks are followed by the next request", async () => {
  handler = countBytes;
  const client = await open();
  client.send("PUT /a HTTP/1.1\r\nContent-Length: 5\r\n\r\nhellPUT".slice(0, -3));
  client.send("oPUT /b HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n");
  client.send("PUT /c HTTP/1.1\r\nContent-Length: 0\r\n\r\n");
  expect([(await client.reply()).body, (await client.reply()).body, (await client.reply()).body]).toEqual([
    "5",
    "3",
    "0",
  ]);
  client.destroy();
});

test("the client waits for a reader that does not read, and then everything arrives", async () => {
  const pieceBytes = 64 * 1024;
  const pieces = 1024;
  let go = (): void => {};
  const gate = new Promise<void>((resolve) => {
    go = resolve;
  });
  let first = 0;
  handler = async (request) => {
    let bytes = 0;
    for await (const piece of request.streamBody()) {
      bytes += piece.length;
      if (first === 0) {
        first = piece.length;
        await gate;
      }
    }
    return plain(String(bytes));
  };
  const client = await open();
  client.send(`PUT / HTTP/1.1\r\nContent-Length: ${pieceBytes * pieces}\r\n\r\n`);
  const piece = new Uint8Array(pieceBytes);
  for (let index = 0; index < pieces; index += 1) client.send(piece);
  await until("the first piece", () => first > 0);
  // What the server holds is bounded, so most of it still waits in the client.
  expect(client.unsentBytes).toBeGreaterThan(pieceBytes * pieces * 0.9);
  go();
  expect((await client.reply()).body).toBe(String(pieceBytes * pieces));
  client.destroy();
});

test("a body that is cut short fails its reader", async () => {
  let failure = "";
  handler = async (request) => {
    try {
      for await (const _piece of request.streamBody());
    } catch (thrown) {
      failure = messageOf(thrown);
    }
    return plain("");
  };
  for (const cut of ["end", "destroy"] as const) {
    failure = "";
    const client = await open();
    client.send("PUT / HTTP/1.1\r\nContent-Length: 10\r\n\r\nabc");
    await until("a reader", () => server.connectionCount > 0);
    client[cut]();
    await until("the failure", () => failure !== "");
    expect(failure).toBe("request body ended early");
    client.destroy();
  }
});

test("a malformed chunk fails the reader, and the connection ends after the reply", async () => {
  let failure = "";
  handler = async (request) => {
    try {
      for await (const _piece of request.streamBody());
    } catch (thrown) {
      failure = messageOf(thrown);
    }
    return plain("told");
  };
  const client = await open();
  client.send("PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcX\r\n");
  expect(await client.untilEnd()).toContain("told");
  expect(failure).toBe("malformed chunk");
  client.destroy();
});

test("a reader that stops early costs the client its connection", async () => {
  handler = async (request) => {
    for await (const _piece of request.streamBody()) break;
    return plain("enough");
  };
  const client = await open();
  client.send(`PUT / HTTP/1.1\r\nContent-Length: ${1 << 30}\r\n\r\nabc`);
  expect(await client.untilEnd()).toContain("enough");
  client.destroy();
});

test("whoever sends Expect is told to go on when the body is wanted, once", async () => {
  handler = countBytes;
  const client = await open();
  client.send("PUT / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n");
  const go = "HTTP/1.1 100 Continue\r\n\r\n";
  expect((await client.take(go.length)).toString()).toBe(go);
  client.send("ab");
  client.send("cd");
  expect((await client.reply()).body).toBe("4");
  client.destroy();
});

test("a piece is gone when the next one is asked for, with a length and in chunks, and no byte is lost", async () => {
  const sent = new Uint8Array(3_000_000).map((_, index) => (index * 31) % 251);
  const wanted = Bun.hash(sent);
  let seen: unknown;
  handler = async (request) => {
    const copies: Uint8Array[] = [];
    let [before, gone, count]: [Uint8Array | undefined, number, number] = [undefined, 0, 0];
    for await (const piece of request.streamBody()) {
      if (before?.length === 0) gone += 1;
      copies.push(piece.slice());
      before = piece;
      count += 1;
    }
    const all = Buffer.concat(copies);
    seen = { bytes: all.length, same: Bun.hash(all) === wanted, several: count > 5, gone: gone > 5 };
    return plain("");
  };
  const chunks = (size: number) => {
    const parts: Uint8Array[] = [];
    for (let at = 0; at < sent.length; at += size) {
      const part = sent.subarray(at, at + size);
      parts.push(Buffer.from(`${part.length.toString(16)}\r\n`), part, Buffer.from("\r\n"));
    }
    return Buffer.concat([...parts, Buffer.from("0\r\n\r\n")]);
  };
  const bodies: readonly (readonly [string, Uint8Array])[] = [
    [`Content-Length: ${sent.length}`, sent],
    ["Transfer-Encoding: chunked", chunks(100_000)],
    ["Transfer-Encoding: chunked", chunks(32_768)],
  ];
  for (const [header, body] of bodies) {
    seen = undefined;
    const client = await open();
    client.send(`PUT / HTTP/1.1\r\n${header}\r\n\r\n`);
    client.send(body);
    expect((await client.reply()).status).toBe(200);
    expect(seen).toEqual({ bytes: sent.length, same: true, several: true, gone: true });
    client.destroy();
  }
});
