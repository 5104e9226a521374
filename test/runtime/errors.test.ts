/** What is refused, and where that is told. */
import { expect, test } from "bun:test";
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Bundle, groupsNamed, specOf } from "./bundle.ts";
import { eachRuntime, runtimes } from "./runtimes.ts";

eachRuntime("a failing command writes the last error to the log, in JSON when asked", async (bundle) => {
  bundle.configure(specOf(["/bin/nothing"]));
  const path = join(bundle.directory, "log");
  const told = await bundle.callWith({ globals: ["--log", path, "--log-format", "json"] }, "run", bundle.id);
  expect(told.code).toBe(1);
  const lines = bundle.read("log").trim().split("\n");
  // A decode border: one line of the log.
  const last = JSON.parse(lines.at(-1) ?? "") as { level: string; msg: string; time: string };
  expect(last.level).toBe("error");
  expect(last.msg).toMatch(/not found|no such file/i);
  expect(Number.isNaN(Date.parse(last.time))).toBe(false);
});

eachRuntime("commands about no container fail with 1 and say so", async (bundle) => {
  for (const words of [["state"], ["start"], ["kill"], ["delete"], ["pause"], ["resume"]]) {
    const told = await bundle.call(...words, bundle.id);
    expect({ words, code: told.code }).toEqual({ words, code: 1 });
    expect(told.stderr).not.toBe("");
  }
});

eachRuntime("a state directory that is a file is refused, and told", async (bundle) => {
  bundle.configure(specOf(["/bin/true"]));
  const file = join(bundle.directory, "file");
  writeFileSync(file, "");
  for (const words of [["list"], ["run", bundle.id]]) {
    const told = await bundle.callWith({ globals: ["--root", file] }, ...words);
    expect({ words, code: told.code }).toEqual({ words, code: 1 });
    expect(told.stderr).toContain(file);
  }
});

eachRuntime(
  "features is a document",
  async (bundle) => {
    const { code, stdout } = await bundle.call("features");
    expect(code).toBe(0);
    const document: unknown = JSON.parse(stdout);
    expect(document).toMatchObject({ ociVersionMin: "1.0.0", linux: { cgroup: { v1: true, v2: true } } });
    // A decode border.
    const { hooks } = document as { hooks: string[] };
    expect(hooks).toContain("startContainer");
  },
  {
    except: {
      crun: "1.8 has no features command",
      runc: "1.1 names 1.0.2-dev in places where newer ones say less",
    },
  },
);

eachRuntime(
  "spec writes a configuration that runs",
  async (bundle) => {
    expect((await bundle.call("spec")).code).toBe(0);
    const path = join(bundle.path, "config.json");
    expect(existsSync(path)).toBe(true);
    expect((await bundle.call("spec")).code).toBe(1);
    // A decode border: our own file.
    const document = JSON.parse(bundle.read("bundle/config.json")) as ReturnType<typeof specOf>;
    const process = { ...document.process, terminal: false, args: ["/bin/echo", "hi"] };
    bundle.configure({ ...document, process });
    expect((await bundle.call("run", bundle.id)).stdout).toBe("hi\n");
  },
  { except: { crun: "1.8 overwrites the file the second time" } },
);

