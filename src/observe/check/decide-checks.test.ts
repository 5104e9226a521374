/** Each thing that can be in the way, on a machine that has everything but that. */
import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import type { HostFacts } from "../../linux/host-facts.ts";
import { type Check, worstOf } from "./check.ts";
import { type CheckFacts, decideChecks } from "./decide-checks.ts";
import { probedKinds } from "./link-probe.ts";

const recorded = JSON.parse(
  readFileSync(new URL("../../plan/testdata/facts-v2.json", import.meta.url), "utf8"),
) as HostFacts;

/** Nothing to complain about. */
const perfect: CheckFacts = {
  host: {
    ...recorded,
    kernel: { ...recorded.kernel, release: "6.18.1", major: 6, minor: 18 },
    features: { ...recorded.features, erofsFromFiles: true },
    identity: {
      ...recorded.identity,
      effective: [...recorded.identity.effective, "CAP_SYS_RESOURCE"],
      hardRlimits: { RLIMIT_NOFILE: 1_048_576 },
    },
    security: { ...recorded.security, apparmor: true, libseccomp: "2.5.4" },
  },
  around: {
    sysctls: {
      "user.max_user_namespaces": "100000",
      "kernel.pid_max": "4194304",
      "net.ipv4.ip_forward": "1",
      "net.ipv6.conf.all.disable_ipv6": "0",
      "net.netfilter.nf_conntrack_max": "262144",
      "net.netfilter.nf_conntrack_count": "12",
      "fs.inotify.max_user_instances": "1024",
    },
    present: new Set(),
    processNames: new Set(["init"]),
    programs: new Set(["newuidmap", "newgidmap"]),
    subordinateIds: { users: true, groups: true },
    ufwEnabled: false,
  },
  links: new Set(probedKinds),
  forwardDrops: false,
};

function troubles(facts: CheckFacts): Check[] {
  return decideChecks(facts).flatMap(({ checks }) => checks.filter(({ verdict }) => verdict !== "ok"));
}

const withFeatures = (features: Partial<HostFacts["features"]>): CheckFacts => ({
  ...perfect,
  host: { ...perfect.host, features: { ...perfect.host.features, ...features } },
});
const withSysctls = (sysctls: Record<string, string | undefined>): CheckFacts => ({
  ...perfect,
  around: { ...perfect.around, sysctls: { ...perfect.around.sysctls, ...sysctls } },
});
const withCgroup = (cgroup: Partial<HostFacts["cgroup"]>): CheckFacts => ({
  ...perfect,
  host: { ...perfect.host, cgroup: { ...perfect.host.cgroup, ...cgroup } },
});

test("a machine that has everything is told so", () => {
  expect(troubles(perfect)).toEqual([]);
  expect(worstOf(decideChecks(perfect))).toBe("ok");
});

