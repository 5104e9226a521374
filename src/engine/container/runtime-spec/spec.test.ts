import { expect, test } from "bun:test";
import type { ContainerConfig } from "../../../docker/types/container-config.ts";
import type { HostConfig } from "../../../docker/types/host-config.ts";
import { probe } from "../../../kernel/probe.ts";
import type { RuntimeSpec } from "../../../oci/mod.ts";
import { decodeCreateBody } from "../docker/create-body.ts";
import { environmentOf, type SpecInput, specOf } from "./spec.ts";

const facts = probe();
const id = "c0ffee".padEnd(64, "0");

function compile(config: ContainerConfig, host: HostConfig, more: Partial<SpecInput> = {}): RuntimeSpec {
  const { specification } = decodeCreateBody(
    { Cmd: ["true"], ...config, HostConfig: host },
    { id, image: {}, hostname: "host", remove: false, cgroupMode: "v1" },
  );
  return specOf(
    {
      specification,
      firstHostId: host.UsernsMode === "private" ? 1_048_576 : null,
      user: { uid: 0, gid: 0, additionalGids: [], home: "/root" },
      hostname: "host",
      mounts: [],
      devices: [],
      deviceNumbers: () => ({ major: 8, minor: 0 }),
      capabilities: ["CAP_CHOWN"],
      joined: {},
      size: undefined,
      ...more,
    },
    facts,
  );
}

test("an ordinary container has namespaces, mounts and masks of its own", () => {
  const spec = compile({}, {});
  expect(spec.linux?.namespaces?.map(({ type }) => type)).toEqual([
    "mount",
    "network",
    "pid",
    "ipc",
    "uts",
    "cgroup",
  ]);
  expect(spec.mounts?.map(({ destination }) => destination)).toEqual([
    "/proc",
    "/dev",
    "/dev/pts",
    "/sys",
    "/sys/fs/cgroup",
    "/dev/mqueue",
    "/dev/shm",
  ]);
  expect(spec.process).toMatchObject({ args: ["true"], cwd: "/", terminal: false });
  expect(spec.linux?.maskedPaths).toContain("/proc/kcore");
  expect(spec.linux?.resources?.devices?.[0]).toEqual({ allow: false, access: "rwm" });
});

test("namespaces can be the host's, another container's, or one more", () => {
  const types = (host: HostConfig, more: Partial<SpecInput> = {}): string[] =>
    compile({}, host, more).linux?.namespaces?.map(({ type, path }) => `${type}${path ?? ""}`) ?? [];
  expect(
    types({ NetworkMode: "host", PidMode: "host", IpcMode: "host", UTSMode: "host", CgroupnsMode: "host" }),
  ).toEqual(["mount"]);
  expect(types({ PidMode: "container:x" }, { joined: { pid: "/proc/7/ns/pid" } })).toContain(
    "pid/proc/7/ns/pid",
  );
  expect(types({ UsernsMode: "private" })).toContain("user");
  const timed = compile({}, { Annotations: { "tiffin.time-offset": "monotonic=5,boottime=-7" } });
  expect(timed.linux?.namespaces).toContainEqual({ type: "time" });
  expect(timed.linux?.timeOffsets).toEqual({ monotonic: { secs: 5 }, boottime: { secs: -7 } });
});

test("limits are translated, and only those that were set", () => {
  expect(compile({}, {}).linux?.resources).toEqual({ devices: expect.any(Array) });
  expect(
    compile({}, { Memory: 10, NanoCpus: 5e8, PidsLimit: 7, CpusetCpus: "0", BlkioWeight: 100 }).linux
      ?.resources,
  ).toMatchObject({
    memory: { limit: 10, swap: 20 },
    cpu: { period: 100_000, quota: 50_000, cpus: "0" },
    pids: { limit: 7 },
    blockIO: { weight: 100 },
  });
  expect(compile({}, { Privileged: true }).linux?.resources?.devices).toEqual([
    { allow: true, access: "rwm" },
  ]);
});

test("a user's mount replaces the kernel's at its place", () => {
  const mount = { kind: "tmpfs", target: "/dev/shm", options: ["size=1m"] } as const;
  const spec = compile({}, {}, { mounts: [mount] });
  expect(spec.mounts?.filter(({ destination }) => destination === "/dev/shm")).toEqual([
    { destination: "/dev/shm", type: "tmpfs", source: "tmpfs", options: ["size=1m"] },
  ]);
});

test("only root keeps capabilities", () => {
  const user = { uid: 5, gid: 5, additionalGids: [6], home: "/" };
  expect(compile({}, {}, { user }).process?.capabilities).toEqual({
    bounding: ["CAP_CHOWN"],
    effective: [],
    permitted: [],
    inheritable: [],
    ambient: [],
  });
});

test("the environment has the basics, and the user has the last word", () => {
  const given = { hostname: "h", home: "/root", terminal: true };
  expect(environmentOf([], given)).toEqual([
    "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "HOSTNAME=h",
    "TERM=xterm",
    "HOME=/root",
  ]);
  expect(environmentOf(["PATH=/x", "HOME=/y", "TERM", "A=1", "A=2"], given)).toEqual([
    "PATH=/x",
    "HOSTNAME=h",
    "HOME=/y",
    "A=2",
  ]);
});
