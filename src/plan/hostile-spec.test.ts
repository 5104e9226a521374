/**
 * Every field of a configuration with every kind of value that it must not have. Whatever the value is, there is a
 * plan that can be sent, or one TiffinError; and it takes no longer than for a sane value.
 */
import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { encodePlan } from "../abi/encode.ts";
import { limits } from "../abi/schema.ts";
import { TiffinError } from "../lib/errors.ts";
import type { HostFacts } from "../linux/host-facts.ts";
import { decodeRuntimeSpec } from "../oci/decode/runtime-spec.ts";
import { compileContainer } from "./compile-container.ts";
import type { ContainerOptions } from "./options.ts";
import type { Plan } from "./plan.ts";
import { defaultMounts } from "./testdata/specs.ts";

// A decode border: facts as the probe wrote them down.
const facts = ["hybrid", "v2"].map(
  (name) =>
    JSON.parse(readFileSync(join(import.meta.dir, "testdata", `facts-${name}.json`), "utf8")) as HostFacts,
);

const options: ContainerOptions = {
  id: "c0ffee",
  cgroupParent: "/",
  cgroupDirectory: "/c0ffee",
  rootfs: { kind: "directory", path: "/bundles/a/rootfs" },
  network: { kind: "host" },
  stdio: { kind: "slots" },
  supervise: { kind: "leave", waitExec: false },
  awaitStart: true,
  syncEnvironment: true,
  createWorkdir: true,
  hooks: { createContainer: [], startContainer: [] },
};

const mapping = [{ containerID: 0, hostID: 100_000, size: 65_536 }];
const hook = { path: "/bin/hook", args: ["hook"], env: ["A=b"], timeout: 5 };
const process = {
  terminal: false,
  consoleSize: { height: 24, width: 80 },
  user: { uid: 1, gid: 2, umask: 18, additionalGids: [3] },
  args: ["sh", "-c", "true"],
  env: ["PATH=/bin", "A=b"],
  cwd: "/tmp",
  capabilities: Object.fromEntries(
    ["bounding", "effective", "inheritable", "permitted", "ambient"].map((set) => [set, ["CAP_KILL"]]),
  ),
  rlimits: [{ type: "RLIMIT_NOFILE", soft: 64, hard: 64 }],
  noNewPrivileges: true,
  oomScoreAdj: 100,
  scheduler: { policy: "SCHED_BATCH", nice: 1, priority: 0, flags: [], runtime: 0, deadline: 0, period: 0 },
  ioPriority: { class: "IOPRIO_CLASS_BE", priority: 4 },
};
const types = ["pid", "mount", "uts", "ipc", "network", "cgroup"];
const resources = {
  devices: [{ allow: true, type: "c", major: 1, minor: 3, access: "rwm" }],
  memory: {
    limit: 1,
    reservation: 1,
    swap: 2,
    kernel: 1,
    kernelTCP: 1,
    swappiness: 1,
    disableOOMKiller: false,
    useHierarchy: true,
    checkBeforeUpdate: true,
  },
  cpu: {
    shares: 2,
    quota: 1000,
    burst: 1,
    period: 10_000,
    realtimeRuntime: 1,
    realtimePeriod: 1,
    cpus: "0",
    mems: "0",
    idle: 0,
  },
  pids: { limit: 10 },
  blockIO: {
    weight: 10,
    leafWeight: 10,
    weightDevice: [{ major: 8, minor: 0, weight: 10, leafWeight: 10 }],
    throttleReadBpsDevice: [{ major: 8, minor: 0, rate: 1 }],
    throttleWriteIOPSDevice: [{ major: 8, minor: 0, rate: 1 }],
  },
  hugepageLimits: [{ pageSize: "2MB", limit: 0 }],
  network: { classID: 1, priorities: [{ name: "eth0", priority: 1 }] },
  rdma: { mlx4: { hcaHandles: 1, hcaObjects: 1 } },
  unified: { "cgroup.max.depth": "1" },
};

