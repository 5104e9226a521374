import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdtempSync, rmSync, utimesSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { TiffinError } from "../../lib/errors.ts";
import { type ContainerRecord, createRecord, recordProcess } from "./container-record.ts";
import { KnownContainers } from "./known-containers.ts";

let root = "";
let known = new KnownContainers();
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "tiffin-test-known-"));
  known = new KnownContainers();
  known.forgetOthers(root, []);
});
afterEach(() => rmSync(root, { recursive: true }));

const recordOf = (bundle: string): ContainerRecord => ({
  bundle,
  rootfs: `${bundle}/rootfs`,
  created: "2026-01-01T00:00:00Z",
  process: { args: ["true"], cwd: "/", user: { uid: 0, gid: 0 }, env: ["LARGE=1"] },
  cgroup: null,
  namespaces: [],
  ownPidNamespace: true,
});
const longAgo = new Date(1_000_000_000_000);
/** As if it had been written a while ago. */
const age = (id: string): void => utimesSync(join(root, id), longAgo, longAgo);
const read = (id: string) => known.read(root, id).container;

test("a file that has not changed is not read again, and what a list does not show is not kept", () => {
  using _file = createRecord(root, "a", recordOf("/b"));
  age("a");
  read("a");
  const second = read("a");
  expect(second.record.bundle).toBe("/b");
  expect(second.record.process).toBeUndefined();
  expect(read("a")).toBe(second);
});

test("a file that was changed a moment ago is read each time", () => {
  using _file = createRecord(root, "a", recordOf("/b"));
  expect(read("a")).not.toBe(read("a"));
  expect(read("a").record.process).toBeDefined();
});

test("a process that it has by now is seen", () => {
  using file = createRecord(root, "a", recordOf("/b"));
  age("a");
  read("a");
  expect(read("a").process).toBeUndefined();
  recordProcess(file, { pid: 7, startTicks: 9 });
  expect(read("a").process).toEqual({ pid: 7, startTicks: 9 });
});

test("another container of the same name is another one, and one that is gone is gone", () => {
  createRecord(root, "a", recordOf("/b"))[Symbol.dispose]();
  age("a");
  read("a");
  read("a");
  rmSync(join(root, "a"));
  expect(() => read("a")).toThrow(TiffinError);
  createRecord(root, "a", recordOf("/c"))[Symbol.dispose]();
  expect(read("a").record.bundle).toBe("/c");
});

test("what is not listed any more is forgotten", () => {
  using _file = createRecord(root, "a", recordOf("/b"));
  age("a");
  read("a");
  const kept = read("a");
  known.forgetOthers(root, ["a"]);
  expect(read("a")).toBe(kept);
  known.forgetOthers(root, []);
  expect(read("a")).not.toBe(kept);
});
