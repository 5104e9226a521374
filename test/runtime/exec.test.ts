/** `exec` beyond the ordinary: sub-groups, additional groups, descriptors, a container with a user namespace. */
import { expect } from "bun:test";
import { existsSync, mkdirSync, rmdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { OciProcess } from "../../src/oci/mod.ts";
import type { Outcome } from "../support/outcome.ts";
import { type Bundle, specOf } from "./bundle.ts";
import { eachRuntime } from "./runtimes.ts";

const top = "/sys/fs/cgroup";
const hierarchies = ["cpu", "cpuacct", "memory", "pids", "devices", "blkio", "freezer", "unified", "systemd"];

/** A running container whose groups have one below them, `sub`. The result takes that away. */
async function withSubgroups(bundle: Bundle, among: readonly string[]): Promise<Disposable> {
  const base = specOf(["/bin/sleep", "1000"]);
  bundle.configure({ ...base, linux: { ...base.linux, cgroupsPath: `/${bundle.id}` } });
  expect((await bundle.detached("run", "--detach", bundle.id)).code).toBe(0);
  const made = among
    .map((name) => `${top}/${name}/${bundle.id}`)
    .filter((path) => existsSync(path))
    .map((path) => `${path}/sub`);
  for (const path of made) mkdirSync(path);
  return {
    [Symbol.dispose]: () => {
      for (const path of made) rmdirSync(path);
    },
  };
}

/** The exec's group in the hierarchy of `controller`. */
async function groupOf(bundle: Bundle, controller: string, ...flags: readonly string[]): Promise<string> {
  const told = await bundle.call("exec", ...flags, bundle.id, "/bin/cat", "/proc/self/cgroup");
  expect(told.code).toBe(0);
  const line = told.stdout.split("\n").find((each) => each.split(":")[1] === controller);
  return line?.split(":")[2] ?? "";
}

const path = "1.8 takes one path for all hierarchies, from their tops";

eachRuntime(
  "exec --cgroup: a group below the container's, in every hierarchy that has it",
  async (bundle) => {
    using _groups = await withSubgroups(bundle, hierarchies);
    expect(await groupOf(bundle, "pids", "--cgroup", "sub")).toBe(`/${bundle.id}/sub`);
    expect(await groupOf(bundle, "memory", "--cgroup", "/sub")).toBe(`/${bundle.id}/sub`);
    expect(await groupOf(bundle, "pids")).toBe(`/${bundle.id}`);
  },
  { except: { crun: path, runc: "1.1 wants the group in every hierarchy, also in a cpuset that is empty" } },
);

eachRuntime(
  "exec --cgroup: single controllers",
  async (bundle) => {
    using _groups = await withSubgroups(bundle, ["pids", "memory"]);
    const flags = ["--cgroup", "pids,memory:sub"];
    expect(await groupOf(bundle, "pids", ...flags)).toBe(`/${bundle.id}/sub`);
    expect(await groupOf(bundle, "memory", ...flags)).toBe(`/${bundle.id}/sub`);
    expect(await groupOf(bundle, "cpu", ...flags)).toBe(`/${bundle.id}`);
  },
  { except: { crun: path } },
);

eachRuntime(
  "exec --cgroup: what is not below the container's group is refused",
  async (bundle) => {
    using _groups = await withSubgroups(bundle, []);
    for (const word of ["../..", "pids:../x", "nothing:sub", "pids:a:b"]) {
      const told = await bundle.call("exec", "--cgroup", word, bundle.id, "/bin/true");
      expect({ word, code: told.code }).toEqual({ word, code: 255 });
    }
  },
  { except: { crun: path } },
);

eachRuntime(
  "exec: additional groups",
  async (bundle) => {
    const base = specOf(["/bin/sleep", "1000"]);
    await bundle.create(base);
    await bundle.start();
    const flags = ["--user", "5:6", "--additional-gids", "7", "--additional-gids", "8"];
    const { stdout } = await bundle.call("exec", ...flags, bundle.id, "/bin/id", "-G");
    expect(stdout).toBe("6 7 8\n");
  },
  { except: { crun: "1.8 has no such flag" } },
);

eachRuntime("exec into a container with a user namespace: its root, its users, its ids", async (bundle) => {
  const base = specOf(["/bin/sleep", "1000"]);
  const mapping = [{ containerID: 0, hostID: 500_000, size: 1000 }];
  const types = [...(base.linux?.namespaces ?? []), { type: "user" } as const];
  const linux = { ...base.linux, namespaces: types, uidMappings: mapping, gidMappings: mapping };
  await bundle.create({ ...base, linux });
  await bundle.start();
  const exec = (...words: readonly string[]): Promise<Outcome> => bundle.call("exec", ...words);
  const script = "id -u; cat /proc/self/uid_map; echo > /dev/null && echo device";
  const { stdout } = await exec(bundle.id, "/bin/sh", "-c", script);
  expect(stdout.replaceAll(/ +/g, " ")).toBe("0\n 0 500000 1000\ndevice\n");
  expect((await exec("--user", "7:8", bundle.id, "/bin/id", "-u")).stdout).toBe("7\n");
  expect((await exec("--user", "1000:8", bundle.id, "/bin/true")).code).not.toBe(0);
});

eachRuntime("exec --preserve-fds: the named descriptors and no others", async (bundle) => {
  await bundle.create(specOf(["/bin/sleep", "1000"]));
  await bundle.start();
  const words = [bundle.runtime, "--root", bundle.root, "exec", "--preserve-fds", "2", bundle.id];
  const script = `exec 3</dev/zero 4</dev/null 5</etc/passwd; exec "$@" /bin/sh -c 'head -c 3 <&3 | wc -c; cat <&4; (cat <&5) 2>/dev/null || echo closed'`;
  const child = Bun.spawn(["sh", "-c", script, "sh", ...words], {
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  expect(await new Response(child.stdout).text()).toBe("3\nclosed\n");
  expect(await child.exited).toBe(0);
});

eachRuntime(
  "exec --process: capabilities that the document leaves out are the container's",
  async (bundle) => {
    await bundle.create(specOf(["/bin/sleep", "1000"]));
    await bundle.start();
    const file = join(bundle.directory, "process.json");
    const bounding = async (more: Partial<OciProcess>): Promise<string> => {
      const args = ["/bin/busybox", "grep", "CapBnd", "/proc/self/status"];
      writeFileSync(file, JSON.stringify({ user: { uid: 0, gid: 0 }, cwd: "/", args, ...more }));
      return (await bundle.call("exec", "--process", file, bundle.id)).stdout;
    };
    // KILL, CHOWN, SETUID, SETGID, SETPCAP: what bundles here have.
    expect(await bounding({})).toBe("CapBnd:\t00000000000001e1\n");
    expect(await bounding({ capabilities: {} })).toBe("CapBnd:\t0000000000000000\n");
  },
);

eachRuntime(
  "exec: a variable replaces the container's, and an empty flag is none",
  async (bundle) => {
    await bundle.create(specOf(["/bin/sleep", "1000"], { cwd: "/srv", env: ["PATH=/bin", "A=1"] }));
    await bundle.start();
    const told = await bundle.call("exec", "--env", "A=2", bundle.id, "/bin/busybox", "env");
    expect(told.stdout.split("\n").filter((line) => line.startsWith("A="))).toEqual(["A=2"]);
    const empty = ["--cwd", "", "--user", "", "--process", "", "--apparmor", "", "--process-label", ""];
    expect((await bundle.call("exec", ...empty, bundle.id, "/bin/busybox", "pwd")).stdout).toBe("/srv\n");
    expect((await bundle.call("exec", "--user", "1:2:3", bundle.id, "/bin/true")).code).not.toBe(0);
  },
  { except: { crun: "1.8 gives an exec with --env no other variables, and takes empty values for values" } },
);

eachRuntime(
  "exec --cap: ambient too where the configuration has it inheritable, and only there",
  async (bundle) => {
    const base = specOf(["/bin/sleep", "1000"]);
    const sets = ["CAP_KILL", "CAP_CHOWN"];
    const capabilities = { bounding: sets, effective: sets, permitted: sets, inheritable: ["CAP_CHOWN"] };
    bundle.configure({ ...base, process: { ...base.process, capabilities } });
    expect((await bundle.detached("run", "--detach", bundle.id)).code).toBe(0);
    const ambient = async (capability: string): Promise<string | undefined> => {
      const flags = ["--user", "1000", "--cap", capability];
      const told = await bundle.call("exec", ...flags, bundle.id, "/bin/cat", "/proc/self/status");
      return /^CapAmb:\t([0-9a-f]+)$/m.exec(told.stdout)?.[1];
    };
    expect(await ambient("CAP_CHOWN")).toBe("0000000000000001");
    expect(await ambient("CAP_KILL")).toBe("0000000000000000");
  },
  { except: { crun: "1.8 replaces the sets by the named capabilities, without inheritable" } },
);

eachRuntime("a user without a group has the group 0", async (bundle) => {
  const base = specOf(["/bin/busybox", "id", "-g"]);
  bundle.configure({ ...base, process: { ...base.process, user: { uid: 1000 } } });
  const told = await bundle.call("run", bundle.id);
  expect({ code: told.code, stdout: told.stdout }).toEqual({ code: 0, stdout: "0\n" });
});