/** Together they have every field that a plan is made of. */
const documents: readonly object[] = [
  {
    ociVersion: "1.2.0",
    hostname: "box",
    domainname: "example.org",
    process,
    root: { path: "rootfs", readonly: true },
    mounts: [
      ...defaultMounts,
      { destination: "/data", type: "bind", source: "/srv", options: ["rbind", "ro"] },
      { destination: "/scratch", type: "tmpfs", source: "tmpfs", options: ["size=1m", "tmpcopyup"] },
    ],
    hooks: { prestart: [hook], createContainer: [hook], poststop: [hook] },
    annotations: { "org.example": "x" },
    linux: {
      namespaces: types.map((type) => ({ type })),
      devices: [{ type: "c", path: "/dev/fuse", major: 10, minor: 229, fileMode: 438, uid: 0, gid: 0 }],
      netDevices: { eth7: { name: "eth0" } },
      cgroupsPath: "/c0ffee",
      resources,
      rootfsPropagation: "private",
      sysctl: { "net.ipv4.ip_forward": "1" },
      maskedPaths: ["/proc/kcore"],
      readonlyPaths: ["/proc/sys"],
      mountLabel: "",
      memoryPolicy: { mode: "MPOL_BIND", nodes: "0", flags: ["MPOL_F_STATIC_NODES"] },
      personality: { domain: "LINUX" },
      seccomp: {
        defaultAction: "SCMP_ACT_ALLOW",
        defaultErrnoRet: 1,
        architectures: ["SCMP_ARCH_X86_64"],
        flags: ["SECCOMP_FILTER_FLAG_LOG"],
        listenerPath: "",
        listenerMetadata: "",
        syscalls: [
          {
            names: ["getcwd"],
            action: "SCMP_ACT_ERRNO",
            errnoRet: 1,
            args: [{ index: 0, value: 1, valueTwo: 2, op: "SCMP_CMP_EQ" }],
          },
        ],
      },
    },
  },
  {
    ociVersion: "1.2.0",
    process: { ...process, terminal: true, apparmorProfile: "", selinuxLabel: "" },
    root: { path: "rootfs" },
    mounts: [
      ...defaultMounts,
      {
        destination: "/data",
        type: "bind",
        source: "/srv",
        options: ["rbind", "ridmap"],
        uidMappings: mapping,
        gidMappings: mapping,
      },
    ],
    linux: {
      namespaces: [...types.map((type) => ({ type })), { type: "user" }, { type: "time" }],
      uidMappings: mapping,
      gidMappings: mapping,
      timeOffsets: { monotonic: { secs: 1, nanosecs: 1 }, boottime: { secs: 1, nanosecs: 1 } },
    },
  },
  {
    ociVersion: "1.2.0",
    process,
    root: { path: "rootfs" },
    linux: { namespaces: [{ type: "mount" }, { type: "uts", path: "/proc/1/ns/uts" }] },
  },
];

/** As they stand in the text, because JSON has numbers that JavaScript has not. */
const numbers = [
  "-1",
  "0.5",
  "-0",
  "1e400",
  "1e-400",
  "2147483648",
  "4294967295",
  "4294967296",
  "9007199254740993",
  "9223372036854775807",
  "9223372036854775808",
  "-9223372036854775809",
  "18446744073709551615",
  "18446744073709551616",
  "99999999999999999999999999999999999999999999",
];
const texts = [
  "",
  "\0",
  "a\0b",
  "\ud800",
  "\u202e",
  "\n",
  "..",
  "/../../../../etc/passwd",
  "/proc/self/exe",
  "/proc/self/fd/7",
  "{slot:0}",
  "{fd:0}",
  "lowerdir={slot:0}",
  "__proto__",
  "constructor",
  "0-99999999999",
  "1,".repeat(5000),
  "-1",
  "%s%n",
  "=",
  "a".repeat(70_000),
].map((value) => JSON.stringify(value));
const others = ["null", "true", "[]", "{}", "[null]", '{"__proto__":{"path":"/"},"constructor":1}'];
const hostile = [...numbers, ...texts, ...others];
const keys = ["", "\0", "../../x", "memory.x/../../y", "__proto__", "constructor", "net.a/../../b", "a\nb"];

