/** An ordinary user on a host of cgroup v2 alone, with a group that was handed to it (run by test/vm). */
import { describe, expect, test } from "bun:test";
import {
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  writeFileSync,
} from "node:fs";
import type { RuntimeSpec } from "../../src/oci/mod.ts";
import { Bundle, shell } from "./bundle.ts";
import { runtimes } from "./runtimes.ts";

const top = "/sys/fs/cgroup";
const runtime = runtimes.find(({ name }) => name === "tiffin")?.path ?? "";
const controllers = existsSync(`${top}/cgroup.controllers`)
  ? readFileSync(`${top}/cgroup.controllers`, "utf8")
  : "";
const possible =
  runtime !== "" && process.geteuid?.() === 0 && controllers.includes("pids") && existsSync("/bin/busybox");
const user = 1000;
const account = /^([^:\n]+):[^:\n]*:1000:/m.exec(readFileSync("/etc/passwd", "utf8"))?.[1];

/** In a user namespace of the user's own id, with the group shown at its place. */
function spec(script: string, cgroupsPath?: string): RuntimeSpec {
  const base = shell(script);
  const mapping = [{ containerID: 0, hostID: user, size: 1 }];
  const mounts = (base.mounts ?? []).map((mount) => ({
    ...mount,
    options: (mount.options ?? []).filter((option) => option !== "gid=5"),
  }));
  return {
    ...base,
    mounts: [...mounts, { destination: "/sys/fs/cgroup", type: "cgroup", source: "cgroup", options: ["ro"] }],
    linux: {
      namespaces: [...(base.linux?.namespaces ?? []), { type: "cgroup" }, { type: "user" }],
      uidMappings: mapping,
      gidMappings: mapping,
      ...(cgroupsPath !== undefined && { cgroupsPath }),
      resources: {
        pids: { limit: 30 },
        memory: { limit: 100_000_000 },
        devices: [{ allow: false, access: "rwm" }],
      },
    },
  };
}

describe.skipIf(!possible)("cgroup v2 alone (skipped where controllers are in v1)", () => {
  test.skipIf(account === undefined)(
    "an ordinary user's container is limited in a group below one that was handed over",
    async () => {
      await using bundle = new Bundle(runtime);
      const parent = `/${bundle.id}-user`;
      // A group with members hands on no controllers, so the caller sits in one of its own.
      const caller = `${top}${parent}/caller`;
      mkdirSync(caller, { recursive: true });
      for (const name of [
        "",
        "/cgroup.procs",
        "/cgroup.subtree_control",
        "/caller",
        "/caller/cgroup.procs",
      ]) {
        chownSync(`${top}${parent}${name}`, user, user);
      }
      try {
        mkdirSync(bundle.root);
        Bun.spawnSync(["chown", "-R", `${user}:${user}`, bundle.path, bundle.root]);
        const script = "cat /sys/fs/cgroup/pids.max /sys/fs/cgroup/memory.max /proc/self/cgroup";
        const words = [runtime, "--root", `${bundle.root}/state`, "run", "--bundle", bundle.path, bundle.id];
        // su of busybox takes the flags of what it runs for its own.
        writeFileSync(`${bundle.directory}/command`, `exec ${words.join(" ")}\n`);
        const become = `exec busybox su -s /bin/sh ${account} -c 'exec sh ${bundle.directory}/command'`;
        // A path of its own, and the place beside the caller's where none is given.
        for (const path of [`${parent}/one`, undefined]) {
          bundle.configure(spec(script, path));
          const child = Bun.spawn(["sh", "-c", `echo $$ > ${caller}/cgroup.procs; ${become}`], {
            stdin: "ignore",
            stdout: "pipe",
            stderr: "pipe",
          });
          const [stdout, stderr] = await Promise.all([
            new Response(child.stdout).text(),
            new Response(child.stderr).text(),
          ]);
          const code = await child.exited;
          expect({ code, stdout, stderr }).toEqual({ code: 0, stdout: "30\n99999744\n0::/\n", stderr: "" });
        }
        expect(
          readdirSync(`${top}${parent}`, { withFileTypes: true }).filter((each) => each.isDirectory()),
        ).toHaveLength(1);
      } finally {
        for (const path of [caller, `${top}${parent}`]) rmdirSync(path);
      }
    },
  );

  test("a parent that hands on no controllers is made to", async () => {
    await using bundle = new Bundle(runtime);
    const parent = `${top}/${bundle.id}-parent`;
    mkdirSync(parent);
    try {
      const base = shell("true");
      const resources = { pids: { limit: 30 }, cpu: { cpus: "0" } };
      const linux = { ...base.linux, cgroupsPath: `/${bundle.id}-parent/one`, resources };
      const told = await bundle.run({ ...base, linux });
      expect(told).toEqual({ code: 0, stdout: "", stderr: "" });
    } finally {
      rmdirSync(parent);
    }
  });
});
