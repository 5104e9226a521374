import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { pause, settled } from "../../test/support/until.ts";
import type { ByteDuplex } from "../lib/byte-duplex.ts";
import type { HttpHandler, HttpReply } from "./http-message.ts";
import { HttpServer } from "./http-server.ts";
import { RawClient } from "./testing/raw-client.ts";

const plain = (body: string): HttpReply => ({ kind: "fixed", status: 200, headers: [], body });

let directory = "";
let server: HttpServer;
let unread: (fd: number) => number;
let handler: HttpHandler;
let faults: unknown[] = [];

beforeEach(() => {
  directory = mkdtempSync("/tmp/tiffin-test-http-");
  faults = [];
  unread = () => 0;
  server = new HttpServer({
    handler: (request) => handler(request),
    onFault: (error) => faults.push(error),
    unread: (fd) => unread(fd),
  });
  server.listen({ unix: `${directory}/s` });
});

afterEach(async () => {
  await server.close(0);
  rmSync(directory, { recursive: true });
});

const open = (): Promise<RawClient> => RawClient.open(`${directory}/s`);

test("requests on one connection are answered in order", async () => {
  handler = ({ head }) => plain(head.target);
  const client = await open();
  for (const target of ["/a", "/b"]) {
    client.send(`GET ${target} HTTP/1.1\r\nHost: x\r\n\r\n`);
    const reply = await client.reply();
    expect([reply.status, reply.body]).toEqual([200, target]);
  }
  client.destroy();
});

test("pipelined requests wait for the one before", async () => {
  const running: string[] = [];
  handler = async ({ head }) => {
    running.push(head.target);
    expect(running.length).toBe(1);
    await Promise.resolve();
    running.pop();
    return plain(head.target);
  };
  const client = await open();
  client.send("GET /1 HTTP/1.1\r\n\r\nGET /2 HTTP/1.1\r\n\r\n\r\nGET /3 HTTP/1.1\r\n\r\n");
  for (const target of ["/1", "/2", "/3"]) expect((await client.reply()).body).toBe(target);
  client.destroy();
});

test("a request may come byte by byte", async () => {
  handler = async (request) => plain(Buffer.from(await request.readBody(100)).toString());
  const client = await open();
  for (const byte of "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n") {
    client.send(byte);
    await pause(0, "bytes come one by one");
  }
  expect((await client.reply()).body).toBe("abcde");
  client.destroy();
});

test("HEAD has the length but not the body", async () => {
  handler = () => plain("hello");
  const client = await open();
  client.send("HEAD / HTTP/1.1\r\n\r\nGET / HTTP/1.1\r\n\r\n");
  const head = await client.reply(true);
  expect(head.head).toContain("Content-Length: 5\r\n");
  expect((await client.reply()).body).toBe("hello");
  client.destroy();
});

test("204 and 304 have neither length nor body", async () => {
  handler = ({ head }) => ({ kind: "fixed", status: Number(head.target.slice(1)), headers: [], body: "" });
  const client = await open();
  for (const status of [204, 304]) {
    client.send(`GET /${status} HTTP/1.1\r\n\r\n`);
    const reply = await client.reply();
    expect(reply.status).toBe(status);
    expect(reply.head).not.toContain("Content-Length");
  }
  client.destroy();
});

test("100 Continue is sent when the body is wanted, and only then", async () => {
  handler = async (request) =>
    request.head.target === "/read"
      ? plain(Buffer.from(await request.readBody(100)).toString())
      : plain("no");
  const wanted = await open();
  wanted.send("POST /read HTTP/1.1\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n");
  await wanted.until((text) => text === "HTTP/1.1 100 Continue\r\n\r\n");
  await wanted.take(wanted.byteCount);
  wanted.send("hi");
  expect((await wanted.reply()).body).toBe("hi");
  wanted.destroy();

  const refused = await open();
  refused.send("POST /skip HTTP/1.1\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n");
  const text = await refused.untilEnd();
  expect(text).toStartWith("HTTP/1.1 200 OK\r\n");
  expect(text).toContain("Connection: close\r\n");
  refused.destroy();
});

test("an unread body that has arrived is skipped", async () => {
  handler = ({ head }) => plain(head.target);
  const client = await open();
  client.send("POST /a HTTP/1.1\r\nContent-Length: 5\r\n\r\nhelloGET /b HTTP/1.1\r\n\r\n");
  expect((await client.reply()).body).toBe("/a");
  expect((await client.reply()).body).toBe("/b");
  client.destroy();
});

test.each([
  ["a declared length", "POST / HTTP/1.1\r\nContent-Length: 11\r\n\r\n"],
  ["chunks", "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nb\r\nhello world\r\n0\r\n\r\n"],
])("a body over the limit by %s is refused with 413", async (_what, text) => {
  handler = async (request) => plain(String((await request.readBody(10)).length));
  const client = await open();
  client.send(text);
  expect(await client.untilEnd()).toStartWith("HTTP/1.1 413 ");
  expect(faults).toEqual([]);
  client.destroy();
});

