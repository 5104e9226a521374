/** Scopes of an ordinary user's own systemd. On the machine of test/vm that systemd has booted with cgroup v2 alone. */
import { expect, test } from "bun:test";
import { chownSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { RuntimeSpec } from "../../src/oci/mod.ts";
import { until } from "../support/until.ts";
import { Bundle, specOf } from "./bundle.ts";
import { runtimes } from "./runtimes.ts";

const runtime = runtimes.find(({ label }) => label === "tiffin")?.path ?? "";
const possible =
  runtime !== "" && process.env["TIFFIN_VM_INIT"] === "systemd" && existsSync("/lib/systemd/systemd");
const user = 1000;
const directory = `/run/user/${user}`;
const top = "/sys/fs/cgroup";

/** Groups that were handed to the user: one for its systemd, and beside it one for callers. */
function handOver(name: string): { readonly manager: string; readonly caller: string } {
  const [parent, manager, caller] = [`/${name}`, `/${name}/manager`, `/${name}/caller`] as const;
  for (const group of [parent, manager, caller]) {
    mkdirSync(`${top}${group}`);
    for (const file of ["", "/cgroup.procs", "/cgroup.subtree_control"])
      chownSync(`${top}${group}${file}`, user, user);
  }
  // The machine's systemd turns those off that its own units do not need.
  for (const above of ["", parent]) {
    writeFileSync(`${top}${above}/cgroup.subtree_control`, "+cpu +io +memory +pids");
  }
  return { manager, caller };
}

/** Words that run a shell line as the user, in a group. */
function asUser(group: string, file: string, line: string): string[] {
  const account = /^([^:\n]+):[^:\n]*:1000:/m.exec(readFileSync("/etc/passwd", "utf8"))?.[1] ?? "";
  writeFileSync(file, `export XDG_RUNTIME_DIR=${directory} HOME=${directory}; ${line}\n`);
  // su of busybox takes the flags of what it runs for its own.
  const become = `exec busybox su -s /bin/sh ${account} -c 'exec sh ${file}'`;
  return ["sh", "-c", `echo $$ > ${top}${group}/cgroup.procs; ${become}`];
}

/** A user's systemd without a session: it has no bus but its own socket. */
async function startManager(group: string, file: string): Promise<Bun.Subprocess> {
  for (const path of [directory, "/run/systemd/user"]) mkdirSync(path, { recursive: true, mode: 0o755 });
  chownSync(directory, user, user);
  writeFileSync("/run/systemd/user/quiet.target", "[Unit]\nDefaultDependencies=no\n");
  const line = "exec /lib/systemd/systemd --user --unit=quiet.target";
  const streams = { stdin: "ignore", stdout: "ignore", stderr: Bun.file(`${file}.log`) } as const;
  const manager = Bun.spawn(asUser(group, file, line), streams);
  const isReady = (): boolean => existsSync(`${directory}/systemd/private`) || manager.exitCode !== null;
  await until("the user's systemd listens", isReady);
  if (manager.exitCode !== null) throw new Error(`systemd --user: ${readFileSync(`${file}.log`, "utf8")}`);
  return manager;
}

function spec(bundle: Bundle): RuntimeSpec {
  const base = specOf(["/bin/sleep", "1000"]);
  const mapping = [{ containerID: 0, hostID: user, size: 1 }];
  return {
    ...base,
    mounts: (base.mounts ?? []).map((mount) => ({
      ...mount,
      options: (mount.options ?? []).filter((option) => option !== "gid=5"),
    })),
    linux: {
      namespaces: [...(base.linux?.namespaces ?? []), { type: "user" }],
      uidMappings: mapping,
      gidMappings: mapping,
      cgroupsPath: `:pre:${bundle.id}`,
      resources: { pids: { limit: 30 }, memory: { limit: 100 * 2 ** 20 } },
    },
  };
}

test.skipIf(!possible)(
  "an ordinary user's container is a scope of its own systemd (skipped without one)",
  async () => {
    await using bundle = new Bundle(runtime);
    const { manager, caller } = handOver(`user-of-${bundle.id}`);
    const systemd = await startManager(manager, join(bundle.directory, "systemd"));
    try {
      mkdirSync(bundle.root);
      bundle.configure(spec(bundle));
      Bun.spawnSync(["chown", "-R", `${user}:${user}`, bundle.path, bundle.root]);
      const [out, err] = [join(bundle.directory, "out"), join(bundle.directory, "err")];
      const call = async (...words: readonly string[]): Promise<{ code: number; text: string }> => {
        for (const file of [out, err]) writeFileSync(file, "");
        const program = [runtime, "--root", join(bundle.root, "state"), "--systemd-cgroup", ...words].join(
          " ",
        );
        const line = `cd ${bundle.path}; exec ${program}`;
        const streams = { stdin: "ignore", stdout: Bun.file(out), stderr: Bun.file(err) } as const;
        const child = Bun.spawn(asUser(caller, join(bundle.directory, "command"), line), streams);
        const code = await child.exited;
        return { code, text: readFileSync(out, "utf8") + readFileSync(err, "utf8") };
      };
      const done = { code: 0, text: "" };
      expect(await call("create", bundle.id)).toEqual(done);
      expect(await call("start", bundle.id)).toEqual(done);
      const scope = `${manager}/user.slice/pre-${bundle.id}.scope`;
      const limit = (file: string): string => readFileSync(`${top}${scope}/${file}`, "utf8").trim();
      expect([limit("pids.max"), limit("memory.max")]).toEqual(["30", String(100 * 2 ** 20)]);
      expect(await call("update", "--pids-limit", "40", bundle.id)).toEqual(done);
      expect(limit("pids.max")).toBe("40");
      const told = await call("exec", bundle.id, "/bin/cat", "/proc/self/cgroup");
      expect(told).toEqual({ code: 0, text: `0::${scope}\n` });
      expect(await call("delete", "--force", bundle.id)).toEqual(done);
      expect(existsSync(`${top}${scope}`)).toBe(false);
    } finally {
      systemd.kill("SIGKILL");
      await systemd.exited;
    }
  },
);
