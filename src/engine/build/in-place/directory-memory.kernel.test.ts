/** What is remembered of directories that others work in, against a real file system. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  statSync,
  symlinkSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { pause } from "../../../../test/support/until.ts";
import { fileStatus } from "../../../kernel/directory.ts";
import { PlainEntry } from "../../../kernel/plain-entry.ts";
import { hasSettled } from "./directory-memory.ts";
import { DirectoryMemory } from "./mod.ts";

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(`${tmpdir()}/directory-memory-`);
});
afterAll(() => {
  rmSync(directory, { recursive: true, force: true });
});

const many = 300;

function facts(memory: DirectoryMemory): Map<string, string | undefined> {
  using top = PlainEntry.ofLayer(directory);
  return new Map(memory.list(top).map(({ name, fact }) => [name, fact]));
}

function rememberAll(memory: DirectoryMemory): void {
  using top = PlainEntry.ofLayer(directory);
  for (const entry of memory.list(top))
    if (!entry.isDirectory) memory.remember(entry, `fact of ${entry.name}`);
}

test("names come in the order of archives, and each is known until something of it changes", async () => {
  for (let at = 0; at < many; at += 1) writeFileSync(`${directory}/file-${at}`, String(at));
  mkdirSync(`${directory}/below`);
  symlinkSync("file-1", `${directory}/link`);
  await pause(80, "what was written is to be older than a tick of the file system's clock");
  const memory = new DirectoryMemory();
  rememberAll(memory);
  const known = facts(memory);
  expect([...known.keys()]).toEqual([...known.keys()].sort());
  expect(known.size).toBe(many + 2);
  expect(known.get("link")).toBe("fact of link");
  expect(known.get("below")).toBeUndefined();
  const { atime, mtime } = statSync(`${directory}/file-7`);
  writeFileSync(`${directory}/file-7`, "x");
  utimesSync(`${directory}/file-7`, atime, mtime);
  chmodSync(`${directory}/file-8`, 0o600);
  unlinkSync(`${directory}/file-9`);
  writeFileSync(`${directory}/file-new`, "");
  const after = facts(memory);
  const lost = [...known.keys()].filter((name) => after.get(name) !== known.get(name));
  expect(lost).toEqual(["file-7", "file-8", "file-9"]);
  expect(after.has("file-9")).toBe(false);
  expect([after.has("file-new"), after.get("file-new")]).toEqual([true, undefined]);
});

test("what has just changed is not remembered, and is once it has settled", async () => {
  const memory = new DirectoryMemory();
  // Whether it is in time depends on this test; the rule is that a fact is kept only for what had settled.
  writeFileSync(`${directory}/fresh`, "1");
  using top = PlainEntry.ofLayer(directory);
  const entry = memory.list(top).find(({ name }) => name === "fresh");
  if (entry === undefined) throw new Error("it is not there");
  memory.remember(entry, "early");
  expect(facts(memory).get("fresh")).toBe(entry.isSettled ? "early" : undefined);
  await pause(80, "what was written is to be older than a tick of the file system's clock");
  rememberAll(memory);
  expect(facts(memory).get("fresh")).toBe("fact of fresh");
  expect(fileStatus(`${directory}/fresh`)?.sizeBytes).toBe(1);
});

test("where times are whole seconds, what has changed in the last two of them has not settled", () => {
  const second = 1_700_000_000_000;
  expect([hasSettled(second, second + 1900), hasSettled(second, second + 2200)]).toEqual([false, true]);
  expect([hasSettled(second + 1.5, second + 40), hasSettled(second + 1.5, second + 60)]).toEqual([
    false,
    true,
  ]);
});
