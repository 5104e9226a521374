import { afterEach, beforeEach, expect, test } from "bun:test";
import { appendFileSync, mkdtempSync, renameSync, rmSync } from "node:fs";
import { pause } from "../../../test/support/until.ts";
import { readLog } from "./read-log.ts";

let directory = "";
beforeEach(() => {
  directory = mkdtempSync("/tmp/tiffin-test-follow-");
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const selection = { stdout: true, stderr: true, tail: undefined, sinceNs: undefined, untilNs: undefined };

function append(text: string): void {
  appendFileSync(`${directory}/log`, `2026-01-01T00:00:00.000000000Z stdout F ${text}\n`);
}

function renameIfThere(from: string, to: string): void {
  try {
    renameSync(`${directory}/${from}`, `${directory}/${to}`);
  } catch {
    // Not that many files yet.
  }
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

async function collect(batches: AsyncIterable<readonly { readonly bytes: Uint8Array }[]>): Promise<string> {
  let text = "";
  for await (const batch of batches) for (const entry of batch) text += Buffer.from(entry.bytes).toString();
  return text;
}

test("without following, reading ends at the present end", async () => {
  append("one");
  expect(await collect(readLog(directory, selection, undefined, new AbortController().signal))).toBe("one\n");
});

test("a follower hears of growth and rotation, and gets what was written just before the end", async () => {
  const life = writer();
  const reading = collect(readLog(directory, selection, life, new AbortController().signal));
  for (let number = 0; number < 50; number += 1) {
    append(String(number));
    if (number % 10 === 9) {
      await pause(2, "the follower reads some of it before it rotates");
      for (let age = 4; age >= 1; age -= 1) renameIfThere(`log.${age}`, `log.${age + 1}`);
      renameIfThere("log", "log.1");
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
