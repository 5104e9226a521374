/**
 * The whole text of plans, compared with files. TIFFIN_UPDATE_GOLDEN=1 writes the files anew; read the difference
 * before committing it.
 */
import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expectGolden as expectFile } from "../../test/support/golden.ts";
import type { HostFacts, IdentityFacts, KernelFeatures } from "../linux/host-facts.ts";
import type { LinuxSpec, OciNamespace, RuntimeSpec } from "../oci/mod.ts";
import { compileContainer } from "./compile-container.ts";
import { compileExec } from "./compile-exec.ts";
import { compileForeign } from "./compile-foreign.ts";
import { maskPlan, secretsOf } from "./explain/mod.ts";
import type { ContainerOptions } from "./options.ts";
import type { Plan } from "./plan.ts";
import { planJson } from "./plan-json.ts";
import { renderPlan, renderPlanTable } from "./render-plan.ts";
import { renderScript } from "./script/render-script.ts";
import { checkPlan } from "./testdata/check-plan.ts";
import {
  defaultMounts,
  defaultOptions,
  defaultSpec,
  execTarget,
  mapping,
  scriptSurroundings,
} from "./testdata/specs.ts";

const directory = join(import.meta.dir, "testdata");

/** Facts of a machine, as the probe wrote them down. */
function factsOf(machine: "hybrid" | "v2"): HostFacts {
  return JSON.parse(readFileSync(join(directory, `facts-${machine}.json`), "utf8")) as HostFacts;
}

function expectGolden(name: string, text: string): void {
  expectFile(join(directory, name), text);
}

function script(plan: Plan): string {
  return renderScript(plan, scriptSurroundings({ name: "box", id: "c0ffee".padEnd(64, "0") }));
}

function environmentOf({ ops }: Plan): readonly string[] {
  const exec = ops.find((op) => op.op === "exec");
  return exec?.op === "exec" ? exec.fields.environment : [];
}

type Change = (spec: RuntimeSpec, options: ContainerOptions) => [RuntimeSpec, ContainerOptions];

function withProcess(spec: RuntimeSpec, more: Partial<NonNullable<RuntimeSpec["process"]>>): RuntimeSpec {
  const { process } = spec;
  if (process === undefined) throw new Error("the default specification has a process");
  return { ...spec, process: { ...process, ...more } };
}

function withoutNamespace(spec: RuntimeSpec, type: string): RuntimeSpec {
  const namespaces = spec.linux?.namespaces?.filter((entry) => entry.type !== type) ?? [];
  return { ...spec, linux: { ...spec.linux, namespaces } };
}

/** `facts` names another machine than the hybrid one, `features` what it differs in, `identity` who calls. */
interface Variant {
  readonly facts?: "v2";
  readonly features?: Partial<KernelFeatures>;
  readonly identity?: Partial<IdentityFacts>;
  readonly change: Change;
}

/** A directory over a mounted image. */
function withImageLayer(options: ContainerOptions, attached?: { readonly place: string }): ContainerOptions {
  const { rootfs } = options;
  if (rootfs.kind !== "overlay") throw new Error("the default root is an overlay");
  const [upper] = rootfs.lowers;
  if (upper === undefined) throw new Error("the default root has layers");
  const image = {
    kind: "image",
    path: "/var/lib/tiffin/layers/a/image",
    ...(attached && { attached }),
  } as const;
  return { ...options, rootfs: { ...rootfs, lowers: [upper, image] } };
}

/** On kernels whose overlays take no mount that is attached nowhere. */
const attachedImage = { place: "/var/lib/tiffin/layers/a/image.mounted" };

const userNamespaceChange: Change = (spec, options) => [
  withProcess(
    {
      ...spec,
      linux: {
        ...spec.linux,
        namespaces: [...(spec.linux?.namespaces ?? []), { type: "user" }],
        uidMappings: mapping,
        gidMappings: mapping,
        sysctl: { "net.ipv4.ip_forward": "1" },
      },
    },
    { user: { uid: 1000, gid: 1000 }, oomScoreAdj: 500 },
  ),
  {
    ...options,
    rootfs: { ...options.rootfs, idmap: true },
    network: { kind: "new" },
  } as ContainerOptions,
];

/** A bundle of a caller without rights over the host, in these namespaces. */
function bundleOf(namespaces: readonly OciNamespace[], linux: Partial<LinuxSpec> = {}): Change {
  return (spec, { files: _files, workMount: _work, ...options }) => [
    { ...spec, linux: { namespaces, ...linux } },
    {
      ...options,
      cgroupParent: null,
      rootfs: { kind: "directory", path: "/home/a/rootfs" },
      workMount: "/home/a/rootfs",
      network: { kind: "host" },
      stdio: { kind: "slots" },
      supervise: { kind: "leave", waitExec: true },
      unprivileged: true,
    },
  ];
}

