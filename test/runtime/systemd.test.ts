/**
 * The systemd driver. The cases need a running systemd, which the machines of test/vm have: version 2 with every
 * controller, and version 1 beside it. Anywhere else, what is tested is the error that says so.
 */
import { expect, test } from "bun:test";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { LinuxSpec, RuntimeSpec } from "../../src/oci/mod.ts";
import { pause, until } from "../support/until.ts";
import { type Bundle, shell, specOf } from "./bundle.ts";
import { criuProblem } from "./criu.ts";
import { eachRuntime, runtimes } from "./runtimes.ts";

const booted = existsSync("/run/systemd/system");
const unified = existsSync("/sys/fs/cgroup/cgroup.controllers");
const options = {
  globals: ["--systemd-cgroup"],
  // Version 1 is proven on other machines.
  isProvenHere: unified,
  impossible: booted ? undefined : "systemd does not run on this machine",
} as const;

function sleeper(
  bundle: Bundle,
  linux: Partial<LinuxSpec> = {},
  more: Partial<RuntimeSpec> = {},
): RuntimeSpec {
  const spec = specOf(["/bin/sleep", "1000"]);
  const cgroupsPath = `tiffintest-a.slice:pre:${bundle.id}`;
  return { ...spec, ...more, linux: { ...spec.linux, cgroupsPath, ...linux } };
}

function show(unit: string, name: string): string {
  return Bun.spawnSync(["systemctl", "show", "--value", "-p", name, unit]).stdout.toString().trim();
}

const scopeOf = (bundle: Bundle): string => `pre-${bundle.id}.scope`;
const directoryOf = (bundle: Bundle): string => `/tiffintest.slice/tiffintest-a.slice/${scopeOf(bundle)}`;

/** A file of the container's group; `legacy` names it on version 1. crun has a group of its own inside of the scope. */
function limit(bundle: Bundle, file: string, legacy: string): string {
  const below = bundle.runtime.endsWith("crun") && unified ? "/container" : "";
  const top = unified ? `/sys/fs/cgroup${directoryOf(bundle)}` : "";
  const [controller = "", name = ""] = legacy.split("/");
  if (!unified)
    return readFileSync(`/sys/fs/cgroup/${controller}${directoryOf(bundle)}/${name}`, "utf8").trim();
  const inner = `${top}${below}/${file}`;
  const path = existsSync(inner) && readFileSync(inner, "utf8").trim() !== "max" ? inner : `${top}/${file}`;
  return readFileSync(path, "utf8").trim();
}

/** Directories of the scope that still exist, in any hierarchy. */
function groupsLeft(bundle: Bundle): string[] {
  const tops = unified ? [""] : readdirSync("/sys/fs/cgroup").map((name) => `/${name}`);
  return tops.filter((top) => existsSync(`/sys/fs/cgroup${top}${directoryOf(bundle)}`));
}

async function groupsOfMain(bundle: Bundle): Promise<string> {
  return readFileSync(`/proc/${(await bundle.state())["pid"]}/cgroup`, "utf8");
}

eachRuntime(
  "a scope in its slice: exec joins it, pause, delete takes it away",
  async (bundle) => {
    const created = await bundle.create(sleeper(bundle));
    expect({ code: created.code, stderr: created.stderr }).toEqual({ code: 0, stderr: "" });
    expect((await bundle.start()).code).toBe(0);
    const unit = scopeOf(bundle);
    const properties = ["ActiveState", "Slice", "Delegate"].map((name) => show(unit, name));
    expect(properties).toEqual(["active", "tiffintest-a.slice", "yes"]);
    const groups = await groupsOfMain(bundle);
    expect(groups).toContain(directoryOf(bundle));
    const told = await bundle.call("exec", bundle.id, "/bin/sh", "-c", "cat /proc/self/cgroup");
    expect(told.stdout).toBe(groups);
    expect((await bundle.call("pause", bundle.id)).code).toBe(0);
    expect(await bundle.status()).toBe("paused");
    expect((await bundle.call("resume", bundle.id)).code).toBe(0);
    expect((await bundle.call("delete", "--force", bundle.id)).stderr).toBe("");
    expect(show(unit, "LoadState")).toBe("not-found");
    expect(groupsLeft(bundle)).toEqual([]);
  },
  unified
    ? options
    : { ...options, except: { crun: "1.8: an exec stays in the caller's group of name=systemd" } },
);

