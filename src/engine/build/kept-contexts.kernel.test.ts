import { afterAll, beforeEach, expect, test } from "bun:test";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname } from "node:path";
import { KeptContexts } from "./kept-contexts.ts";

const home = mkdtempSync(`${tmpdir()}/tiffin-kept-`);
const failures: unknown[] = [];
const open = (boot = "boot"): KeptContexts => new KeptContexts(home, boot, (thrown) => failures.push(thrown));

beforeEach(() => {
  rmSync(home, { recursive: true, force: true });
  mkdirSync(home);
});
afterAll(() => {
  rmSync(home, { recursive: true, force: true });
  expect(failures).toEqual([]);
});

test("the same key has the same directory, one build at a time", () => {
  const contexts = open();
  const first = contexts.take("a");
  expect(first).toBeDefined();
  writeFileSync(`${first?.path}/f`, "x");
  expect(contexts.take("a")).toBeUndefined();
  using other = contexts.take("b");
  expect(other?.path).not.toBe(first?.path);
  first?.[Symbol.dispose]();
  using again = contexts.take("a");
  expect(readdirSync(again?.path ?? "")).toEqual(["f"]);
});

test("what another engine left is found again, but not after another start of the machine", async () => {
  open().take("a")?.[Symbol.dispose]();
  const same = open();
  await same.settle();
  expect(same.usage()).toHaveLength(1);
  const later = open("another");
  await later.settle();
  expect(later.usage()).toEqual([]);
});

test("one that a build has is not taken away", async () => {
  const contexts = open();
  const held = contexts.take("a");
  const [name = ""] = contexts.usage().map((use) => use.name);
  expect(contexts.usage()).toMatchObject([{ inUse: true }]);
  expect(await contexts.remove(name)).toBe(false);
  held?.[Symbol.dispose]();
  expect(await contexts.remove(name)).toBe(true);
  expect(await contexts.remove("../elsewhere")).toBe(false);
  expect(existsSync(`${home}/${name}`)).toBe(false);
});

test("room is found out once, and again when a build has had it", () => {
  const contexts = open();
  const first = contexts.take("a");
  writeFileSync(`${first?.path}/f`, "12345");
  first?.[Symbol.dispose]();
  expect(contexts.usage()).toMatchObject([{ bytes: 5 }]);
  writeFileSync(`${first?.path}/f`, "a stranger's");
  expect(contexts.usage()).toMatchObject([{ bytes: 5 }]);
  contexts.take("a")?.[Symbol.dispose]();
  expect(contexts.usage()).toMatchObject([{ bytes: 12 }]);
  const told = contexts.take("a");
  told?.tellBytes(7);
  told?.[Symbol.dispose]();
  expect(contexts.usage()).toMatchObject([{ bytes: 7 }]);
});

test("room is told", () => {
  const contexts = open();
  using kept = contexts.take("a");
  mkdirSync(`${kept?.path}/d`);
  writeFileSync(`${kept?.path}/d/f`, "12345");
  expect(contexts.usage()).toMatchObject([{ bytes: 5 }]);
});

test("one that was taken away and comes again is put elsewhere on the disk", async () => {
  const contexts = open();
  const first = contexts.take("a");
  first?.[Symbol.dispose]();
  const [name = ""] = contexts.usage().map((use) => use.name);
  await contexts.remove(name);
  using again = contexts.take("a");
  expect(dirname(again?.path ?? "")).toBe(dirname(first?.path ?? ""));
  expect(again?.path).not.toBe(first?.path);
});
