import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { randomHex } from "../lib/ids.ts";
import { deviceProgram } from "../linux/bpf-device.ts";
import { effectiveDeviceRules } from "../linux/cgroup-devices.ts";
import { attachDeviceProgram, attachedDevicePrograms, loadDeviceProgram } from "./bpf.ts";
import { createCgroup, openCgroupDirectory, removeCgroup } from "./cgroup.ts";
import { reapChild } from "./pidfd.ts";
import { probe } from "./probe.ts";
import { spawn } from "./spawn.ts";
import { SyscallError } from "./syscall.ts";

const facts = probe().cgroup;
let group = "";
beforeEach(() => {
  group = `/tiffin-test-${randomHex(8)}`;
});
afterEach(() => removeCgroup(facts, group));

test("the verifier takes our programs and says what is wrong with others", () => {
  using loaded = loadDeviceProgram(deviceProgram(effectiveDeviceRules([])));
  expect(loaded.open).toBe(true);
  let caught: unknown;
  try {
    // exit without a result
    loadDeviceProgram(new Uint8Array([0x95, 0, 0, 0, 0, 0, 0, 0]));
  } catch (thrown) {
    caught = thrown;
  }
  if (!(caught instanceof SyscallError)) throw new Error("not refused");
  expect(caught.code).toBe("EACCES");
  expect(caught.object).toStartWith("device program: ");
});

describe.skipIf(facts.v2 === null)("in a cgroup v2 directory", () => {
  function open(device: string): ReturnType<typeof reapChild> {
    const script = `echo 0 > ${facts.v2?.mountPoint}${group}/cgroup.procs; true 2>/dev/null < ${device}`;
    return reapChild(spawn({ executable: "/bin/sh", argv: ["sh", "-c", script] }), { block: true });
  }

  test("rules decide, and a new list replaces the old one", () => {
    createCgroup(facts, "unified", group);
    using directory = openCgroupDirectory(facts, group);
    attachDeviceProgram(directory, deviceProgram(effectiveDeviceRules([{ allow: false }])));
    expect(open("/dev/zero")).toEqual({ kind: "exited", code: 0 });
    expect(open("/dev/kmsg")).toEqual({ kind: "exited", code: 2 });
    const first = attachedDevicePrograms(directory);
    const kmsg = { allow: true, type: "c", major: 1, minor: 11, access: "r" };
    attachDeviceProgram(directory, deviceProgram(effectiveDeviceRules([kmsg])));
    const second = attachedDevicePrograms(directory);
    expect([first.length, second.length, first[0] === second[0]]).toEqual([1, 1, false]);
    expect(open("/dev/kmsg")).toEqual({ kind: "exited", code: 0 });
  });
});
