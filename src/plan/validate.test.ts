/** What the compiler refuses, and what it lets pass with a warning. */
import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { TiffinError } from "../lib/errors.ts";
import type { HostFacts } from "../linux/host-facts.ts";
import type { OciProcess, RuntimeSpec } from "../oci/mod.ts";
import { compileContainer } from "./compile-container.ts";
import type { ContainerOptions } from "./options.ts";
import type { Plan, ProcessOp } from "./plan.ts";
import { defaultOptions, defaultSpec, directoryLayer, mapping } from "./testdata/specs.ts";

const facts = JSON.parse(readFileSync(`${import.meta.dir}/testdata/facts-hybrid.json`, "utf8")) as HostFacts;

function compile(spec: RuntimeSpec, options: Partial<ContainerOptions> = {}, host = facts): Plan {
  return compileContainer(spec, host, { ...defaultOptions(), ...options });
}

function process(more: Partial<OciProcess>): RuntimeSpec {
  const spec = defaultSpec();
  if (spec.process === undefined) throw new Error("the default specification has a process");
  return { ...spec, process: { ...spec.process, ...more } };
}

function linux(more: Partial<NonNullable<RuntimeSpec["linux"]>>): RuntimeSpec {
  const spec = defaultSpec();
  return { ...spec, linux: { ...spec.linux, ...more } };
}

function codeOf(spec: RuntimeSpec, options: Partial<ContainerOptions> = {}, host = facts): string {
  try {
    compile(spec, options, host);
  } catch (thrown) {
    if (thrown instanceof TiffinError) return `${thrown.kind} ${thrown.code}`;
    throw thrown;
  }
  return "compiled";
}

function opsNamed<N extends ProcessOp["op"]>(plan: Plan, name: N): Extract<ProcessOp, { readonly op: N }>[] {
  return plan.ops.filter((op): op is Extract<ProcessOp, { readonly op: N }> => op.op === name);
}

const kinds = (defaultSpec().linux?.namespaces ?? []).map(({ type }) => type);
const without = (type: string) => ({
  namespaces: kinds.filter((kind) => kind !== type).map((kind) => ({ type: kind })),
});