const allNew: readonly OciNamespace[] = (["mount", "network", "pid", "ipc", "uts", "user"] as const).map(
  (type) => ({ type }),
);
const ordinary = { uid: 1000, gid: 1000, effective: [] };
const ownId = { containerID: 0, hostID: 1000, size: 1 };

const variants: Readonly<Record<string, Variant>> = {
  "container-hybrid": { change: (spec, options) => [spec, options] },
  "container-v2": { facts: "v2", change: (spec, options) => [spec, options] },
  terminal: {
    change: (spec, options) => [
      withProcess(spec, { terminal: true }),
      { ...options, stdio: { kind: "terminal", rows: 24, columns: 80 }, init: true },
    ],
  },
  "read-only": {
    change: (spec, options) => [{ ...spec, root: { path: "rootfs", readonly: true } }, options],
  },
  "host-network": {
    change: (spec, options) => [withoutNamespace(spec, "network"), { ...options, network: { kind: "host" } }],
  },
  "user-namespace": { change: userNamespaceChange },
  "image-layers-6.1": {
    facts: "v2",
    change: (spec, options) => [spec, withImageLayer(options, attachedImage)],
  },
  "image-layers-user-namespace-6.12": {
    features: { overlayDetachedLowers: false },
    change: (spec, options) => {
      const [changed, more] = userNamespaceChange(spec, options);
      return [changed, withImageLayer(more, attachedImage)];
    },
  },
  "image-layers": { change: (spec, options) => [spec, withImageLayer(options)] },
  "image-layers-user-namespace": {
    change: (spec, options) => userNamespaceChange(spec, withImageLayer(options)),
  },
  "user-namespace-6.12": {
    facts: "v2",
    features: { overlayLowerdirAdd: true },
    change: userNamespaceChange,
  },
  "user-namespace-6.1": { facts: "v2", change: userNamespaceChange },
  privileged: {
    change: (spec, options) => {
      const { maskedPaths: _masked, readonlyPaths: _readonly, ...linux } = spec.linux ?? {};
      const everything = ["CAP_SYS_ADMIN", "CAP_NET_ADMIN", "CAP_SYS_RESOURCE", "CAP_MKNOD"];
      const mounts = defaultMounts.map((mount) => ({
        ...mount,
        options: mount.options?.filter((option) => option !== "ro") ?? [],
      }));
      const { seccompProgram: _program, ...rest } = options;
      return [
        withProcess(
          {
            ...spec,
            mounts,
            linux: {
              ...linux,
              resources: { devices: [{ allow: true, access: "rwm" }] },
              devices: [
                { type: "c", path: "/dev/fuse", major: 10, minor: 229, fileMode: 0o600 },
                { type: "b", path: "/dev/vda", major: 254, minor: 300, fileMode: 0o660, gid: 6 },
              ],
            },
          },
          { capabilities: { bounding: everything, effective: everything, permitted: everything } },
        ),
        rest,
      ];
    },
  },
  "user-1000": {
    change: (spec, options) => [
      withProcess(spec, {
        user: { uid: 1000, gid: 1000, additionalGids: [1000, 27] },
        noNewPrivileges: true,
        cwd: "/srv/app",
        rlimits: [
          { type: "RLIMIT_NOFILE", soft: 1024, hard: 1_048_576 },
          { type: "RLIMIT_CORE", soft: 0, hard: "unlimited" },
        ],
      }),
      { ...options, init: true },
    ],
  },
  "time-and-sysctl": {
    change: (spec, options) => [
      {
        ...spec,
        domainname: "example.test",
        linux: {
          ...spec.linux,
          namespaces: [...(spec.linux?.namespaces ?? []), { type: "time" }],
          timeOffsets: { monotonic: { secs: 86_400 }, boottime: { secs: 86_400, nanosecs: 5 } },
          sysctl: { "kernel.shmmax": "1048576", "net.ipv4.ip_unprivileged_port_start": "0" },
          rootfsPropagation: "rslave",
        },
      },
      options,
    ],
  },
  "joined-namespaces": {
    change: (spec, options) => [
      {
        ...withoutNamespace(withoutNamespace(spec, "pid"), "ipc"),
        linux: {
          ...spec.linux,
          namespaces: [
            { type: "mount" },
            { type: "uts" },
            { type: "pid", path: "/proc/4242/ns/pid" },
            { type: "ipc", path: "/proc/4242/ns/ipc" },
            { type: "network", path: "/proc/4242/ns/net" },
          ],
        },
      },
      { ...options, network: { kind: "host" } },
    ],
  },
  "runtime-bundle": {
    change: (spec, options) => [
      spec,
      {
        ...options,
        cgroupParent: null,
        rootfs: { kind: "directory", path: "/bundles/a/rootfs" },
        network: { kind: "host" },
        files: [],
        stdio: { kind: "slots" },
        supervise: { kind: "leave", waitExec: false },
        awaitStart: true,
        syncEnvironment: true,
        preserveFds: 2,
      },
    ],
  },
  "ordinary-user": {
    identity: ordinary,
    change: bundleOf(allNew, { uidMappings: [ownId], gidMappings: [ownId] }),
  },
  "ordinary-user-many-ids": {
    identity: ordinary,
    change: bundleOf(allNew, {
      uidMappings: [ownId, { containerID: 1, hostID: 100_000, size: 65_536 }],
      gidMappings: [ownId, { containerID: 1, hostID: 100_000, size: 65_536 }],
    }),
  },
  "inside-user-namespace": {
    identity: { inUserNamespace: true, setgroupsDenied: true },
    change: bundleOf([{ type: "mount" }, { type: "pid" }, { type: "uts" }]),
  },
  "joined-user-namespace": {
    identity: ordinary,
    change: bundleOf([
      { type: "mount" },
      { type: "pid", path: "/proc/4242/ns/pid" },
      { type: "user", path: "/proc/4242/ns/user" },
      { type: "uts" },
    ]),
  },
  "joined-mount-namespace": {
    change: bundleOf([{ type: "mount", path: "/proc/4242/ns/mnt" }, { type: "pid" }, { type: "uts" }]),
  },
  "inherited-mount-namespace": {
    change: bundleOf([{ type: "pid" }, { type: "uts" }]),
  },
  "mount-options": {
    change: (spec, options) => [
      {
        ...spec,
        mounts: [
          ...defaultMounts,
          { destination: "/a", source: "/srv/a", options: ["bind"] },
          { destination: "/b", source: "/srv/b", options: ["rbind", "ro"] },
          { destination: "/c", source: "/srv/c", options: ["rbind", "rro", "rslave"] },
          { destination: "/d", source: "/srv/d", options: ["bind", "nosuid", "nodev", "noexec", "private"] },
          { destination: "/e", source: "/srv/e", options: ["rbind", "noatime", "nodiratime", "rshared"] },
          { destination: "/f", source: "/srv/f", type: "bind", options: ["strictatime", "nosymfollow"] },
          { destination: "/g", source: "/srv/g", options: ["bind", "ro", "rw", "shared"] },
          {
            destination: "/h",
            source: "/srv/h",
            options: ["rbind", "ridmap"],
            uidMappings: mapping,
            gidMappings: mapping,
          },
          { destination: "/etc/file", source: "/srv/file", options: ["bind", "ro"] },
          { destination: "/held", source: "/srv/held", options: ["rbind"] },
          { destination: "/tmp", type: "tmpfs", options: ["size=64m", "mode=1777", "noexec", "unbindable"] },
          { destination: "/image", type: "erofs", source: "/srv/image", options: ["ro", "sync"] },
        ],
      },
      {
        ...options,
        bindSources: new Map([
          [15, { kind: "file" }],
          [16, { kind: "directory", received: true }],
        ]),
      },
    ],
  },
};