const invalid: Readonly<Record<string, (spec: Record<string, unknown>) => unknown>> = {
  "no version": ({ ociVersion: _gone, ...rest }) => rest,
  "a version 2": (spec) => ({ ...spec, ociVersion: "2.0.0" }),
  "no root": ({ root: _gone, ...rest }) => rest,
  "a root that is not there": (spec) => ({ ...spec, root: { path: "elsewhere" } }),
  "a relative working directory": (spec) => ({
    ...spec,
    process: { ...Object(spec["process"]), cwd: "tmp" },
  }),
  "a NUL in an argument": (spec) => ({
    ...spec,
    process: { ...Object(spec["process"]), args: ["/bin/echo", "a\0b"] },
  }),
  "an id beyond 32 bits": (spec) => ({
    ...spec,
    process: { ...Object(spec["process"]), user: { uid: 2 ** 40, gid: 0 } },
  }),
  "a negative id": (spec) => ({
    ...spec,
    process: { ...Object(spec["process"]), user: { uid: -1, gid: 0 } },
  }),
  "an unknown limit": (spec) => ({
    ...spec,
    process: { ...Object(spec["process"]), rlimits: [{ type: "RLIMIT_NOTHING", soft: 1, hard: 1 }] },
  }),
  "an unknown namespace": (spec) => ({
    ...spec,
    linux: { namespaces: [{ type: "mount" }, { type: "moon" }] },
  }),
  "a namespace twice": (spec) => ({ ...spec, linux: { namespaces: [{ type: "mount" }, { type: "mount" }] } }),
  "hostname without a uts namespace": (spec) => ({ ...spec, linux: { namespaces: [{ type: "mount" }] } }),
  "a mount source that is not there": (spec) => ({
    ...spec,
    mounts: [{ destination: "/mnt", type: "bind", source: "/nowhere/at/all", options: ["bind"] }],
  }),
  "an id-mapped mount without a mapping": (spec) => ({
    ...spec,
    mounts: [{ destination: "/mnt", type: "bind", source: "/tmp", options: ["bind", "idmap"] }],
  }),
  "a mount over /proc/self": (spec) => ({
    ...spec,
    mounts: [{ destination: "/proc/self/attr", type: "tmpfs", source: "tmpfs" }],
  }),
  "ten thousand mounts": (spec) => ({
    ...spec,
    mounts: Array.from({ length: 10_000 }, (_, index) => ({
      destination: `/m${index}`,
      type: "tmpfs",
      source: "x",
    })),
  }),
  "an unknown seccomp action": (spec) => ({
    ...spec,
    linux: { ...Object(spec["linux"]), seccomp: { defaultAction: "SCMP_ACT_MAYBE" } },
  }),
  "a relative namespace path": (spec) => ({
    ...spec,
    linux: { namespaces: [{ type: "mount" }, { type: "network", path: "proc/self/ns/net" }] },
  }),
  "a hook that is not absolute": (spec) => ({ ...spec, hooks: { createRuntime: [{ path: "bin/true" }] } }),
  "a hook without time": (spec) => ({
    ...spec,
    hooks: { createRuntime: [{ path: "/bin/true", timeout: 0 }] },
  }),
  "a NUMA policy that there is not": (spec) => ({
    ...spec,
    linux: { ...Object(spec["linux"]), memoryPolicy: { mode: "MPOL_NEARBY" } },
  }),
  "a masked path that is relative": (spec) => ({
    ...spec,
    linux: { ...Object(spec["linux"]), maskedPaths: ["proc/kcore"] },
  }),
  "a personality with flags": (spec) => ({
    ...spec,
    linux: { ...Object(spec["linux"]), personality: { domain: "LINUX", flags: ["ADDR_NO_RANDOMIZE"] } },
  }),
  "a path of groups that goes up": (spec) => ({
    ...spec,
    linux: { ...Object(spec["linux"]), cgroupsPath: "/../up" },
  }),
  "resource control on a host without resctrl": (spec) => ({
    ...spec,
    linux: { ...Object(spec["linux"]), intelRdt: { closID: "group" } },
  }),
  "an SELinux label on a host without SELinux": (spec) => ({
    ...spec,
    process: { ...Object(spec["process"]), selinuxLabel: "system_u:system_r:svirt_lxc_net_t:s0" },
  }),
  "an AppArmor profile on a host without AppArmor": (spec) => ({
    ...spec,
    process: { ...Object(spec["process"]), apparmorProfile: "strict" },
  }),
};

/** Only ours: the others let some of these pass. */
const ours = runtimes.find(({ name }) => name === "tiffin")?.path;

for (const [name, change] of Object.entries(invalid)) {
  test.skipIf(ours === undefined || process.geteuid?.() !== 0)(`refused: ${name}`, async () => {
    await using bundle = new Bundle(ours ?? "");
    // A decode border: a specification as plain JSON.
    bundle.configure(
      change({ ...specOf(["/bin/true"]) } as Record<string, unknown>) as Record<string, unknown>,
    );
    const told = await bundle.call("run", bundle.id);
    expect({ name, code: told.code, stdout: told.stdout }).toEqual({ name, code: 1, stdout: "" });
    expect(told.stderr).toStartWith("tiffin-runtime: ");
    expect((await bundle.call("state", bundle.id)).code).toBe(1);
    expect(groupsNamed(bundle.id)).toEqual([]);
  });
}

eachRuntime("a working directory that has been removed: absolute paths still work", async (bundle) => {
  bundle.configure(specOf(["/bin/echo", "hi"]));
  const gone = join(bundle.directory, "gone");
  const call = async (
    ...words: readonly string[]
  ): Promise<{ code: number; stdout: string; stderr: string }> => {
    const script = `mkdir ${gone} && cd ${gone} && rmdir ${gone} && exec "$@"`;
    const child = Bun.spawn(["sh", "-c", script, "sh", bundle.runtime, "--root", bundle.root, ...words], {
      stdin: "ignore",
      stdout: "pipe",
      stderr: "pipe",
    });
    const [stdout, stderr] = [
      await new Response(child.stdout).text(),
      await new Response(child.stderr).text(),
    ];
    return { code: await child.exited, stdout, stderr };
  };
  const told = await call("run", "--bundle", bundle.path, bundle.id);
  expect({ code: told.code, stdout: told.stdout }).toEqual({ code: 0, stdout: "hi\n" });
  const lost = await call("run", bundle.id);
  expect(lost.code).toBe(1);
  expect(lost.stderr).not.toBe("");
});
