import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { pause, until } from "../../../../test/support/until.ts";
import type { ByteDuplex, DuplexHandlers } from "../../../lib/byte-duplex.ts";
import { LogCursor } from "../../log/mod.ts";
import { LogWriter } from "../../log/testing.ts";
import { ReplayStream } from "./replay-stream.ts";

let log = new LogWriter("");
beforeEach(() => {
  log = new LogWriter(mkdtempSync("/tmp/tiffin-test-replay-"));
});
afterEach(() => rmSync(log.directory, { recursive: true, force: true }));

/** A supervisor's end: tells what came, again to whoever listens later, its end. */
class Live implements ByteDuplex {
  handlers: DuplexHandlers | undefined;
  paused = false;
  destroyed = false;
  #over = false;
  readonly #early: Uint8Array[] = [];

  say(text: string): void {
    this.sayBytes(new TextEncoder().encode(text));
  }
  sayBytes(bytes: Uint8Array): void {
    if (this.handlers === undefined) this.#early.push(bytes);
    else this.handlers.data(bytes);
  }
  finish(): void {
    this.#over = true;
    this.handlers?.end();
    this.handlers?.close();
  }
  listen(handlers: DuplexHandlers): void {
    this.handlers = handlers;
    for (const bytes of this.#early.splice(0)) handlers.data(bytes);
    if (!this.#over) return;
    handlers.end();
    handlers.close();
  }
  write(): boolean {
    return true;
  }
  end(): void {}
  destroy(): void {
    this.destroyed = true;
  }
  pause(): void {
    this.paused = true;
  }
  resume(): void {
    this.paused = false;
  }
}

function place(output: number): Uint8Array {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(output), true);
  return bytes;
}

const selection = {
  stdout: true,
  stderr: true,
  tail: undefined,
  sinceNs: undefined,
  untilNs: undefined,
  tty: true,
};

/** A replay of the log and of `live`: of a running container, or of a start that is to come. */
function replay(
  live: Live,
  runs: boolean,
): { readonly stream: ReplayStream; readonly attached: Promise<void>; heard(): string } {
  const { promise: attached, resolve } = Promise.withResolvers<void>();
  const attach = async (): Promise<void> => resolve();
  const stream = new ReplayStream({
    cursor: new LogCursor(log.directory, selection, runs ? "never" : "now"),
    live,
    attach: runs ? attach : undefined,
    tty: true,
  });
  let text = "";
  stream.listen({
    data: (chunk) => {
      text += Buffer.from(chunk).toString();
    },
    end: () => {
      text += "<end>";
    },
    close: () => {
      text += "<close>";
    },
  });
  return { stream, attached, heard: () => text };
}

test("the live stream is made when the past has been told, which ends where that begins", async () => {
  log.write("one\ntw");
  const live = new Live();
  const { attached, heard } = replay(live, true);
  await attached;
  expect(heard()).toBe("one\ntw");
  log.write("o");
  const here = log.end;
  // What the live stream will tell is in the log as well by the time that the log is read.
  log.write("\nthree\n");
  live.sayBytes(place(here).subarray(0, 3));
  live.sayBytes(Buffer.concat([place(here).subarray(3), Buffer.from("\nthr")]));
  live.say("ee\n");
  await until("the past to be told", () => heard().includes("three\n"));
  expect(heard()).toBe("one\ntwo\nthree\n");
  expect(live.paused).toBe(false);
  live.say("four\n");
  live.finish();
  expect(heard()).toBe("one\ntwo\nthree\nfour\n<end><close>");
});

test("a reader that is slow with the past has no live stream yet that could be cut", async () => {
  log.write("past\n");
  const live = new Live();
  const { stream, attached, heard } = replay(live, true);
  let isAttached = false;
  void attached.then(() => {
    isAttached = true;
  });
  stream.pause();
  await until("the first piece", () => heard() !== "");
  log.write("written meanwhile\n");
  await pause(5, "a live stream would be made");
  expect([isAttached, heard()]).toEqual([false, "past\n"]);
  stream.resume();
  await attached;
  // The container has ended by now.
  live.finish();
  await until("the end", () => heard().endsWith("<close>"));
  expect(heard()).toBe("past\nwritten meanwhile\n<end><close>");
});

test("a live stream that ends while the past is told ends after it", async () => {
  log.write("past\n");
  const live = new Live();
  const { attached, heard } = replay(live, true);
  await attached;
  live.sayBytes(Buffer.concat([place(log.end), Buffer.from("last\n")]));
  live.finish();
  await until("the end", () => heard().endsWith("<close>"));
  expect(heard()).toBe("past\nlast\n<end><close>");
});

test("a live stream that goes before it said its place leaves what is in the log", async () => {
  log.write("past\n");
  const live = new Live();
  const { attached, heard } = replay(live, true);
  await attached;
  log.write("the last\n");
  live.finish();
  await until("the end", () => heard().endsWith("<close>"));
  expect(heard()).toBe("past\nthe last\n<end><close>");
});

test("before a start, the past is what the log holds at the attach", async () => {
  log.write("past\n");
  const live = new Live();
  const { heard } = replay(live, false);
  log.write("new\n");
  await until("the past to be told", () => heard() !== "");
  live.say("new\n");
  // The reader may take a breath between the past and what is live.
  await until("what is new", () => heard().endsWith("new\n"));
  expect(heard()).toBe("past\nnew\n");
});

test("a reader that pauses gets no more, and one that leaves is told once", async () => {
  log.write("past\n");
  const live = new Live();
  const { stream, attached, heard } = replay(live, true);
  await attached;
  stream.pause();
  live.sayBytes(place(log.end));
  live.say("more\n");
  expect(heard()).toBe("past\n");
  stream.resume();
  await until("the past to be told", () => heard().includes("more"));
  expect(heard()).toBe("past\nmore\n");
  const second = new Live();
  const left = replay(second, true);
  left.stream.destroy();
  second.finish();
  expect([second.destroyed, left.heard()]).toEqual([true, "past\n<close>"]);
});