describe("refused", () => {
  test("processes", () => {
    expect(codeOf(process({ cwd: "a" }))).toBe("invalid plan.cwd-not-absolute");
    expect(codeOf(process({ args: [] }))).toBe("invalid plan.no-program");
    expect(codeOf(process({ env: ["A=\0"] }))).toBe("invalid plan.nul-character");
    expect(codeOf(process({ user: { uid: 2 ** 32 - 1, gid: 0 } }))).toBe("invalid plan.id-range");
    expect(codeOf(process({ rlimits: [{ type: "RLIMIT_X", soft: 1, hard: 1 }] }))).toBe(
      "invalid plan.unknown-rlimit",
    );
    expect(codeOf(process({ rlimits: [{ type: "RLIMIT_CORE", soft: 2, hard: 1 }] }))).toBe(
      "invalid plan.rlimit-order",
    );
    expect(codeOf(process({ apparmorProfile: "strict" }))).toBe("invalid plan.label-not-enforced");
    expect(codeOf(process({ scheduler: { policy: "SCHED_FAST" } }))).toBe("invalid plan.unknown-word");
  });

  test("namespaces", () => {
    expect(codeOf(linux(without("uts")))).toBe("invalid plan.hostname-of-host");
    expect(codeOf(linux({ namespaces: [{ type: "mount" }, { type: "mount" }] }))).toBe(
      "invalid plan.namespace-twice",
    );
    expect(codeOf(linux({ namespaces: [{ type: "mount", path: "/x" }] }))).toBe(
      "notImplemented plan.mount-namespace-joined",
    );
    expect(codeOf(linux({ timeOffsets: { boottime: { secs: 1 } } }))).toBe("invalid plan.time-offsets");
    expect(codeOf(linux({ uidMappings: mapping }))).toBe("invalid plan.mappings-without-userns");
    const user = [...kinds, "user" as const].map((type) => ({ type }));
    expect(codeOf(linux({ namespaces: user }), { network: { kind: "new" } })).toBe(
      "invalid plan.root-not-mapped",
    );
    const mapped = { namespaces: user, uidMappings: mapping, gidMappings: mapping };
    expect(codeOf(linux(mapped))).toBe("invalid plan.netns-and-userns");
    const stranger = { ...process({ user: { uid: 70_000, gid: 0 } }), linux: linux(mapped).linux ?? {} };
    expect(codeOf(stranger, { network: { kind: "new" } })).toBe("invalid plan.unmapped-id");
  });

  test("sysctls that are not the container's", () => {
    for (const key of ["kernel.core_pattern", "vm.swappiness", "kernel.hostname", "net.ipv4.x/../y"]) {
      expect(codeOf(linux({ sysctl: { [key]: "1" } }))).toStartWith("invalid plan.sysctl");
    }
    const shared = linux({ ...without("network"), sysctl: { "net.ipv4.ip_forward": "1" } });
    expect(codeOf(shared, { network: { kind: "host" } })).toBe("invalid plan.sysctl-of-host");
    expect(codeOf(linux({ ...without("ipc"), sysctl: { "kernel.shmmax": "1" } }))).toBe(
      "invalid plan.sysctl-of-host",
    );
  });

  test("mounts", () => {
    const mount = (destination: string, more: object = {}): RuntimeSpec => ({
      ...defaultSpec(),
      mounts: [{ destination, source: "/a", options: ["bind"], ...more }],
    });
    expect(codeOf(mount("/"))).toBe("invalid plan.mount-over-root");
    expect(codeOf(mount("/a/.."))).toBe("invalid plan.mount-over-root");
    expect(codeOf(mount("/proc/self/attr"))).toBe("invalid plan.mount-in-proc");
    expect(codeOf(mount("/a/../proc/./sys"))).toBe("invalid plan.mount-in-proc");
    expect(codeOf(mount("/proc/meminfo"))).toBe("compiled");
    expect(codeOf(mount("/b", { source: "relative" }))).toBe("invalid plan.bind-source");
    expect(codeOf(mount("/b", { options: [] }))).toBe("invalid plan.mount-type");
  });

  test("more descriptors than can be sent", () => {
    const supervise = {
      kind: "supervise" as const,
      stdinOnce: false,
      attachClients: Array.from({ length: 260 }, () => ({ flags: 2 })),
    };
    expect(codeOf(defaultSpec(), { supervise })).toBe("invalid plan.too-many-descriptors");
  });

  test("more than an executor, or the kernel, takes at once", () => {
    const spec = defaultSpec();
    const process = spec.process ?? { user: { uid: 0, gid: 0 }, cwd: "/", args: ["x"] };
    const binds = Array.from({ length: 800 }, (_, index) => ({
      destination: `/b${index}`,
      type: "bind",
      source: "/s",
      options: ["rbind"],
    }));
    expect(codeOf({ ...spec, mounts: binds })).toBe("invalid plan.too-many-mounts");
    const additionalGids = Array.from({ length: 65_537 }, (_, index) => index);
    const user = { ...process.user, additionalGids };
    expect(codeOf({ ...spec, process: { ...process, user } })).toBe("invalid plan.too-many-groups");
    const rows = Array.from({ length: 341 }, (_, index) => ({ containerID: index, hostID: index, size: 1 }));
    const namespaces = [...(spec.linux?.namespaces ?? []), { type: "user" as const }];
    const linux = { ...spec.linux, namespaces, uidMappings: rows, gidMappings: rows };
    expect(codeOf({ ...spec, linux }, { network: { kind: "new" } })).toBe("invalid plan.too-many-mappings");
  });

  test("a kernel without overlay", () => {
    const bare = { ...facts, features: { ...facts.features, overlay: false } };
    expect(codeOf(defaultSpec(), {}, bare)).toBe("unavailable plan.no-overlay");
  });
});

describe("let pass with a warning", () => {
  test("capabilities that the engine does not have", () => {
    const plan = compile(process({ capabilities: { bounding: ["CAP_SYS_RESOURCE", "CAP_KILL"] } }));
    expect(plan.warnings).toContain("CAP_SYS_RESOURCE cannot be given: the engine does not have it");
    expect(opsNamed(plan, "dropBounding")[0]?.fields.keep).toBe(1n << 5n);
  });

  test("limits above the engine's own are cut", () => {
    const plan = compile(process({ rlimits: [{ type: "RLIMIT_NOFILE", soft: 50_000, hard: 90_000 }] }));
    expect(plan.warnings).toContain(
      "RLIMIT_NOFILE hard limit 90000 is above the engine's own 20000: 20000 is used",
    );
    expect(opsNamed(plan, "setRlimit")[0]?.fields).toEqual({ resource: 7, soft: 20_000n, hard: 20_000n });
  });

  test("a lower OOM score than the engine's", () => {
    const plan = compile(process({ oomScoreAdj: -500 }));
    expect(plan.warnings.join()).toContain("oom_score_adj -500");
    expect(opsNamed(plan, "write").some(({ cause }) => cause === "process.oomScoreAdj")).toBe(false);
  });

  test("an OOM score for a user namespace is inherited from the supervisor", () => {
    const rich = {
      ...facts,
      identity: { ...facts.identity, effective: [...facts.identity.effective, "CAP_SYS_RESOURCE"] },
    };
    const namespaces = [...kinds, "user" as const].map((type) => ({ type }));
    const spec = {
      ...process({ oomScoreAdj: -500 }),
      linux: { namespaces, uidMappings: mapping, gidMappings: mapping },
    };
    const plan = compile(spec, { network: { kind: "new" } }, rich);
    const writes = opsNamed(plan, "write").filter(({ cause }) => cause === "process.oomScoreAdj");
    expect(writes.map(({ stage, fields }) => [stage, new TextDecoder().decode(fields.data)])).toEqual([
      ["prepare", "-500"],
      ["parent", "0"],
    ]);
  });
});