eachRuntime(
  "limits are properties as well as files: update changes both, and a reload of systemd changes neither",
  async (bundle) => {
    const resources = {
      devices: [
        { allow: false, access: "rwm" },
        { allow: true, type: "c", major: 10, minor: 200, access: "rw" },
      ],
      memory: { limit: 64 << 20 },
      cpu: { quota: 50_000, period: 100_000, shares: 512, cpus: "0" },
      pids: { limit: 50 },
      // Version 1 has a weight only while a certain scheduler is loaded.
      ...(unified && { blockIO: { weight: 200 } }),
    } as const;
    const created = await bundle.create(sleeper(bundle, { resources }));
    expect({ code: created.code, stderr: created.stderr }).toEqual({ code: 0, stderr: "" });
    await bundle.start();
    const unit = scopeOf(bundle);
    const values = (): unknown => ({
      memory: limit(bundle, "memory.max", "memory/memory.limit_in_bytes"),
      memoryProperty: show(unit, unified ? "MemoryMax" : "MemoryLimit"),
      tasks: limit(bundle, "pids.max", "pids/pids.max"),
      tasksProperty: show(unit, "TasksMax"),
      quota: show(unit, "CPUQuotaPerSecUSec"),
      share: limit(bundle, "cpu.weight", "cpu/cpu.shares"),
      cpus: limit(bundle, "cpuset.cpus", "cpuset/cpuset.cpus"),
    });
    const told = {
      memory: String(64 << 20),
      memoryProperty: String(64 << 20),
      tasks: "50",
      tasksProperty: "50",
      quota: "500ms",
      share: unified ? "59" : "512",
      cpus: "0",
    };
    expect(values()).toEqual(told);
    const refusal =
      "head -c 1 /dev/zero | wc -c; mknod /x b 7 0; head -c 1 /x 2>&1 | grep -c 'not permitted'; rm /x";
    const looked = ["exec", "--cap", "CAP_MKNOD", bundle.id, "/bin/busybox", "sh", "-c", refusal];
    Bun.spawnSync(["systemctl", "daemon-reload"]);
    expect(values()).toEqual(told);
    expect((await bundle.call(...looked)).stdout).toBe("1\n1\n");
    const cpu = ["--cpu-quota", "20000", "--cpu-period", "100000"];
    const update = ["update", "--memory", String(96 << 20), "--pids-limit", "70", ...cpu, bundle.id];
    expect((await bundle.call(...update)).code).toBe(0);
    Bun.spawnSync(["systemctl", "daemon-reload"]);
    expect(values()).toEqual({
      ...told,
      memory: String(96 << 20),
      memoryProperty: String(96 << 20),
      tasks: "70",
      tasksProperty: "70",
      quota: "200ms",
    });
    expect((await bundle.call(...looked)).stdout).toBe("1\n1\n");
  },
  {
    ...options,
    except: { crun: "1.8 does not tell systemd about limits", runc: "1.1 not about all of them" },
  },
);