test("after a body that broke nothing is taken for a request", async () => {
  const targets: string[] = [];
  handler = async (request) => {
    targets.push(request.head.target);
    return plain(String((await request.readBody(10)).length));
  };
  const client = await open();
  client.send("POST /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n14\r\nhello ");
  await pause(10, "the server has read the first part");
  // Read from here as the start of the body, this would be its end and a request.
  client.send("\r\n0\r\n\r\nGET /b HTTP/1.1\r\n\r\n");
  expect(await client.untilEnd()).toStartWith("HTTP/1.1 413 ");
  expect(targets).toEqual(["/a"]);
  client.destroy();
});

test("what is not HTTP is refused once, then the connection ends", async () => {
  handler = () => plain("never");
  const client = await open();
  client.send("nonsense\r\n\r\nGET / HTTP/1.1\r\n\r\n");
  const text = await client.untilEnd();
  expect(text).toStartWith("HTTP/1.1 400 Bad Request\r\n");
  expect(text).toEndWith('{"message":"malformed request line"}\n');
  client.destroy();
});

test("an endless head is refused with 431", async () => {
  handler = () => plain("never");
  const client = await open();
  client.send(`GET / HTTP/1.1\r\nA: ${"b".repeat(70_000)}`);
  expect(await client.untilEnd()).toStartWith("HTTP/1.1 431 ");
  client.destroy();
});

test("HTTP/1.0 ends with its reply and never gets chunks", async () => {
  handler = () => ({
    kind: "stream",
    status: 200,
    headers: [],
    body: (async function* () {
      yield Buffer.from("a");
      yield Buffer.from("b");
    })(),
  });
  const client = await open();
  client.send("GET / HTTP/1.0\r\n\r\n");
  const text = await client.untilEnd();
  expect(text).not.toContain("chunked");
  expect(text).toEndWith("\r\n\r\nab");
  client.destroy();
});

test("a client that half-closes after its request still gets the reply", async () => {
  const answer = Promise.withResolvers<void>();
  let aborted = false;
  handler = async (request) => {
    request.signal.addEventListener("abort", () => {
      aborted = true;
    });
    await answer.promise;
    return plain("late");
  };
  const client = await open();
  client.send("GET / HTTP/1.1\r\n\r\n");
  client.end();
  await pause(20, "the client has closed its side before the answer");
  answer.resolve();
  expect(await client.untilEnd()).toEndWith("late");
  expect(aborted).toBe(false);
});

test("a client that closes aborts its request", async () => {
  const seen = Promise.withResolvers<void>();
  const aborted = Promise.withResolvers<void>();
  handler = async (request) => {
    request.signal.addEventListener("abort", () => aborted.resolve());
    seen.resolve();
    await aborted.promise;
    return plain("nobody");
  };
  const client = await open();
  client.send("GET / HTTP/1.1\r\n\r\n");
  await seen.promise;
  client.destroy();
  await aborted.promise;
  expect(faults).toEqual([]);
});

test("the head of a streamed reply does not wait for its body", async () => {
  const first = Promise.withResolvers<Uint8Array>();
  handler = () => ({
    kind: "stream",
    status: 200,
    headers: [],
    body: (async function* () {
      yield await first.promise;
    })(),
  });
  const client = await open();
  client.send("GET / HTTP/1.1\r\n\r\n");
  await client.until((text) => text.endsWith("\r\n\r\n"));
  first.resolve(Buffer.from("body"));
  await client.until((text) => text.endsWith("4\r\nbody\r\n0\r\n\r\n"));
  client.destroy();
});

test("a streamed reply waits for a slow client, and ends with it", async () => {
  let produced = 0;
  let returned = false;
  const stopped = Promise.withResolvers<void>();
  handler = () => ({
    kind: "stream",
    status: 200,
    headers: [],
    body: (async function* () {
      try {
        for (;;) {
          produced += 1;
          yield new Uint8Array(64 * 1024);
        }
      } finally {
        returned = true;
        stopped.resolve();
      }
    })(),
  });
  const client = await open();
  client.pause();
  client.send("GET / HTTP/1.1\r\n\r\n");
  // Bounded by our queue and the kernel's buffers, not by time.
  expect(await settled("what is produced", () => produced)).toBeLessThan(100);
  client.destroy();
  await stopped.promise;
  expect(returned).toBe(true);
  expect(faults).toEqual([]);
});

test("a streamed body that fails is cut, and told as a fault", async () => {
  handler = () => ({
    kind: "stream",
    status: 200,
    headers: [],
    body: (async function* () {
      yield Buffer.from("part");
      throw new Error("disk gone");
    })(),
  });
  const client = await open();
  client.send("GET / HTTP/1.1\r\n\r\n");
  const text = await client.untilEnd();
  expect(text).toContain("4\r\npart\r\n");
  expect(text).not.toContain("0\r\n\r\n");
  expect(faults.map(String)).toEqual(["Error: disk gone"]);
});

