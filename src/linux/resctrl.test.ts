import { expect, test } from "bun:test";
import { decideResctrl, disagreement, schemaOf, schemataLines } from "./resctrl.ts";

test("without a name the class is the container's own, a named one is not, / is the default class", () => {
  expect(decideResctrl({}, "c1")).toEqual({ directory: "/c1", isOwn: true, lines: [] });
  expect(decideResctrl({ closID: "gold" }, "c1")).toEqual({ directory: "/gold", isOwn: false, lines: [] });
  expect(decideResctrl({ closID: "/", enableMonitoring: true }, "c1")).toEqual({
    directory: "",
    isOwn: false,
    lines: [],
    monitor: "/mon_groups/c1",
  });
  expect(decideResctrl({ enableMonitoring: true }, "c1").monitor).toBe("/c1/mon_groups/c1");
});

test("names that are resctrl's own or no names are refused", () => {
  for (const closID of ["a/b", "/a", "..", ".", "info", "mon_groups", "mon_data", "a\nb"]) {
    expect(() => decideResctrl({ closID }, "c1")).toThrow("intelRdt.closID");
  }
  expect(() => decideResctrl({}, "info")).toThrow("the container's id");
});

test("cache, memory, then schemata; MB: lines of the cache's text are left out", () => {
  const request = {
    l3CacheSchema: "L3:0=7f0;1=1f\nMB:0=10;1=10",
    memBwSchema: "MB:0=20;1=70",
    schemata: ["L2:0=f", "L3:0=ff"],
  };
  expect(schemataLines(request)).toEqual(["L3:0=7f0;1=1f", "MB:0=20;1=70", "L2:0=f", "L3:0=ff"]);
  expect(schemataLines({ l3CacheSchema: "MB:0=10" })).toEqual([]);
});

test("a memory text without MB: and lines with newlines are refused", () => {
  expect(() => schemataLines({ memBwSchema: "L3:0=f" })).toThrow("memBwSchema");
  expect(() => schemataLines({ memBwSchema: "MB:0=1\nL3:0=f" })).toThrow("memBwSchema");
  expect(() => schemataLines({ schemata: ["L3:0=f\nMB:0=1"] })).toThrow("schemata");
});

const present = "    MB:0=100;1=  70\n    L3:0=00ff;1=0000f\n";

test("a class that is there agrees however the kernel writes it, and disagrees line by line", () => {
  expect(disagreement(["L3:0=ff", "MB:1=70;0=100"], present)).toBeUndefined();
  expect(disagreement(["L3:0=FF;1=f"], present)).toBeUndefined();
  expect(disagreement(["L3:0=ff", "MB:0=50"], present)).toBe("MB:0=50");
  expect(disagreement(["L3:2=ff"], present)).toBe("L3:2=ff");
  expect(disagreement(["L2:0=f"], present)).toBe("L2:0=f");
  expect(disagreement(["nonsense"], present)).toBe("nonsense");
  expect(disagreement([], "")).toBeUndefined();
});

test("the line of a resource", () => {
  expect(schemaOf("L3", present)).toBe("L3:0=00ff;1=0000f");
  expect(schemaOf("L2", present)).toBeUndefined();
});