describe("decisions", () => {
  test("a mount of the user's replaces an injected file", () => {
    const spec = defaultSpec();
    const mounts = [...(spec.mounts ?? []), { destination: "/etc/hosts", source: "/h", options: ["bind"] }];
    const covered = opsNamed(compile({ ...spec, mounts }), "moveMount").filter(
      ({ fields }) => fields.path === "/etc/hosts",
    );
    expect(covered.map(({ cause }) => cause)).toEqual(["mounts[7]"]);
  });

  test("long layer paths and old kernels go through descriptors", () => {
    const long = `/${"l".repeat(300)}`;
    const rootfs = {
      kind: "overlay",
      lowers: [long, "/short"].map(directoryLayer),
      upper: "/u",
      work: "/w",
    } as const;
    const options = (host: HostFacts): readonly string[] =>
      opsNamed(compile(defaultSpec(), { rootfs }, host), "fsMount")[0]?.fields.options ?? [];
    expect(options(facts).slice(0, 2)).toEqual([
      expect.stringMatching(/^lowerdir\+=\{slot:\d+\}$/),
      "lowerdir+=/short",
    ]);
    const old = { ...facts, features: { ...facts.features, overlayLowerdirAdd: false } };
    expect(options(old)[0]).toMatch(/^lowerdir=\{fd:\d+\}:\{fd:\d+\}$/);
    const many = {
      ...rootfs,
      lowers: Array.from({ length: 64 }, (_, index) => directoryLayer(`/layer${index}`)),
    };
    expect(codeOf(defaultSpec(), { rootfs: many }, old)).toBe("unavailable plan.too-many-layers");
    expect(codeOf(defaultSpec(), { rootfs: many })).toBe("compiled");
  });

  test("a mounted image is a received descriptor, and refused where overlayfs takes none that is attached nowhere", () => {
    const image = { kind: "image", path: "/layers/a.erofs" } as const;
    const rootfs = {
      kind: "overlay",
      lowers: [directoryLayer("/b"), image],
      upper: "/u",
      work: "/w",
    } as const;
    const plan = compile(defaultSpec(), { rootfs });
    const received = plan.receives.find(({ name }) => name === "lower:1");
    expect(opsNamed(plan, "fsMount")[0]?.fields.options.slice(0, 2)).toEqual([
      "lowerdir+=/b",
      `lowerdir+={slot:${received?.slot}}`,
    ]);
    const old = { ...facts, features: { ...facts.features, overlayDetachedLowers: false } };
    expect(codeOf(defaultSpec(), { rootfs }, old)).toBe("unavailable plan.no-detached-layers");
  });

  test("directories with characters that overlayfs gives a meaning go through descriptors", () => {
    const rootfs = {
      kind: "overlay",
      lowers: ["/a:b", "/c"].map(directoryLayer),
      upper: "/u,v",
      work: "/w\\x",
    } as const;
    const options = opsNamed(compile(defaultSpec(), { rootfs }), "fsMount")[0]?.fields.options ?? [];
    const through = (name: string) => expect.stringMatching(new RegExp(`^${name}=\\{slot:\\d+\\}$`));
    expect(options).toEqual([
      through("lowerdir\\+"),
      "lowerdir+=/c",
      through("upperdir"),
      through("workdir"),
      "index=off",
      "redirect_dir=nofollow",
      "metacopy=off",
    ]);
  });

  test("a held start waits before anything is given up", () => {
    const plan = compile(defaultSpec(), { holdBeforeExec: true });
    const child = plan.ops.filter(({ stage }) => stage === "child").map(({ op }) => op);
    expect(child.indexOf("awaitPeer")).toBeGreaterThan(child.indexOf("pivotRoot"));
    expect(child.indexOf("awaitPeer")).toBeLessThan(child.indexOf("dropBounding"));
  });
});
