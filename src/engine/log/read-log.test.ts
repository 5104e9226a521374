import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { pause, until } from "../../../test/support/until.ts";
import { readLog } from "./read-log.ts";
import { LogWriter } from "./testing.ts";

let directory = "";
let log = new LogWriter("");
beforeEach(() => {
  directory = mkdtempSync("/tmp/tiffin-test-follow-");
  log = new LogWriter(directory);
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const selection = {
  stdout: true,
  stderr: true,
  tail: undefined,
  sinceNs: undefined,
  untilNs: undefined,
  tty: false,
};

function append(text: string): void {
  log.write(`${text}\n`);
}

/** A writer whose end the test decides. */
function writer(): { alive: () => boolean; onEnd: (told: () => void) => () => void; end: () => void } {
  const waiting = new Set<() => void>();
  let alive = true;
  return {
    alive: () => alive,
    onEnd(told) {
      waiting.add(told);
      return () => waiting.delete(told);
    },
    end() {
      alive = false;
      for (const told of waiting) told();
    },
  };
}

async function collect(
  batches: AsyncIterable<readonly { readonly bytes: Uint8Array }[]>,
  heard: (text: string) => void = () => undefined,
): Promise<string> {
  let text = "";
  for await (const batch of batches) {
    for (const entry of batch) text += Buffer.from(entry.bytes).toString();
    heard(text);
  }
  return text;
}

test("without following, reading ends at the present end", async () => {
  append("one");
  expect(await collect(readLog(directory, selection, undefined, new AbortController().signal))).toBe("one\n");
});

test("a follower hears of growth and rotation, and gets what was written just before the end", async () => {
  const life = writer();
  let soFar = "";
  const heard = (text: string): void => {
    soFar = text;
  };
  const reading = collect(readLog(directory, selection, life, new AbortController().signal), heard);
  for (let number = 0; number < 50; number += 1) {
    append(String(number));
    if (number % 10 === 9) {
      // Who is further behind than the files that are kept misses the rest.
      await until("the follower to have read it", () => soFar.endsWith(`${number}\n`));
      log.rotate(5);
    }
  }
  append("last");
  life.end();
  const text = await reading;
  expect(text.split("\n").slice(-2)).toEqual(["last", ""]);
  expect(text.split("\n")).toHaveLength(52);
});

test("an abort ends a follower quietly", async () => {
  const abort = new AbortController();
  const reading = collect(readLog(directory, selection, writer(), abort.signal));
  await pause(1, "the follower is waiting");
  abort.abort();
  expect(await reading).toBe("");
});

test("the tail of a large log lets others work in between", async () => {
  const lines = `${"x".repeat(80)}\n`.repeat(400);
  for (let piece = 0; piece < 1000; piece += 1) log.write(lines);
  const longestGapMs = async (): Promise<number> => {
    let last = performance.now();
    let longest = 0;
    const look = (): void => {
      longest = Math.max(longest, performance.now() - last);
      last = performance.now();
    };
    const timer = setInterval(look, 1);
    let count = 0;
    for await (const batch of readLog(
      directory,
      { ...selection, tail: 390_000 },
      undefined,
      new AbortController().signal,
    )) {
      count += batch.length;
    }
    look();
    clearInterval(timer);
    expect(count).toBe(390_000);
    return longest;
  };
  // On a busy machine one look may come late for reasons of its own; a reading that does not stop is late every time.
  const gaps = [await longestGapMs(), await longestGapMs(), await longestGapMs()];
  expect(Math.min(...gaps)).toBeLessThan(50);
}, 30_000);
