import { describe, expect, test } from "bun:test";
import { deviceProperties } from "./device-properties.ts";
import { annotatedProperties, type UnitProperty } from "./property.ts";
import { resourceProperties, type SystemdFacts } from "./resource-properties.ts";
import { parseScopePath } from "./scope-name.ts";

const infinity = 2n ** 64n - 1n;
const v2: SystemdFacts = { version: 252, unified: true, devices: "" };

/** `NAME signature value`. */
function shown(properties: readonly UnitProperty[]): string[] {
  const text = (value: unknown): string =>
    value instanceof Uint8Array
      ? `[${value.join(",")}]`
      : Array.isArray(value)
        ? `[${value.map(text).join(" ")}]`
        : String(value);
  return properties.map(({ name, value }) => `${name} ${value.signature} ${text(value.value)}`);
}

describe("the scope's name and place", () => {
  test.each([
    ["a-b-c.slice:docker:xyz", "a-b-c.slice", "/a.slice/a-b.slice/a-b-c.slice/docker-xyz.scope"],
    ["-.slice:p:n", "-.slice", "/p-n.scope"],
    [":p:n", "system.slice", "/system.slice/p-n.scope"],
    ["a.slice::n", "a.slice", "/a.slice/n.scope"],
    ["a.slice:p:n+1", "a.slice", "/a.slice/p-n\\x2b1.scope"],
    ["cpu.slice::memory.x", "cpu.slice", "/_cpu.slice/_memory.x.scope"],
    [undefined, "system.slice", "/system.slice/tiffin-id.scope"],
    ["", "system.slice", "/system.slice/tiffin-id.scope"],
  ] as const)("%p", (path, slice, directory) => {
    expect(parseScopePath(path, "id", "system.slice")).toMatchObject({ slice, directory });
  });

  test.each([
    "/a/b",
    "a:b",
    "a.slice:b:",
    "a.slice:b:c:d",
    "a:b:c",
    "a--b.slice:p:n",
    "a/b.slice:p:n",
    ":p:n.slice",
  ])("%s is refused", (path) =>
    expect(() => parseScopePath(path, "id", "system.slice")).toThrow("linux.cgroupsPath"),
  );
});

test("limits as systemd's properties, version 2", () => {
  const resources = {
    memory: { limit: 64, reservation: 32, swap: 100 },
    cpu: { shares: 1024, quota: 12_345, period: 50_000, cpus: "0-1,9", mems: "0" },
    pids: { limit: -1 },
    blockIO: { weight: 10 },
    unified: { "memory.high": "max", "pids.max": "5", "io.max": "8:0 rbps=1" },
  };
  expect(shown(resourceProperties(resources, v2))).toEqual([
    "MemoryMax t 64",
    "MemoryLow t 32",
    "MemorySwapMax t 36",
    "CPUWeight t 100",
    "AllowedCPUs ay [3,2]",
    "AllowedMemoryNodes ay [1]",
    "IOWeight t 1",
    `MemoryHigh t ${infinity}`,
    "TasksMax t 5",
    "CPUQuotaPeriodUSec t 50000",
    // 246.9 ms of a second, in whole percents.
    "CPUQuotaPerSecUSec t 250000",
    `TasksMax t ${infinity}`,
  ]);
  expect(shown(resourceProperties({ cpu: { idle: 1, shares: 512 } }, v2))).toEqual(["CPUWeight t 0"]);
  const old = { ...v2, version: 240 };
  expect(shown(resourceProperties({ cpu: { quota: 1000, period: 1000, cpus: "0", idle: 1 } }, old))).toEqual([
    "CPUQuotaPerSecUSec t 1000000",
  ]);
  expect(resourceProperties({}, v2)).toEqual([]);
});

test("limits as systemd's properties, version 1", () => {
  const facts = {
    version: 252,
    unified: false,
    devices: "Character devices:\n  1 mem\n136 pts\n\nBlock devices:\n  8 sd\n",
  };
  const resources = {
    memory: { limit: 64 },
    cpu: { shares: 512, cpus: "0" },
    blockIO: { weight: 500 },
    devices: [{ allow: false }, { allow: true, type: "b", major: 8, access: "r" }],
  };
  const found = shown(resourceProperties(resources, facts));
  expect(found[0]).toBe("DevicePolicy s strict");
  expect(found[1]).toContain("[block-sd r]");
  expect(found[1]).toContain("[char-* m]");
  expect(found[1]).toContain("[/dev/char/1:3 rwm]");
  expect(found[1]).toContain("[char-pts rwm]");
  expect(found.slice(2)).toEqual(["MemoryLimit t 64", "CPUShares t 512", "BlockIOWeight t 500"]);
});

test("a permission that a later rule takes back is not told to systemd", () => {
  const rules = [
    { allow: false },
    { allow: true, type: "c", major: 10, minor: 200, access: "rw" },
    { allow: false, type: "c", major: 10, access: "w" },
  ];
  expect(shown(deviceProperties(rules, ""))[1]).not.toContain("10:200");
  expect(shown(deviceProperties([{ allow: true }, { allow: false, type: "c", major: 10 }], ""))).toEqual([
    "DevicePolicy s auto",
    "DeviceAllow a(ss) []",
  ]);
});

describe("annotations", () => {
  const prefix = "org.systemd.property.";
  test.each([
    ["Description", "'it\\'s'", "Description s it's"],
    ["SendSIGHUP", "true", "SendSIGHUP b true"],
    ["TimeoutStopUSec", "uint64 5", "TimeoutStopUSec t 5"],
    ["TimeoutStopSec", "7", "TimeoutStopUSec t 7000000"],
    ["Nice", "-5", "Nice i -5"],
    ["Wants", "['a.service', \"b.service\"]", "Wants as [a.service b.service]"],
    ["Empty", "[]", "Empty as []"],
    ["Ratio", "0.5", "Ratio d 0.5"],
  ])("%s %s", (name, text, wanted) => {
    expect(shown(annotatedProperties({ other: "x", [prefix + name]: text }))).toEqual([wanted]);
  });

  test.each([
    ["Description", "text"],
    ["Wants", "['a', 5]"],
    ["TimeoutStopSec", "'soon'"],
    ["a b", "5"],
    ["X", "5"],
    ["Nice", "int99 5"],
  ])("%s %s is refused", (name, text) => {
    expect(() => annotatedProperties({ [prefix + name]: text })).toThrow(prefix + name);
  });
});
