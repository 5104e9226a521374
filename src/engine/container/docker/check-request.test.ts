import { expect, test } from "bun:test";
import type { ContainerCreateBody } from "../../../docker/types/container.ts";
import type { ContainerConfig } from "../../../docker/types/container-config.ts";
import type { HostConfig } from "../../../docker/types/host-config.ts";
import { probe } from "../../../kernel/probe.ts";
import { TiffinError } from "../../../lib/errors.ts";
import { checkSpecification } from "../specification/check.ts";
import { decodeCreateBody } from "./create-body.ts";

const machine = probe();
const facts = {
  ...machine,
  hardware: { ...machine.hardware, cpus: 2, memoryNodes: [0, 2] },
  cgroup: { ...machine.cgroup, swapAccounting: true },
};
const mib = 1024 * 1024;

/** All that is said about a body, as creation hears it. */
function validateContainer(body: ContainerCreateBody, host = facts): string[] {
  const { specification, warnings } = decodeCreateBody(body, {
    id: "c0ffee".padEnd(64, "0"),
    image: { Cmd: ["true"] },
    hostname: host.hostname,
    remove: false,
    cgroupMode: "v1",
  });
  return [...checkSpecification(specification, host), ...warnings];
}

function refusal(config: ContainerConfig, host: HostConfig): string {
  try {
    validateContainer({ ...config, HostConfig: host });
  } catch (thrown) {
    return thrown instanceof TiffinError ? `${thrown.code}: ${thrown.message}` : String(thrown);
  }
  return "accepted";
}

test("an ordinary container passes without a warning", () => {
  expect(
    validateContainer(
      {
        Env: ["A=b", "C"],
        WorkingDir: "/x",
        Hostname: "a-b.example",
        HostConfig: {
          Memory: 6 * mib,
          MemorySwap: -1,
          NanoCpus: 2e9,
          CpusetCpus: "0-1",
          PidsLimit: -1,
          OomScoreAdj: -1000,
        },
      },
      facts,
    ),
  ).toEqual([]);
});

test.each<[HostConfig, string]>([
  [{ Memory: 6 * mib - 1 }, "container.memory-minimum: Minimum memory limit allowed is 6MB"],
  [
    { Memory: 8 * mib, MemorySwap: 7 * mib },
    "container.memory-swap: Minimum memoryswap limit should be larger than memory limit, see usage",
  ],
  [
    { MemorySwap: 7 * mib },
    "container.memory-swap: You should always set the Memory limit when using Memoryswap limit, see usage",
  ],
  [
    { Memory: 8 * mib, MemoryReservation: 9 * mib },
    "container.memory-reservation: Minimum memory limit can not be less than memory reservation limit, see usage",
  ],
  [
    { NanoCpus: 3e9 },
    "container.cpu-range: range of CPUs is from 0.01 to 2.00, as there are only 2 CPUs available",
  ],
  [
    { NanoCpus: 1e9, CpuQuota: 5000 },
    "container.cpu-conflict: Conflicting options: Nano CPUs and CPU Quota cannot both be set",
  ],
  [
    { CpuPeriod: 999 },
    "container.cpu-period: CPU cfs period can not be less than 1ms (i.e. 1000) or larger than 1s (i.e. 1000000)",
  ],
  [{ CpusetCpus: "5" }, "container.cpuset: Requested CPUs are not available - requested 5, available: 0-1"],
  [
    { CpusetMems: "0-2" },
    "container.cpuset: Requested memory nodes are not available - requested 0-2, available: 0,2",
  ],
  [{ CpusetCpus: "1-" }, "container.cpuset: Invalid value 1- for cpuset cpus"],
  [
    { OomScoreAdj: 1001 },
    "container.oom-score-adj: Invalid value 1001, range for oom score adj is [-1000, 1000]",
  ],
  [{ PidMode: "shared" }, "container.namespace-mode: invalid PID mode: shared"],
  [{ IpcMode: "container:" }, "container.namespace-mode: invalid IPC mode: container:"],
  [
    { AutoRemove: true, RestartPolicy: { Name: "always" } },
    "container.restart-policy: can't create 'AutoRemove' container with restart policy",
  ],
  [
    { RestartPolicy: { Name: "sometimes" } },
    "container.restart-policy: invalid restart policy: unknown policy 'sometimes'; use one of 'no', 'always', 'on-failure', or 'unless-stopped'",
  ],
  [{ ExtraHosts: ["alone"] }, 'container.extra-host: bad format for add-host: "alone"'],
  [
    { Runtime: "crun", Init: true },
    "container.runtime-cannot: --init is not possible with the runtime crun: the first process in front of the program is a part of the engine's own executor",
  ],
  [
    { NetworkMode: "host", Links: ["a:b"] },
    "container.conflict-links: conflicting options: host type networking can't be used with links. This would result in undefined behavior",
  ],
])("%p is refused", (host, message) => {
  expect(refusal({}, host)).toBe(message);
});

