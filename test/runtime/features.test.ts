/** `features` and `spec`: documents about the runtime and for beginners, against the specification and runc's. */
import { expect, test } from "bun:test";
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { decodeRuntimeSpec } from "../../src/oci/decode/runtime-spec.ts";
import { Bundle } from "./bundle.ts";
import { eachRuntime, runtimes } from "./runtimes.ts";

type Document = Readonly<Record<string, unknown>>;

function keysOf(value: unknown, path = ""): string[] {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return [path];
  return Object.entries(value).flatMap(([name, inner]) => [path, ...keysOf(inner, `${path}.${name}`)]);
}

async function features(runtime: string): Promise<Document> {
  await using bundle = new Bundle(runtime);
  const { stdout } = await bundle.call("features");
  // A decode border: what the tests look at is compared by key.
  return JSON.parse(stdout) as Document;
}

const [ours, runc] = ["tiffin", "runc"].map((name) => runtimes.find((each) => each.name === name)?.path);

test.skipIf(ours === undefined)("features: everything that the specification names", async () => {
  if (ours === undefined) return;
  const document = await features(ours);
  expect(document).toMatchObject({
    ociVersionMin: "1.0.0",
    ociVersionMax: "1.3.0",
    hooks: ["prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop"],
    mountOptions: expect.arrayContaining([
      "ro",
      "rro",
      "rbind",
      "idmap",
      "ridmap",
      "tmpcopyup",
      "nosymfollow",
    ]),
    linux: {
      namespaces: ["cgroup", "ipc", "mount", "network", "pid", "time", "user", "uts"],
      capabilities: expect.arrayContaining(["CAP_CHOWN", "CAP_CHECKPOINT_RESTORE"]),
      cgroup: {
        v1: true,
        v2: true,
        systemd: expect.any(Boolean),
        systemdUser: expect.any(Boolean),
        rdma: true,
      },
      seccomp: { enabled: true, supportedFlags: expect.arrayContaining(["SECCOMP_FILTER_FLAG_LOG"]) },
      apparmor: { enabled: true },
      selinux: { enabled: true },
      intelRdt: { enabled: true, schemata: true, monitoring: true },
      memoryPolicy: {
        modes: expect.arrayContaining(["MPOL_BIND", "MPOL_WEIGHTED_INTERLEAVE"]),
        flags: expect.arrayContaining(["MPOL_F_STATIC_NODES"]),
      },
      mountExtensions: { idmap: { enabled: true } },
      netDevices: { enabled: true },
    },
    // A prefix, and a name.
    potentiallyUnsafeConfigAnnotations: ["org.criu.config", "org.systemd.property."],
  });
});

test.skipIf(ours === undefined || runc === undefined)(
  "features: no key and no word of runc's is missing",
  async () => {
    if (ours === undefined || runc === undefined) return;
    const [mine, theirs] = [await features(ours), await features(runc)];
    const keys = new Set(keysOf(mine));
    const missing = keysOf(theirs).filter(
      (key) => !keys.has(key) && !key.includes("org.opencontainers.runc"),
    );
    expect(missing).toEqual([]);
    const words = new Set(JSON.stringify(mine).match(/"[\w-]+"/g));
    const listed = JSON.stringify([theirs["mountOptions"], theirs["linux"], theirs["hooks"]]).match(
      /"[\w-]+"/g,
    );
    expect((listed ?? []).filter((word) => !words.has(word))).toEqual([]);
  },
);

eachRuntime(
  "spec writes a bundle that is valid, for root and for an ordinary user, and never over another",
  async (bundle) => {
    for (const [name, ...flags] of [["plain"], ["rootless", "--rootless"]] as const) {
      const directory = join(bundle.directory, name);
      mkdirSync(directory);
      const inside = { cwd: directory };
      expect((await bundle.callWith(inside, "spec", ...flags)).code).toBe(0);
      const path = join(directory, "config.json");
      const text = readFileSync(path);
      const { linux, root } = decodeRuntimeSpec(text);
      expect(root).toEqual({ path: "rootfs", readonly: true });
      const types = linux?.namespaces?.map(({ type }) => type) ?? [];
      expect(types).toContain("mount");
      expect(types.includes("user")).toBe(name === "rootless");
      expect((linux?.uidMappings ?? []).length).toBe(name === "rootless" ? 1 : 0);
      expect((await bundle.callWith(inside, "spec", ...flags)).code).toBe(1);
      expect(readFileSync(path)).toEqual(text);
    }
  },
  { except: { crun: "1.8 writes over it" } },
);

test.skipIf(ours === undefined || runc === undefined)("spec: the keys are those of runc's", async () => {
  if (ours === undefined || runc === undefined) return;
  const written = async (runtime: string, ...flags: string[]): Promise<string[]> => {
    await using bundle = new Bundle(runtime);
    mkdirSync(join(bundle.directory, "new"));
    await bundle.call("spec", "--bundle", join(bundle.directory, "new"), ...flags);
    const text = readFileSync(join(bundle.directory, "new", "config.json"), "utf8");
    return [...new Set(keysOf(JSON.parse(text)))].sort();
  };
  for (const flags of [[], ["--rootless"]]) {
    const theirs = await written(runc, ...flags);
    // Ambient capabilities have no effect without inheritable ones, which are not there.
    const expected = theirs.filter((key) => key !== ".process.capabilities.ambient");
    expect(await written(ours, ...flags)).toEqual(expected);
  }
});
