/** Whose a container's cgroup v2 group is. Runs where cgroup v2 is alone; the virtual machine of test/vm has that. */
import { expect } from "bun:test";
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import type { LinuxSpec, OciNamespaceType, RuntimeSpec } from "../../src/oci/mod.ts";
import { specOf } from "./bundle.ts";
import { eachRuntime } from "./runtimes.ts";

const isUnified = existsSync("/sys/fs/cgroup/cgroup.controllers");
const impossible = isUnified ? undefined : "the machine has version 1";
const always: readonly OciNamespaceType[] = ["pid", "mount", "uts", "ipc", "network"];
const cgroupMount = { destination: "/sys/fs/cgroup", type: "cgroup", source: "cgroup" } as const;

function withLinux(spec: RuntimeSpec, more: Partial<LinuxSpec>): RuntimeSpec {
  return { ...spec, linux: { ...spec.linux, ...more } };
}

eachRuntime(
  "under cgroup v2 a writable view of its own group belongs to the container's user, and nothing more",
  async (bundle) => {
    const place = join("/sys/fs/cgroup", bundle.id);
    const ownedBy = async (
      options: readonly string[],
      types: readonly OciNamespaceType[],
    ): Promise<string[]> => {
      const spec = withLinux(specOf(["/bin/sleep", "1000"], { user: { uid: 1000, gid: 1000 } }), {
        namespaces: types.map((type) => ({ type })),
        cgroupsPath: `/${bundle.id}`,
      });
      await bundle.create({ ...spec, mounts: [...(spec.mounts ?? []), { ...cgroupMount, options }] });
      const owners = readdirSync(place).filter((name) => statSync(join(place, name)).uid === 1000);
      if (statSync(place).uid === 1000) owners.push(".");
      await bundle.call("delete", "--force", bundle.id);
      return owners;
    };
    const own = [...always, "cgroup"] as const;
    const listed = readFileSync("/sys/kernel/cgroup/delegate", "utf8").trim().split("\n");
    const given = await ownedBy(["rw"], own);
    expect(given).toEqual(expect.arrayContaining([".", "cgroup.procs", "cgroup.threads"]));
    expect(given.filter((name) => name !== "." && !listed.includes(name))).toEqual([]);
    expect(await ownedBy(["ro"], own)).toEqual([]);
    expect(await ownedBy(["rw"], always)).toEqual([]);
  },
  { impossible, except: { crun: "1.8 gives it to the root of a user namespace alone" } },
);