eachRuntime(
  "run: a scope without a path, the group's own namespace; nothing is left",
  async (bundle) => {
    const spec = shell("cat /proc/self/cgroup | cut -d: -f3 | sort -u; echo $$");
    const namespaces = [...(spec.linux?.namespaces ?? []), { type: "cgroup" as const }];
    const resources = { pids: { limit: 20 } };
    const { stdout, stderr } = await bundle.run({ ...spec, linux: { ...spec.linux, namespaces, resources } });
    expect(stderr).toBe("");
    // Hierarchies in which it has no group show the host's way up.
    expect(stdout).toContain("/\n1\n");
    const units = Bun.spawnSync([
      "systemctl",
      "list-units",
      "--all",
      "--plain",
      "--no-legend",
      `*${bundle.id}*`,
    ]);
    expect(units.stdout.toString()).toBe("");
  },
  options,
);

eachRuntime(
  "a limit of one process leaves room for the program",
  async (bundle) => {
    const spec = specOf(["/bin/true"]);
    const linux = { ...spec.linux, cgroupsPath: `:pre:${bundle.id}`, resources: { pids: { limit: 1 } } };
    expect(await bundle.run({ ...spec, linux })).toEqual({ code: 0, stdout: "", stderr: "" });
  },
  { ...options, except: { crun: "1.8 forks once more inside of the scope", runc: "its threads count" } },
);

eachRuntime(
  "annotations are properties of the scope",
  async (bundle) => {
    const annotations = {
      "org.systemd.property.SendSIGHUP": "true",
      "org.systemd.property.TimeoutStopSec": "uint64 7",
    };
    expect((await bundle.create(sleeper(bundle, {}, { annotations }))).code).toBe(0);
    const unit = scopeOf(bundle);
    expect([show(unit, "SendSIGHUP"), show(unit, "TimeoutStopUSec")]).toEqual(["yes", "7s"]);
    await bundle.call("delete", "--force", bundle.id);
    const wrong = { "org.systemd.property.TimeoutStopSec": "soon" };
    const refused = await bundle.create(sleeper(bundle, {}, { annotations: wrong }));
    expect(refused.code).toBe(1);
    expect(show(unit, "LoadState")).toBe("not-found");
  },
  options,
);

eachRuntime(
  "a creation that fails leaves no scope, and neither does a runtime that is killed",
  async (bundle) => {
    const unit = scopeOf(bundle);
    const missing = sleeper(bundle);
    const process = { ...specOf(["/bin/no-such-program"]).process, cwd: "/" };
    expect(
      (await bundle.create({ ...missing, process: { ...process, user: { uid: 0, gid: 0 } } })).code,
    ).toBe(1);
    await until("the scope is gone", () => show(unit, "LoadState") === "not-found");
    bundle.configure(missing);
    for (const pauseMs of [30, 120, 250, 400, 700]) {
      const child = Bun.spawn(
        [bundle.runtime, "--root", bundle.root, "--systemd-cgroup", "create", bundle.id],
        {
          cwd: bundle.path,
          stdin: "ignore",
          stdout: "ignore",
          stderr: "ignore",
        },
      );
      await pause(pauseMs, "the caller dies at another moment in each turn");
      child.kill(9);
      await child.exited;
      expect((await bundle.call("delete", "--force", bundle.id)).code).toBe(0);
      await until("the scope is gone", () => show(unit, "LoadState") === "not-found");
      expect((await bundle.call("state", bundle.id)).code).toBe(1);
    }
  },
  { ...options, except: { crun: "1.8 cannot delete what it had not finished", runc: "1.1 cannot either" } },
);

eachRuntime(
  "a container whose processes were killed from outside is stopped and can be deleted",
  async (bundle) => {
    await bundle.create(sleeper(bundle));
    await bundle.start();
    process.kill(Number((await bundle.state())["pid"]), "SIGKILL");
    await until("it has stopped", async () => (await bundle.status()) === "stopped");
    expect((await bundle.call("delete", bundle.id)).code).toBe(0);
    expect(show(scopeOf(bundle), "LoadState")).toBe("not-found");
  },
  options,
);