describe("one thing in the way is one finding, with consequence and remedy", () => {
  const kernel = (major: number, minor: number): CheckFacts => ({
    ...perfect,
    host: { ...perfect.host, kernel: { ...perfect.host.kernel, major, minor } },
  });
  const cases: readonly (readonly [id: string, verdict: string, facts: CheckFacts])[] = [
    ["kernel.version", "limited", kernel(6, 1)],
    ["kernel.version", "missing", kernel(5, 4)],
    [
      "kernel.rights",
      "missing",
      {
        ...perfect,
        host: {
          ...perfect.host,
          identity: {
            ...perfect.host.identity,
            effective: perfect.host.identity.effective.filter((name) => name !== "CAP_NET_ADMIN"),
          },
        },
      },
    ],
    ["kernel.openat2", "missing", withFeatures({ openat2: false })],
    ["kernel.clone-into-cgroup", "limited", withFeatures({ cloneIntoCgroup: false })],
    ["namespace.basic", "missing", withSysctls({ "user.max_net_namespaces": "0" })],
    ["namespace.cgroup", "limited", withFeatures({ cgroupNamespace: false })],
    ["namespace.time", "limited", withFeatures({ timeNamespace: false })],
    ["cgroup.mode", "missing", withCgroup({ mode: "none", v2: null })],
    [
      "cgroup.memory",
      "limited",
      withCgroup({ v2: { mountPoint: "/x", ownPath: "/", controllers: ["cpu", "cpuset", "io", "pids"] } }),
    ],
    ["cgroup.swap", "limited", withCgroup({ swapAccounting: false })],
    ["cgroup.kill", "limited", withFeatures({ cgroupKill: false })],
    ["files.overlay", "missing", withFeatures({ overlay: false })],
    ["files.layers", "limited", withFeatures({ erofsFromFiles: false })],
    ["files.layers", "limited", withFeatures({ erofsFromFiles: false, erofs: false })],
    ["files.idmapped", "limited", withFeatures({ idmappedMounts: false })],
    ["files.mqueue", "limited", withFeatures({ mqueue: false })],
    ["files.fuse", "limited", withFeatures({ fuse: false })],
    ...probedKinds.map(
      (kind) =>
        [
          `network.${kind}`,
          ["veth", "bridge", "nftables"].includes(kind) ? "missing" : "limited",
          { ...perfect, links: new Set(probedKinds.filter((one) => one !== kind)) },
        ] as const,
    ),
    ["network.kinds", "limited", { ...perfect, links: undefined }],
    ["network.ipv6", "limited", withSysctls({ "net.ipv6.conf.all.disable_ipv6": "1" })],
    ["network.ipv6", "limited", withSysctls({ "net.ipv6.conf.all.disable_ipv6": undefined })],
    ["network.conntrack", "limited", withSysctls({ "net.netfilter.nf_conntrack_max": "1024" })],
    ["network.conntrack", "limited", withSysctls({ "net.netfilter.nf_conntrack_count": "262000" })],
    ["security.seccomp", "missing", withFeatures({ seccompFilter: false })],
    [
      "security.libseccomp",
      "limited",
      { ...perfect, host: { ...perfect.host, security: { ...perfect.host.security, libseccomp: null } } },
    ],
    [
      "security.module",
      "limited",
      { ...perfect, host: { ...perfect.host, security: { ...perfect.host.security, apparmor: false } } },
    ],
    [
      "limit.fs.inotify.max_user_instances",
      "limited",
      withSysctls({ "fs.inotify.max_user_instances": "64" }),
    ],
    ["limit.kernel.pid_max", "limited", withSysctls({ "kernel.pid_max": "1000" })],
    [
      "limit.nofile",
      "limited",
      {
        ...perfect,
        host: {
          ...perfect.host,
          identity: { ...perfect.host.identity, hardRlimits: { RLIMIT_NOFILE: 1024 } },
        },
      },
    ],
    ["beside.firewalls", "limited", { ...perfect, around: { ...perfect.around, ufwEnabled: true } }],
    [
      "beside.firewalls",
      "limited",
      { ...perfect, around: { ...perfect.around, processNames: new Set(["firewalld"]) } },
    ],
    ["rootless.namespaces", "limited", withSysctls({ "kernel.unprivileged_userns_clone": "0" })],
    ["rootless.namespaces", "limited", withSysctls({ "kernel.apparmor_restrict_unprivileged_userns": "1" })],
    ["rootless.mappers", "limited", { ...perfect, around: { ...perfect.around, programs: new Set() } }],
    [
      "rootless.ranges",
      "limited",
      { ...perfect, around: { ...perfect.around, subordinateIds: { users: true, groups: false } } },
    ],
  ];

  test.each(cases)("%s: %s", (id, verdict, facts) => {
    const found = troubles(facts).filter((one) => !one.id.startsWith("rootless.groups"));
    expect(found.map((one) => [one.id, one.verdict] as [string, string])).toEqual([[id, verdict]]);
    for (const one of found) {
      expect(one.found.length).toBeGreaterThan(0);
      expect(one.consequence.length).toBeGreaterThan(10);
      expect(one.remedy.length).toBeGreaterThan(3);
      expect(one.remedy).not.toContain("undefined");
    }
  });

  test("user namespaces that are switched off are in the way of two things", () => {
    const found = troubles(withSysctls({ "user.max_user_namespaces": "0" })).map(({ id }) => id);
    expect(found).toEqual(["namespace.user", "rootless.namespaces"]);
  });
});

test("the worst of all findings counts", () => {
  expect(worstOf(decideChecks(withFeatures({ overlay: false, fuse: false })))).toBe("missing");
  expect(worstOf(decideChecks(withFeatures({ fuse: false })))).toBe("limited");
});