test.each<[ContainerConfig, HostConfig, string]>([
  [{ Env: [""] }, {}, "container.environment: invalid environment variable: "],
  [{ Hostname: "-x" }, {}, "container.hostname: invalid hostname format: -x"],
  [
    { Hostname: "x" },
    { UTSMode: "host" },
    "container.conflict-uts: conflicting options: hostname and the UTS mode",
  ],
  [
    { Hostname: "x" },
    { NetworkMode: "container:y" },
    "container.conflict-hostname: conflicting options: hostname and the network mode",
  ],
  [
    { ExposedPorts: { "80/tcp": {} } },
    { NetworkMode: "container:y" },
    "container.conflict-expose: conflicting options: port exposing and the container type network mode",
  ],
  [{ Cmd: ["a\0b"] }, {}, 'container.nul: invalid Cmd.0: "a\\u0000b" contains a NUL character'],
])("%p with %p is refused", (config, host, message) => {
  expect(refusal(config, host)).toBe(message);
});

const nul = 'invalid HostConfig.Binds.0: "/a:/b\\u0000" contains a NUL character';

test.each<[ContainerConfig, HostConfig, string]>([
  [{}, { Binds: ["/a:/b\0"] }, `nul: ${nul}`],
  [{ Domainname: "a\0b" }, {}, 'nul: invalid Domainname: "a\\u0000b" contains a NUL character'],
  [
    { Env: [`A=${"x".repeat(3 * mib)}`] },
    {},
    `string-length: invalid environment: "A=${"x".repeat(58)}..." has 3145730 bytes, the kernel takes at most 131071 in one string`,
  ],
  [
    {},
    { ExtraHosts: ["a:1.2.3.4\n6.6.6.6 b"] },
    'extra-host: invalid IP address in add-host: "1.2.3.4\\n6.6.6.6 b"',
  ],
  [
    {},
    { ExtraHosts: ["a\nb:1.2.3.4"] },
    'file-word: invalid host name in add-host "a\\nb": wanted a word without spaces and line breaks',
  ],
  [{}, { Dns: ["1.1.1.1\nx"] }, 'dns: invalid DNS server: "1.1.1.1\\nx" is no IP address'],
  [
    {},
    { DnsSearch: ["a\nb"] },
    'file-word: invalid DNS search domain "a\\nb": wanted a word without spaces and line breaks',
  ],
  [
    {},
    { CpuQuota: 2 ** 44 },
    "cpu-quota: CPU cfs quota can not be more than 17592186044415 microseconds, found 17592186044416",
  ],
  [
    {},
    { CpuRealtimePeriod: 2 ** 31 },
    "cpu-realtime: invalid CPU real-time period 2147483648: wanted a whole number from 0 to 2147483647",
  ],
  [
    {},
    { CpuRealtimePeriod: 5000, CpuRealtimeRuntime: 10_000 },
    "cpu-realtime: cpu real-time runtime cannot be higher than cpu real-time period",
  ],
  [
    {},
    { PidsLimit: 2 ** 31 },
    "pids-limit: invalid pids limit 2147483648: the kernel takes at most 4194304; -1 is no limit",
  ],
  [{}, { CpusetCpus: " " }, "cpuset: Invalid value   for cpuset cpus"],
  [
    {},
    { Ulimits: [{ Name: "nofile", Soft: -1, Hard: 64 }] },
    "ulimit: ulimit soft limit must be less than or equal to hard limit: -1 > 64",
  ],
])("%p with %p would fail the start, so the creation does", (config, host, message) => {
  expect(refusal(config, host)).toBe(`container.${message}`);
});

test("ports that the host's network makes meaningless are warned of", () => {
  expect(
    validateContainer({ HostConfig: { NetworkMode: "host", PortBindings: { "80/tcp": [] } } }, facts),
  ).toEqual(["Published ports are discarded when using host network mode"]);
});

test("a container that shares the host's name takes it whatever it is, and no other gets such a name", () => {
  const odd = { ...facts, hostname: "(none)" };
  expect(validateContainer({ HostConfig: { NetworkMode: "host" } }, odd)).toEqual([]);
  expect(refusal({ Hostname: "(none)" }, {})).toBe("container.hostname: invalid hostname format: (none)");
});

test("what is not done is said", () => {
  expect(
    validateContainer(
      { HostConfig: { Memory: 8 * mib } },
      { ...facts, cgroup: { ...facts.cgroup, swapAccounting: false } },
    ),
  ).toHaveLength(1);
});