describe("plans of containers", () => {
  for (const [name, { facts, features, identity, change }] of Object.entries(variants)) {
    test(name, () => {
      const [spec, options] = change(defaultSpec(), defaultOptions());
      const machine = factsOf(facts ?? "hybrid");
      const host = {
        ...machine,
        features: { ...machine.features, ...features },
        identity: { ...machine.identity, ...identity },
      };
      const plan = compileContainer(spec, host, options);
      expectGolden(`${name}.plan`, renderPlan(plan));
      expect(checkPlan(plan)).toEqual([]);
    });
  }
});

describe("plans of containers that another runtime makes", () => {
  const foreign = {
    program: "/usr/bin/crun",
    arguments: ["--cgroup-manager=cgroupfs"],
    place: "/run/x/bundle",
  };
  const bind = {
    destination: "/data",
    type: "bind",
    source: "/srv/data",
    options: ["rbind", "ro", "rprivate"],
  };
  const spec = {
    ...defaultSpec(),
    domainname: "example.org",
    mounts: [...defaultMounts, bind],
  };

  test("with a terminal", () => {
    const options = { ...defaultOptions(), foreign };
    const stdio = { kind: "terminal", rows: 50, columns: 132 } as const;
    const plan = compileForeign(spec, factsOf("hybrid"), { ...options, stdio });
    expectGolden("foreign-runtime.plan", renderPlan(plan));
    expect(checkPlan(plan)).toEqual([]);
  });

  test("have a configuration without limits, of paths in the bundle, with what our own mounts have", () => {
    const bindSources = new Map([[defaultMounts.length, { kind: "directory" as const, has: 2 }]]);
    const plan = compileForeign(spec, factsOf("v2"), { ...defaultOptions(), bindSources, foreign });
    const made = plan.ops.find((op) => op.op === "createFile" && op.fields.path === "config.json");
    const text = made?.op === "createFile" ? new TextDecoder().decode(made.fields.content) : "";
    const document = JSON.parse(text);
    expect(Object.keys(document.linux.resources)).toEqual(["devices"]);
    expect(document.linux.sysctl["kernel.domainname"]).toBe("example.org");
    expect(document.mounts).toContainEqual({
      destination: "/data",
      type: "bind",
      source: `/run/x/bundle/mount${defaultMounts.length}`,
      options: ["rbind", "rprivate", "ro", "nosuid"],
    });
  });
});

