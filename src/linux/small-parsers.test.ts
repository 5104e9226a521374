import { describe, expect, test } from "bun:test";
import { capabilitiesOfMask, capabilityMask, defaultCapabilities, parseCapability } from "./capabilities.ts";
import { formatCpuList, parseCpuList } from "./cpu-list.ts";
import { knownMountOptions, mountOptionMeaning } from "./mount-options.ts";
import { parseMountInfo } from "./mountinfo.ts";
import { parseMemInfo, parseOsRelease, parseProcessCgroups, parseStat, parseStatus } from "./proc.ts";
import { rlimitOfUlimit } from "./rlimits.ts";
import { parseSignal, signalName } from "./signals.ts";

describe("signals", () => {
  test.each([
    ["TERM", 15],
    ["SIGTERM", 15],
    ["sigkill", 9],
    ["9", 9],
    ["SIGIOT", 6],
    ["RTMIN", 34],
    ["SIGRTMIN+3", 37],
    ["RTMAX-14", 50],
    ["64", 64],
  ])("%s is %d", (text, number) => expect(parseSignal(text)).toBe(number));

  test.each(["", "0", "65", "SIG", "NOPE", "RTMIN-1", "RTMIN+99", "-9", "9.0"])("%j is none", (text) =>
    expect(parseSignal(text)).toBeUndefined(),
  );

  test("every number has a name that reads back", () => {
    for (const number of [...Array(31).keys()].map((index) => index + 1)) {
      expect(parseSignal(signalName(number))).toBe(number);
    }
    expect(signalName(37)).toBe("SIGRTMIN+3");
    expect(signalName(99)).toBe("signal 99");
  });
});

describe("capabilities", () => {
  test("any spelling finds the kernel's name", () => {
    expect(parseCapability("net_admin")).toBe("CAP_NET_ADMIN");
    expect(parseCapability("cap_Sys_Admin")).toBe("CAP_SYS_ADMIN");
    expect(parseCapability("CAP_NOPE")).toBeUndefined();
    expect(parseCapability("constructor")).toBeUndefined();
  });

  test("a mask and its names are the same set", () => {
    expect(capabilityMask(defaultCapabilities)).toBe(0xa80425fbn);
    expect(new Set(capabilitiesOfMask(0xa80425fbn))).toEqual(new Set(defaultCapabilities));
    expect(capabilityMask(["CAP_CHECKPOINT_RESTORE"])).toBe(1n << 40n);
  });
});

describe("processor lists", () => {
  test.each([
    ["0-2,7", [0, 1, 2, 7]],
    ["3", [3]],
    ["1,0,1", [0, 1]],
    ["", []],
    [" 0-1\n", [0, 1]],
  ])("%j", (text, numbers) => expect(parseCpuList(text)).toEqual(numbers));

  test.each(["0-", "a", "2-1", "0-99999", "-1", "1,,2"])("%j is malformed", (text) =>
    expect(parseCpuList(text)).toBeUndefined(),
  );

  test("the shortest text", () => {
    expect(formatCpuList([7, 0, 1, 2, 2])).toBe("0-2,7");
    expect(formatCpuList([])).toBe("");
    expect(formatCpuList([0, 2, 3])).toBe("0,2-3");
  });
});

test("ulimit names are rlimit names", () => {
  expect(rlimitOfUlimit("nofile")).toBe("RLIMIT_NOFILE");
  expect(rlimitOfUlimit("nope")).toBeUndefined();
});

describe("mount options", () => {
  test("attributes, their opposites and their recursive forms", () => {
    expect(mountOptionMeaning("ro")).toEqual({ kind: "attribute", set: 1, clear: 0, recursive: false });
    expect(mountOptionMeaning("rw")).toEqual({ kind: "attribute", set: 0, clear: 1, recursive: false });
    expect(mountOptionMeaning("rnosuid")).toEqual({ kind: "attribute", set: 2, clear: 0, recursive: true });
    expect(mountOptionMeaning("noatime")).toEqual({
      kind: "attribute",
      set: 0x10,
      clear: 0x70,
      recursive: false,
    });
  });

  test("propagation, binds, and what belongs to the file system", () => {
    expect(mountOptionMeaning("rslave")).toEqual({
      kind: "propagation",
      propagation: 1 << 19,
      recursive: true,
    });
    expect(mountOptionMeaning("rbind")).toEqual({ kind: "bind", recursive: true });
    expect(mountOptionMeaning("size=64m")).toBeUndefined();
    expect(mountOptionMeaning("newinstance")).toBeUndefined();
  });

  test("every word of the runtime specification is known", () => {
    const specified =
      "async atime bind defaults dev diratime dirsync exec iversion lazytime loud noatime nodev nodiratime noexec noiversion nolazytime norelatime nostrictatime nosuid nosymfollow private ratime rbind rdev rdiratime relatime remount rexec rnoatime rnodiratime rnoexec rnorelatime rnostrictatime rnosuid rnosymfollow ro rprivate rrelatime rro rrw rshared rslave rstrictatime rsuid rsymfollow runbindable rw shared silent slave strictatime suid symfollow sync tmpcopyup unbindable idmap ridmap".split(
        " ",
      );
    const known = new Set(knownMountOptions());
    expect(specified.filter((word) => !known.has(word))).toEqual([]);
  });
});

describe("/proc", () => {
  test("a process name with parentheses and spaces does not shift the fields", () => {
    const fields = [
      "S",
      "1",
      "42",
      "42",
      "34816",
      ...Array(6).fill("0"),
      "5",
      "2",
      ...Array(6).fill("0"),
      "777",
      ...Array(29).fill("0"),
      "9",
    ].join(" ");
    expect(parseStat(`42 (a) b (c) ${fields}`)).toEqual({
      pid: 42,
      name: "a) b (c",
      state: "S",
      parentPid: 1,
      processGroup: 42,
      session: 42,
      terminal: 34_816,
      cpuTicks: 7,
      startTicks: 777n,
      waitStatus: 9,
    });
    expect(parseStat("nonsense")).toBeUndefined();
  });

  test("status, meminfo, cgroup and os-release", () => {
    expect(parseStatus("Name:\tx\nUid:\t0\t1\t2\t3\n").get("Uid")).toBe("0\t1\t2\t3");
    expect(parseMemInfo("MemTotal:       24 kB\nHugePages_Total:   5\n")).toEqual(
      new Map([
        ["MemTotal", 24 * 1024],
        ["HugePages_Total", 5],
      ]),
    );
    expect(parseProcessCgroups("4:cpu,cpuacct:/a:b\n0::/\n")).toEqual([
      { hierarchyId: 4, controllers: ["cpu", "cpuacct"], path: "/a:b" },
      { hierarchyId: 0, controllers: [], path: "/" },
    ]);
    expect(parseOsRelease('PRETTY_NAME="A \\"B\\""\nID=x\n#c\n').get("PRETTY_NAME")).toBe('A "B"');
  });

  test("mountinfo with optional fields and escaped names", () => {
    const text =
      "36 35 98:0 /mnt1 /mnt\\0402 rw,noatime master:1 shared:7 - ext3 /dev/root rw,errors=continue\nbroken line\n";
    expect(parseMountInfo(text)).toEqual([
      {
        id: 36,
        parentId: 35,
        device: "98:0",
        root: "/mnt1",
        mountPoint: "/mnt 2",
        options: ["rw", "noatime"],
        shared: 7,
        master: 1,
        unbindable: false,
        type: "ext3",
        source: "/dev/root",
        superOptions: ["rw", "errors=continue"],
      },
    ]);
  });
});
