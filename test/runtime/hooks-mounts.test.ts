/** Hooks of the creation and mounts: what they see at the root's own path, and what they leave there. */
import { expect } from "bun:test";
import { existsSync, mkdirSync, readdirSync, readlinkSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { OciHook } from "../../src/oci/mod.ts";
import { type Bundle, shell, specOf } from "./bundle.ts";
import { eachOfOurs, eachRuntime } from "./runtimes.ts";

function hostShell(script: string): OciHook {
  return { path: "/bin/sh", args: ["sh", "-c", script], env: ["PATH=/usr/sbin:/usr/bin:/sbin:/bin"] };
}

/** As hooks of devices do it: in the namespace of the container, at the path that the configuration has. */
function bindInContainer(from: string, to: string): OciHook {
  const pid = `pid=$(sed 's/.*"pid": *\\([0-9]*\\).*/\\1/' | tr -d '\\n')`;
  return hostShell(`${pid}; nsenter -t "$pid" -m mount --bind ${from} ${to}`);
}

function places(bundle: Bundle): { readonly from: string; readonly to: string } {
  const from = join(bundle.directory, "given");
  writeFileSync(from, "from the hook\n");
  mkdirSync(join(bundle.rootfs, "lib"), { recursive: true });
  const to = join(bundle.rootfs, "lib", "given");
  writeFileSync(to, "");
  return { from, to };
}

for (const kind of ["prestart", "createRuntime"] as const) {
  eachRuntime(`what a ${kind} hook mounts below the root's path is in the container`, async (bundle) => {
    const { from, to } = places(bundle);
    const spec = { ...shell("cat /lib/given"), hooks: { [kind]: [bindInContainer(from, to)] } };
    expect(await bundle.run(spec)).toMatchObject({ stdout: "from the hook\n", code: 0 });
  });
}

eachRuntime(
  "what a createContainer hook mounts below the root's path is in the container",
  async (bundle) => {
    const { from, to } = places(bundle);
    const hooks = { createContainer: [hostShell(`mount --bind ${from} ${to}`)] };
    const ran = await bundle.run({ ...shell("cat /lib/given"), hooks });
    expect(ran).toMatchObject({ stdout: "from the hook\n", code: 0 });
  },
);

eachRuntime("a createContainer hook sees the mounts of the configuration below root.path", async (bundle) => {
  const seen = join(bundle.directory, "seen");
  const script = `awk '{ print $5 }' /proc/self/mountinfo > ${seen}; cat ${bundle.rootfs}/data/file >> ${seen}`;
  const source = join(bundle.directory, "data");
  mkdirSync(source);
  writeFileSync(join(source, "file"), "configured\n");
  const spec = specOf(["/bin/true"]);
  const mounts = [...(spec.mounts ?? []), { destination: "/data", type: "bind", source, options: ["rbind"] }];
  const hooks = { createContainer: [hostShell(script)] };
  expect(await bundle.run({ ...spec, mounts, hooks })).toMatchObject({ code: 0 });
  const lines = bundle.read("seen").split("\n");
  for (const path of ["", "/proc", "/dev", "/dev/pts", "/sys", "/data"]) {
    expect(lines).toContain(`${bundle.rootfs}${path}`);
  }
  expect(lines).toContain("configured");
});

eachRuntime("a hook's /dev is the host's, whatever the image has there", async (bundle) => {
  const victim = join(bundle.directory, "victim");
  writeFileSync(victim, "");
  symlinkSync(victim, join(bundle.rootfs, "null"));
  const check = hostShell("echo x > /dev/null; [ -c /dev/null ] && [ -c /dev/urandom ]");
  const hooks = { prestart: [check], createRuntime: [check], createContainer: [check] };
  expect(await bundle.run({ ...specOf(["/bin/true"]), hooks })).toMatchObject({ code: 0 });
  expect(bundle.read("victim")).toBe("");
});

eachRuntime("hooks see the root at its path with a user namespace as well", async (bundle) => {
  const { from, to } = places(bundle);
  const spec = shell("cat /lib/given");
  const mapping = [{ containerID: 0, hostID: 0, size: 65536 }];
  const linux = {
    ...spec.linux,
    namespaces: [...(spec.linux?.namespaces ?? []), { type: "user" as const }],
    uidMappings: mapping,
    gidMappings: mapping,
  };
  const hooks = { createRuntime: [bindInContainer(from, to)] };
  const ran = await bundle.run({ ...spec, linux, hooks });
  expect(ran).toMatchObject({ stdout: "from the hook\n", code: 0 });
});

eachOfOurs(
  "between create and start the process holds nothing that leads out of its root",
  async (bundle) => {
    await bundle.create(specOf(["/bin/sleep", "1000"]));
    const { pid } = await bundle.state();
    const held = readdirSync(`/proc/${pid}/fd`).flatMap((fd) => {
      const path = `/proc/${pid}/fd/${fd}`;
      return existsSync(path) || Number(fd) > 2 ? [[Number(fd), readlinkSync(path)] as const] : [];
    });
    const others = held.filter(([fd]) => fd > 2).map(([, target]) => target);
    expect(others.filter((target) => !target.startsWith("socket:"))).toEqual([]);
  },
);

eachOfOurs("the host's own root as root.path lets go of everything else of the host", async (bundle) => {
  const spec = specOf(["/bin/sh", "-c", "grep -c ' / / ' /proc/self/mountinfo"]);
  const link = join(bundle.directory, "top");
  symlinkSync("/", link);
  for (const path of ["/", link]) {
    const ran = await bundle.run({ ...spec, root: { path } });
    expect(ran).toMatchObject({ stdout: "1\n", code: 0 });
  }
});