describe("plans of execs", () => {
  const process = {
    user: { uid: 0, gid: 0 },
    args: ["/bin/echo", "hello"],
    env: ["PATH=/bin", "SECRET=password"],
    cwd: "/tmp",
    capabilities: { bounding: ["CAP_KILL"], effective: ["CAP_KILL"], permitted: ["CAP_KILL"] },
  };
  const { stdio, supervise } = defaultOptions();
  const compile = (terminal: boolean): Plan =>
    compileExec(process, execTarget, factsOf("hybrid"), {
      stdio: terminal ? { kind: "terminal", rows: 50, columns: 132 } : stdio,
      supervise,
    });

  test("with pipes", () => {
    expectGolden("exec.plan", renderPlan(compile(false)));
    expect(checkPlan(compile(false))).toEqual([]);
  });

  test("with a terminal", () => {
    expectGolden("exec-terminal.plan", renderPlan(compile(true)));
    expect(checkPlan(compile(true))).toEqual([]);
  });

  test("into a container that shares the caller's mount namespace", () => {
    const namespaces = execTarget.namespaces.filter((type) => type !== "mount");
    const target = { ...execTarget, namespaces, sharesMounts: true };
    const plan = compileExec(process, target, factsOf("hybrid"), { stdio, supervise });
    expectGolden("exec-shared-mounts.plan", renderPlan(plan));
    expect(checkPlan(plan)).toEqual([]);
  });

  test("into a user namespace", () => {
    const target = { ...execTarget, namespaces: [...execTarget.namespaces, "user"] as const };
    const user = { uid: 7, gid: 7, additionalGids: [8] };
    const plan = compileExec(
      { ...process, user, oomScoreAdj: 100 },
      { ...target, uidMappings: mapping, gidMappings: mapping },
      factsOf("v2"),
      { stdio, supervise },
    );
    expectGolden("exec-user-namespace.plan", renderPlan(plan));
    expect(checkPlan(plan)).toEqual([]);
  });

  test("no rendering shows the environment", () => {
    const plan = compile(false);
    const masked = maskPlan(plan, secretsOf(environmentOf(plan), []));
    const texts = [renderPlan(plan), renderPlanTable(plan), script(masked), JSON.stringify(planJson(masked))];
    for (const text of texts) expect(text).not.toContain("password");
  });
});

describe("other renderings", () => {
  const plan = compileContainer(defaultSpec(), factsOf("hybrid"), defaultOptions());

  test("a table with the inverse of every operation", () => {
    expectGolden("container-hybrid.table.txt", renderPlanTable(plan));
  });

  test("a shell script", () => {
    expectGolden("container-hybrid.sh", script(plan));
  });

  test("a shell script for an older kernel names the layers by their places", () => {
    const [spec, options] = userNamespaceChange(defaultSpec(), defaultOptions());
    const text = script(compileContainer(spec, factsOf("v2"), options));
    expect(text).toMatch(/-o "lowerdir=\$work\/\d+:\$work\/\d+,upperdir=\$work/);
    expect(text).not.toContain("{fd:");
    expect(text).not.toContain("/proc/self/ns/mnt");
  });

  test("JSON holds every operation", () => {
    const json = JSON.parse(JSON.stringify(planJson(plan)));
    expect(json.ops.length).toBe(plan.ops.length);
    expect(json.hostOps.length).toBe(plan.hostOps.length);
  });
});
