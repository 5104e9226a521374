import { describe, expect, test } from "bun:test";
import { type ContainerSpecification, plainSpecification } from "../specification/mod.ts";
import { originsOf } from "./origins.ts";

const plain: ContainerSpecification = {
  ...plainSpecification,
  hostname: "0123456789ab",
  process: { ...plainSpecification.process, arguments: ["sh"], directory: "/srv", user: "www" },
};
const image = { Cmd: ["sh"], WorkingDir: "/srv", User: "www", Volumes: { "/data": {} } };

const origin = (
  specification: ContainerSpecification,
  setting: string,
  mountTargets: readonly string[] = [],
) => originsOf({ specification, image, mountTargets })(setting);

test("what the image says is the image's; the same without the image was asked for", () => {
  expect(origin(plain, "process.args")).toEqual({ kind: "image", text: "CMD" });
  expect(origin(plain, "process.cwd")).toEqual({ kind: "image", text: "WORKDIR" });
  expect(origin(plain, "process.user")).toEqual({ kind: "image", text: "USER" });
  const removed = originsOf({ specification: plain, image: undefined, mountTargets: [] });
  expect(removed("process.cwd")).toEqual({ kind: "flag", text: "-w /srv" });
});

test("nobody asked for what every container has", () => {
  const settings = [
    "network",
    "files",
    "hostname",
    "linux.namespaces",
    "linux.seccomp",
    "linux.maskedPaths",
    "init",
  ];
  for (const setting of [
    ...settings,
    "process.capabilities",
    "linux.resources.devices",
    "linux.cgroupsPath",
    "mounts[0]",
  ]) {
    expect([setting, origin(plain, setting, ["/proc"])]).toEqual([setting, { kind: "default" }]);
  }
});

const { process, security, resources, namespaces } = plain;
const cases: readonly (readonly [setting: string, text: string, change: Partial<ContainerSpecification>])[] =
  [
    ["linux.resources.memory.limit", "--memory 64", { resources: { ...resources, memoryBytes: 64 } }],
    ["linux.resources.memory.swap", "--memory 64", { resources: { ...resources, memoryBytes: 64 } }],
    [
      "linux.resources.memory.swap",
      "--memory-swap 90",
      { resources: { ...resources, memoryAndSwapBytes: 90 } },
    ],
    ["linux.resources.cpu.quota", "--cpus 0.5", { resources: { ...resources, nanoCpus: 500_000_000 } }],
    ["linux.resources.cpu.period", "--cpu-quota 5", { resources: { ...resources, cpuQuotaUs: 5 } }],
    ["linux.resources.pids.limit", "--pids-limit 9", { resources: { ...resources, pids: 9 } }],
    ["linux.cgroupsPath", "--cgroup-parent /mine", { resources: { ...resources, cgroupParent: "/mine" } }],
    [
      "process.capabilities",
      "--cap-add SYS_ADMIN",
      { security: { ...security, capabilities: [...security.capabilities, "CAP_SYS_ADMIN"] } },
    ],
    ["process.capabilities", "--privileged", { security: { ...security, privileged: true } }],
    [
      "process.noNewPrivileges",
      "--security-opt no-new-privileges",
      { security: { ...security, noNewPrivileges: true } },
    ],
    [
      "linux.seccomp",
      "--security-opt seccomp=unconfined",
      { security: { ...security, seccomp: { kind: "unconfined" } } },
    ],
    [
      "linux.sysctl[net.core.somaxconn]",
      "--sysctl net.core.somaxconn=9",
      { security: { ...security, sysctls: { "net.core.somaxconn": "9" } } },
    ],
    ["root.readonly", "--read-only", { security: { ...security, rootReadOnly: true } }],
    ["hostname", "-h box", { hostname: "box" }],
    ["network", "--network none", { network: { kind: "none" } }],
    ["linux.namespaces", "--pid host", { namespaces: { ...namespaces, pid: { kind: "host" } } }],
    [
      "files",
      "--dns 9.9.9.9 --add-host a:10.0.0.1",
      {
        resolver: { servers: ["9.9.9.9"], search: [], options: [] },
        hosts: [{ name: "a", address: "10.0.0.1" }],
      },
    ],
    ["process.user.additionalGids", "--group-add 44", { process: { ...process, groups: ["44"] } }],
    ["process.oomScoreAdj", "--oom-score-adj 300", { process: { ...process, oomScoreAdjust: 300 } }],
    [
      "process.rlimits[0]",
      "--ulimit nofile=1:2",
      { process: { ...process, limits: [{ name: "nofile", soft: 1, hard: 2 }] } },
    ],
  ];

describe("an option of run is named with its value", () => {
  test.each(cases)("%s: %s", (setting, text, change) => {
    expect(origin({ ...plain, ...change }, setting)).toEqual({ kind: "flag", text });
  });
});

test("a mount is found by where it goes", () => {
  const specification: ContainerSpecification = {
    ...plain,
    sharedMemoryBytes: 1024,
    mounts: [
      {
        kind: "bind",
        source: "/srv",
        target: "/in",
        readOnly: true,
        propagation: "rprivate",
        createSource: true,
        recursive: true,
      },
      { kind: "volume", volume: "a".repeat(64), target: "/data", readOnly: false, copy: true },
      { kind: "volume", volume: "kept", target: "/kept", readOnly: false, copy: true },
      { kind: "tmpfs", target: "/tmp", options: [] },
    ],
  };
  const targets = ["/dev/shm", "/in", "/data", "/kept", "/tmp", "/proc"];
  const texts = targets.map((_, index) => origin(specification, `mounts[${index}].options`, targets));
  expect(texts).toEqual([
    { kind: "flag", text: "--shm-size 1024" },
    { kind: "flag", text: "-v /srv:/in:ro" },
    { kind: "image", text: "VOLUME /data" },
    { kind: "flag", text: "-v kept:/kept" },
    { kind: "flag", text: "--tmpfs /tmp" },
    { kind: "default" },
  ]);
});