eachRuntime(
  "a path that is not slice:prefix:name, a taken unit: refused, and what has the name is left alone",
  async (bundle) => {
    const refusal = await bundle.create(sleeper(bundle, { cgroupsPath: "/a/b" }));
    expect(refusal.code).toBe(1);
    expect(refusal.stderr).toContain("slice:prefix:name");
    const unit = scopeOf(bundle);
    const holder = Bun.spawn(["sleep", "1000"]);
    const call = [
      "busctl",
      "call",
      "org.freedesktop.systemd1",
      "/org/freedesktop/systemd1",
      "org.freedesktop.systemd1.Manager",
    ];
    const start = [
      "StartTransientUnit",
      "ssa(sv)a(sa(sv))",
      unit,
      "fail",
      "1",
      "PIDs",
      "au",
      "1",
      String(holder.pid),
      "0",
    ];
    expect(Bun.spawnSync([...call, ...start]).exitCode).toBe(0);
    try {
      expect((await bundle.create(sleeper(bundle))).code).toBe(1);
      expect(show(unit, "ActiveState")).toBe("active");
      expect(holder.exitCode).toBeNull();
    } finally {
      holder.kill(9);
      await holder.exited;
      await until("the scope is gone", () => show(unit, "LoadState") === "not-found");
    }
  },
  { ...options, except: { crun: "1.8 takes any path as a name" } },
);

const ours = runtimes.find(({ name }) => name === "tiffin")?.path;

test.skipIf(booted || ours === undefined || process.geteuid?.() !== 0)(
  "--systemd-cgroup on a machine without systemd says so",
  () => {
    const root = mkdtempSync(join(tmpdir(), "tiffin-test-systemd-"));
    try {
      mkdirSync(join(root, "rootfs"));
      const words = [ours ?? "", "--root", root, "--systemd-cgroup", "run", "--bundle", root, "x"];
      expect(Bun.spawnSync([...words.slice(0, 3), "spec", "--bundle", root]).exitCode).toBe(0);
      const { exitCode, stderr } = Bun.spawnSync(words);
      expect(exitCode).toBe(1);
      expect(stderr.toString()).toContain("systemd does not run on this machine");
      expect(existsSync(join(root, "x"))).toBe(false);
    } finally {
      rmSync(root, { recursive: true });
    }
  },
);

const problem = criuProblem();

eachRuntime(
  "a container is restored into a scope of the same name, with its limits",
  async (bundle) => {
    const image = ["--image-path", join(bundle.directory, "image")];
    // Nothing of the test's own may be at its standard descriptors.
    const quiet = async (...words: string[]): Promise<number> => {
      const command = [bundle.runtime, "--root", bundle.root, "--systemd-cgroup", ...words];
      const child = Bun.spawn(command, {
        cwd: bundle.path,
        stdin: "ignore",
        stdout: "ignore",
        stderr: Bun.file(join(bundle.directory, "stderr")),
      });
      return await child.exited;
    };
    const said = (): string => bundle.read("stderr");
    bundle.configure(sleeper(bundle, { resources: { pids: { limit: 20 } } }));
    expect([await quiet("run", "--detach", bundle.id), said()]).toEqual([0, ""]);
    expect([await quiet("checkpoint", ...image, bundle.id), said()]).toEqual([0, ""]);
    expect(show(scopeOf(bundle), "LoadState")).toBe("not-found");
    expect(groupsLeft(bundle)).toEqual([]);
    expect([await quiet("restore", "--detach", ...image, bundle.id), said()]).toEqual([0, ""]);
    expect(show(scopeOf(bundle), "ActiveState")).toBe("active");
    expect(await groupsOfMain(bundle)).toContain(directoryOf(bundle));
    expect(limit(bundle, "pids.max", "pids/pids.max")).toBe("20");
    expect(show(scopeOf(bundle), "TasksMax")).toBe("20");
  },
  {
    ...options,
    except: { crun: "Debian builds it without criu", ...(problem !== undefined && { tiffin: problem }) },
  },
);