/** The JSON text of `value` with one place of it changed, for every place and every hostile value. */
function* variants(value: unknown): Generator<string> {
  yield* hostile;
  if (Array.isArray(value)) {
    const items = value.map((item) => JSON.stringify(item));
    for (const [index, item] of value.entries()) {
      for (const text of variants(item)) yield `[${items.with(index, text).join(",")}]`;
    }
  } else if (typeof value === "object" && value !== null) {
    const entries = Object.entries(value);
    const members = entries.map(([key, item]) => `${JSON.stringify(key)}:${JSON.stringify(item)}`);
    for (const key of keys) yield `{${[...members, `${JSON.stringify(key)}:"1"`].join(",")}}`;
    for (const [index, [key, item]] of entries.entries()) {
      const name = JSON.stringify(key);
      for (const text of variants(item)) yield `{${members.with(index, `${name}:${text}`).join(",")}}`;
    }
  }
}

/** Where `text` leaves `whole`, to be read by people. */
function difference(whole: string, text: string): string {
  const at = [...text].findIndex((character, index) => character !== whole[index]);
  return `...${text.slice(Math.max(0, at - 60), at + 60)}...`;
}

const encoder = new TextEncoder();
/** Far above what any takes, far below what a list that is written out in full takes. */
const slowestMs = 1000;
let plans = 0;

/** What no plan may ask for, whatever the configuration says. */
function flawOf(plan: Plan): string | undefined {
  if (plan.receives.length >= limits.receivedFds) return `${plan.receives.length} descriptors are sent`;
  for (const op of plan.hostOps) {
    if (op.op === "cgroupWrite" && op.file.includes("/")) return `a write to the group's file ${op.file}`;
    if (!op.directory.startsWith("/c0ffee")) return `the group ${op.directory}`;
  }
  for (const op of plan.ops) {
    if (op.op === "write" && op.fields.path?.split("/").includes("..")) return `a write to ${op.fields.path}`;
    if (op.op !== "fsMount") continue;
    const forged = op.fields.options.find((option) => /\{(?:slot|fd):/.test(option));
    if (forged !== undefined) return `the mount option ${forged}`;
  }
  return undefined;
}

/** What comes of a document: undefined for a plan, else what is wrong with how it was refused. */
function verdict(text: string, about: HostFacts): string | undefined {
  try {
    const plan = compileContainer(decodeRuntimeSpec(encoder.encode(text)), about, options);
    encodePlan(plan.ops, plan.receives.length);
    plans += 1;
    return flawOf(plan);
  } catch (thrown) {
    if (!(thrown instanceof TiffinError)) return `threw ${String(thrown)}`;
    if (!["invalid", "unavailable", "notImplemented"].includes(thrown.kind))
      return `${thrown.kind}: ${thrown.message}`;
    if (thrown.message.includes("\n")) return `a message of several lines: ${thrown.message}`;
    return undefined;
  }
}

for (const [index, document] of documents.entries()) {
  test(`document ${index}: each place with each hostile value is a plan or one clear error`, () => {
    const about = facts[index % facts.length];
    if (about === undefined) throw new Error("no facts");
    const whole = JSON.stringify(document);
    expect(verdict(whole, about)).toBeUndefined();
    expect(plans).toBeGreaterThan(0);
    const wrong: string[] = [];
    for (const text of variants(document)) {
      const began = performance.now();
      const said = verdict(text, about);
      const tookMs = performance.now() - began;
      if (said !== undefined) wrong.push(`${difference(whole, text)}: ${said}`);
      else if (tookMs > slowestMs) wrong.push(`${difference(whole, text)}: ${tookMs} ms`);
    }
    expect(wrong).toEqual([]);
  }, 120_000);
}
