/** On directories of resctrl's shape: which files are read and written. What the kernel makes of them is its own. */
import { afterAll, expect, test } from "bun:test";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { enterClass, findResctrl, prepareClass, readResctrl, removeGroup } from "./resctrl.ts";

const top = mkdtempSync(join(tmpdir(), "tiffin-test-resctrl-"));
afterAll(() => rmSync(top, { recursive: true, force: true }));

function put(files: Readonly<Record<string, string>>): void {
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(top, name)), { recursive: true });
    writeFileSync(join(top, name), text);
  }
}

put({
  schemata: "    MB:0=100\n    L3:0=7ff\n",
  tasks: "",
  "info/last_cmd_status": "mask is not contiguous\n",
  "info/L3/cbm_mask": "7ff\n",
  "info/L3/min_cbm_bits": "1\n",
  "info/L3/num_closids": "16\n",
  "gold/schemata": "    MB:0=100\n    L3:0=00f\n",
  "gold/tasks": "",
  "gold/mon_data/mon_L3_00/llc_occupancy": "4096\n",
  "gold/mon_data/mon_L3_00/mbm_total_bytes": "10\n",
  "gold/mon_data/mon_L3_01/llc_occupancy": "0\n",
});

const gold = { directory: "/gold", isOwn: false, lines: ["L3:0=f"] };
const none = (): void => undefined;

test("where it is mounted is read off the mount table", () => {
  expect(findResctrl("30 1 0:9 / /sys/fs/resctrl rw - resctrl resctrl rw\n")).toBe("/sys/fs/resctrl");
  expect(() => findResctrl("30 1 0:9 / /sys rw - sysfs sysfs rw\n")).toThrow("no resctrl file system");
});

test("a class that is there is compared, not written", () => {
  prepareClass(top, gold, none);
  expect(() => prepareClass(top, { ...gold, lines: ["L3:0=ff"] }, none)).toThrow("another schemata");
  expect(() => prepareClass(top, { ...gold, isOwn: true }, none)).toThrow("exists already");
  expect(() => prepareClass(top, { ...gold, directory: "/lead", lines: [] }, none)).toThrow(
    "no resctrl class",
  );
  expect(readFileSync(join(top, "gold/schemata"), "utf8")).toContain("L3:0=00f");
});

test("a class that the kernel refuses is named with the kernel's reason, and its undo is known", () => {
  const made: string[] = [];
  const own = { directory: "/c1", isOwn: true, lines: ["L3:0=5"] };
  expect(() => prepareClass(top, own, (path) => made.push(path))).toThrow("mask is not contiguous");
  expect(made).toEqual([join(top, "c1")]);
  for (const path of made) removeGroup(path);
  expect(existsSync(join(top, "c1"))).toBe(false);
  removeGroup(join(top, "c1"));
});

test("the process goes into the class; statistics come from its monitoring data", () => {
  enterClass(top, gold, 77, none);
  expect(readFileSync(join(top, "gold/tasks"), "utf8")).toBe("77");
  expect(readResctrl(top, gold)).toEqual({
    rootSchemata: "MB:0=100\n    L3:0=7ff",
    schemata: "MB:0=100\n    L3:0=00f",
    l3: { cbm_mask: "7ff", min_cbm_bits: "1", num_closids: "16" },
    caches: [
      { llc_occupancy: "4096", mbm_total_bytes: "10", mbm_local_bytes: "" },
      { llc_occupancy: "0", mbm_total_bytes: "", mbm_local_bytes: "" },
    ],
  });
});

test("a monitoring group is made for the process and removed", () => {
  const made: string[] = [];
  const monitor = "/gold/mon_groups/c1";
  const enter = (): void => enterClass(top, { ...gold, monitor }, 78, (path) => made.push(path));
  // Without the directory that resctrl has in every class.
  expect(enter).toThrow("cannot make the resctrl group");
  expect(made).toEqual([]);
  mkdirSync(join(top, "gold/mon_groups"));
  // Only resctrl itself makes the files of a new group.
  expect(enter).toThrow("mon_groups/c1/tasks");
  expect(made).toEqual([join(top, monitor)]);
  for (const path of made) removeGroup(path);
  expect(existsSync(join(top, monitor))).toBe(false);
});