test("a handler that throws is a 500 and a fault", async () => {
  handler = () => {
    throw new Error("bug");
  };
  const client = await open();
  client.send("GET / HTTP/1.1\r\n\r\n");
  expect((await client.reply()).status).toBe(500);
  expect(faults.map(String)).toEqual(["Error: bug"]);
  client.destroy();
});

/** A handler that hands the connection over to an echo which answers the end with `bye`. */
function echoHandler(): HttpHandler {
  return () => ({
    kind: "takeover",
    head: Buffer.from("HTTP/1.1 101 UPGRADED\r\n\r\n"),
    take(duplex: ByteDuplex) {
      duplex.listen({
        data: (chunk) => {
          duplex.write(chunk);
        },
        end: () => {
          duplex.write(Buffer.from("bye"));
          duplex.end();
        },
        close: () => undefined,
      });
    },
  });
}

test("a connection that is taken over carries bytes both ways and half-closes", async () => {
  handler = echoHandler();
  const client = await open();
  // The first bytes come in one packet with the request.
  client.send("POST / HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\nearly");
  await client.until((text) => text.endsWith("\r\n\r\nearly"));
  await client.take(client.byteCount);
  client.send("GET / HTTP/1.1\r\n\r\n");
  client.end();
  expect(await client.untilEnd()).toBe("GET / HTTP/1.1\r\n\r\nbye");
});

test("what follows the head of a taken connection waits until the client has read it, but not for ever", async () => {
  handler = () => ({
    kind: "takeover",
    head: Buffer.from("HTTP/1.1 101 UPGRADED\r\n\r\n"),
    apart: true,
    take(duplex: ByteDuplex) {
      duplex.write(Buffer.from("first "));
      duplex.write(Buffer.from("second"));
      duplex.end();
    },
  });
  const asked: number[] = [];
  unread = (fd) => {
    asked.push(fd);
    return asked.length < 4 ? 768 : 0;
  };
  const whole = "HTTP/1.1 101 UPGRADED\r\n\r\nfirst second";
  const patient = await open();
  patient.send("POST / HTTP/1.1\r\n\r\n");
  expect(await patient.untilEnd()).toBe(whole);
  expect(asked.length).toBe(4);
  expect(asked.every((fd) => fd > 2)).toBe(true);
  unread = () => 768;
  const deaf = await open();
  deaf.send("POST / HTTP/1.1\r\n\r\n");
  expect(await deaf.untilEnd()).toBe(whole);
});

test("a taken connection whose request has a chunked body reads the chunks", async () => {
  handler = echoHandler();
  const client = await open();
  client.send("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nab");
  await client.until((text) => text.endsWith("\r\n\r\nab"));
  await client.take(client.byteCount);
  client.send("c\r\n0\r\n\r\n");
  expect(await client.untilEnd()).toBe("cbye");
  client.destroy();
});

test("megabytes through a taken connection arrive whole, both slow and fast", async () => {
  handler = () => ({
    kind: "takeover",
    head: Buffer.from("HTTP/1.1 101 UPGRADED\r\n\r\n"),
    take(duplex: ByteDuplex) {
      let left = 400;
      const piece = new Uint8Array(16 * 1024).fill(0x61);
      const fill = (): void => {
        while (left > 0) {
          left -= 1;
          if (!duplex.write(piece)) return;
        }
        duplex.end();
      };
      duplex.listen({ data: () => undefined, end: () => undefined, close: () => undefined, drain: fill });
      fill();
    },
  });
  const client = await open();
  client.pause();
  client.send("POST / HTTP/1.1\r\n\r\n");
  await pause(30, "the reader stands still");
  client.resume();
  const text = await client.untilEnd();
  expect(text.length).toBe("HTTP/1.1 101 UPGRADED\r\n\r\n".length + 400 * 16 * 1024);
  client.destroy();
});

test("close waits for requests under way and cuts idle and taken connections", async () => {
  const answer = Promise.withResolvers<void>();
  const started = Promise.withResolvers<void>();
  const echo = echoHandler();
  handler = async (request) => {
    if (request.head.target === "/take") return await echo(request);
    started.resolve();
    await answer.promise;
    return plain("done");
  };
  const [idle, busy, taken] = await Promise.all([open(), open(), open()]);
  taken.send("POST /take HTTP/1.1\r\n\r\nx");
  await taken.until((text) => text.endsWith("x"));
  busy.send("GET / HTTP/1.1\r\n\r\n");
  await started.promise;
  const closed = server.close(5_000);
  await idle.untilEnd();
  answer.resolve();
  const text = await busy.untilEnd();
  expect(text).toContain("Connection: close\r\n");
  expect(text).toEndWith("done");
  await taken.untilEnd();
  busy.destroy();
  await closed;
  expect(server.connectionCount).toBe(0);
});
