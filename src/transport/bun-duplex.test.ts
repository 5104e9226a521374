import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type Server, type Socket } from "node:net";
import { pause, until } from "../../test/support/until.ts";
import { joinDuplexes } from "../lib/byte-duplex.ts";
import { type BunDuplex, connectDuplex } from "./bun-duplex.ts";

let directory = "";
let server: Server;
let accepted: Promise<Socket>;
let accept: (socket: Socket) => void;

beforeEach(async () => {
  directory = mkdtempSync("/tmp/tiffin-test-duplex-");
  ({ promise: accepted, resolve: accept } = Promise.withResolvers<Socket>());
  server = createServer({ allowHalfOpen: true }, (socket) => accept(socket));
  await new Promise<void>((resolve) => server.listen(`${directory}/s`, resolve));
});

afterEach(() => {
  server.close();
  rmSync(directory, { recursive: true });
});

async function pair(): Promise<[BunDuplex, Socket]> {
  const duplex = await connectDuplex({ unix: `${directory}/s` });
  return [duplex, await accepted];
}

/** Collects what a duplex tells, as one line per event. */
function record(duplex: BunDuplex): { readonly events: string[]; readonly closed: Promise<void> } {
  const events: string[] = [];
  const { promise, resolve } = Promise.withResolvers<void>();
  duplex.listen({
    data: (chunk) => events.push(`data ${Buffer.from(chunk)}`),
    end: () => events.push("end"),
    close: () => {
      events.push("close");
      resolve();
    },
  });
  return { events, closed: promise };
}

test("bytes and the end that came before anybody listened are told later, in order", async () => {
  const [duplex, peer] = await pair();
  peer.end("early");
  await pause(20, "nobody listens yet");
  const { events, closed } = record(duplex);
  await until("the end", () => events.includes("end"));
  expect(events).toEqual(["data early", "end"]);
  duplex.end();
  await closed;
  expect(events.at(-1)).toBe("close");
});

test("after our end the other side may go on", async () => {
  const [duplex, peer] = await pair();
  const { events, closed } = record(duplex);
  peer.on("data", () => undefined);
  peer.on("end", () => peer.end("late"));
  duplex.write(Buffer.from("x"));
  duplex.end();
  await closed;
  expect(events).toEqual(["data late", "end", "close"]);
});

test("release keeps what comes for the next listener, unread bytes first", async () => {
  const [duplex, peer] = await pair();
  const first = record(duplex);
  peer.write("a");
  await until("the first byte", () => first.events.length !== 0);
  duplex.release(Buffer.from("unread "));
  peer.write("b");
  await pause(20, "bytes come while nobody listens");
  const second = record(duplex);
  expect(first.events).toEqual(["data a"]);
  expect(second.events).toEqual(["data unread ", "data b"]);
  duplex.destroy();
  await second.closed;
});

test("nobody listening stops the reading, not the memory", async () => {
  const [duplex, peer] = await pair();
  const total = 8 * 1024 * 1024;
  peer.end(Buffer.alloc(total, 1));
  await pause(50, "the sender fills what it can");
  // The rest is still on the sender's side.
  expect(peer.writableLength).toBeGreaterThan(0);
  let received = 0;
  const { promise, resolve } = Promise.withResolvers<void>();
  duplex.listen({
    data: (chunk) => {
      received += chunk.length;
    },
    end: resolve,
    close: () => undefined,
  });
  await promise;
  expect(received).toBe(total);
  duplex.destroy();
});

test("write says when to wait and drain when to go on", async () => {
  const [duplex, peer] = await pair();
  peer.pause();
  const drained = Promise.withResolvers<void>();
  duplex.listen({
    data: () => undefined,
    end: () => undefined,
    close: () => undefined,
    drain: drained.resolve,
  });
  const chunk = new Uint8Array(64 * 1024).fill(7);
  let sent = chunk.length;
  while (duplex.write(chunk)) sent += chunk.length;
  // The caller may reuse its buffer at once.
  chunk.fill(0);
  let received = 0;
  let clean = true;
  peer.on("data", (piece: Buffer) => {
    received += piece.length;
    clean &&= piece.every((byte) => byte === 7);
  });
  peer.resume();
  await drained.promise;
  duplex.end();
  await new Promise((resolve) => peer.once("end", resolve));
  expect([received, clean]).toEqual([sent, true]);
  peer.destroy();
});

test("a closed peer is told once and writing to it is harmless", async () => {
  const [duplex, peer] = await pair();
  const { events, closed } = record(duplex);
  peer.destroy();
  await closed;
  expect(duplex.write(Buffer.from("x"))).toBe(true);
  duplex.end();
  duplex.destroy();
  await pause(10, "nothing more may be told");
  expect(events).toEqual(["end", "close"]);
});

test("joined duplexes copy both ways until both ends are closed", async () => {
  const [left, leftPeer] = await pair();
  ({ promise: accepted, resolve: accept } = Promise.withResolvers<Socket>());
  const [right, rightPeer] = await pair();
  const joined = joinDuplexes(left, right);
  const read = (socket: Socket): Promise<string> =>
    new Promise((resolve) => {
      let text = "";
      socket.on("data", (piece: Buffer) => {
        text += piece.toString();
      });
      socket.once("end", () => resolve(text));
    });
  const [onLeft, onRight] = [read(leftPeer), read(rightPeer)];
  leftPeer.end("to the right");
  expect(await onRight).toBe("to the right");
  rightPeer.end("to the left");
  expect(await onLeft).toBe("to the left");
  await joined;
});
