/** A resident helper that is killed or stopped: commands end, at worst with an error, and nothing stays for ever. */
import { expect, test } from "bun:test";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  symlinkSync,
} from "node:fs";
import { join } from "node:path";
import type { Outcome } from "../support/outcome.ts";
import { pause, until } from "../support/until.ts";
import { Bundle, groupsNamed, shell, specOf } from "./bundle.ts";
import { runtimes } from "./runtimes.ts";

const ours = runtimes.find(({ name }) => name === "tiffin")?.path;
const mayRun = ours !== undefined && process.geteuid?.() === 0;

/** The helper of this very file of the runtime; undefined when there is none now. */
function helperPid(runtime: string): number | undefined {
  const file = realpathSync(runtime);
  const name = readdirSync("/proc").find((each) => {
    try {
      const words = readFileSync(`/proc/${each}/cmdline`, "utf8").split("\0");
      return words[1] === "@helper" && readlinkSync(`/proc/${each}/exe`) === file;
    } catch {
      return false;
    }
  });
  return name === undefined ? undefined : Number(name);
}

/** Sends a signal to the helper, which a command may have to start first. False when none comes. */
async function signalHelper(bundle: Bundle, signal: NodeJS.Signals): Promise<boolean> {
  for (let attempt = 0; attempt < 20; attempt += 1) {
    const pid = helperPid(bundle.runtime);
    if (pid !== undefined) {
      process.kill(pid, signal);
      return true;
    }
    await pause(20, "the helper comes up or not: the caller counts the attempts");
  }
  return false;
}

test.skipIf(!mayRun)(
  "a helper that is killed: commands end, and what they left can be deleted",
  async () => {
    await using bundle = new Bundle(ours ?? "");
    bundle.configure(specOf(["/bin/sleep", "1000"]));
    for (let turn = 0; turn < 6; turn += 1) {
      const ids = Array.from({ length: 4 }, (_, at) => `${bundle.id}-${turn}-${at}`);
      const calls = ids.map((id): Promise<Outcome> => bundle.detached("run", "-d", id));
      await pause(turn * 3, "the helper dies at another moment of the calls in each turn");
      await signalHelper(bundle, "SIGKILL");
      for (const { code } of await Promise.all(calls)) expect([0, 1]).toContain(code);
      for (const id of ids) {
        await until(`${id} is gone`, async () => {
          const told = await bundle.call("delete", "--force", id);
          return told.code === 0 && groupsNamed(id).length === 0;
        });
      }
    }
    if (existsSync(bundle.root)) expect(readdirSync(bundle.root)).toEqual([]);
  },
  120_000,
);

test.skipIf(!mayRun)(
  "a helper that does not answer is done without",
  async () => {
    await using bundle = new Bundle(ours ?? "");
    bundle.configure(specOf(["/bin/echo", "done"]));
    expect((await bundle.call("run", bundle.id)).stdout).toBe("done\n");
    expect(await signalHelper(bundle, "SIGSTOP")).toBe(true);
    const pid = helperPid(bundle.runtime);
    try {
      expect(await bundle.call("run", bundle.id)).toEqual({ code: 0, stdout: "done\n", stderr: "" });
    } finally {
      if (pid !== undefined) process.kill(pid, "SIGCONT");
    }
    expect(await bundle.call("run", bundle.id)).toEqual({ code: 0, stdout: "done\n", stderr: "" });
    expect(groupsNamed(bundle.id)).toEqual([]);
  },
  120_000,
);

test.skipIf(!mayRun)(
  "a command that hangs holds up no other one",
  async () => {
    await using bundle = new Bundle(ours ?? "");
    bundle.configure(specOf(["/bin/sleep", "1000"]));
    await bundle.detached("run", "-d", bundle.id);
    await until("a helper", () => helperPid(bundle.runtime) !== undefined);
    const pipe = join(bundle.directory, "pipe");
    const odd = join(bundle.directory, "odd");
    mkdirSync(odd);
    for (const path of [pipe, join(odd, "config.json")]) Bun.spawnSync(["mkfifo", path]);
    // A process, a configuration and limits that nobody writes.
    const hanging = [
      ["exec", "--process", pipe, bundle.id],
      ["run", "--bundle", odd, `${bundle.id}-3`],
      ["update", "--resources", pipe, bundle.id],
    ];
    const children = hanging.map((words) =>
      Bun.spawn([bundle.runtime, "--root", bundle.root, ...words], {
        cwd: bundle.path,
        stdin: "ignore",
        stdout: "ignore",
        stderr: "ignore",
      }),
    );
    try {
      await pause(200, "none of them may end meanwhile");
      expect(children.map(({ exitCode }) => exitCode)).toEqual([null, null, null]);
      // Where the kernel waits for the other end of a pipe.
      const helper = helperPid(bundle.runtime);
      if (helper !== undefined)
        expect(readFileSync(`/proc/${helper}/wchan`, "utf8")).not.toBe("wait_for_partner");
      expect((await bundle.call("state", bundle.id)).code).toBe(0);
      const told = await bundle.callWith({ globals: ["--log", pipe] }, "state", "nobody");
      expect(told.code).toBe(1);
    } finally {
      for (const child of children) child.kill("SIGKILL");
    }
  },
  120_000,
);

/** Callers that differ from the helper in what it could lend them, and what their container must show of it. */
const callers: Readonly<Record<string, readonly [words: readonly string[], script: string, shows: RegExp]>> =
  {
    "another network": [["unshare", "--net"], "ls /sys/class/net", /^lo\n$/],
    "another host name": [
      ["unshare", "--uts", "sh", "-c", 'hostname elsewhere && exec "$@"', "sh"],
      "hostname",
      /^elsewhere\n$/,
    ],
    "other mounts": [
      ["unshare", "--mount", "sh", "-c", 'mount -t tmpfs tmpfs /mnt && touch /mnt/inner && exec "$@"', "sh"],
      "ls /given",
      /^inner\n$/,
    ],
    "fewer capabilities": [
      ["setpriv", "--bounding-set", "-sys_time", "--inh-caps", "-all"],
      "grep CapBnd /proc/self/status",
      /^CapBnd:\t0000000000000020\n$/,
    ],
    "lower limits": [["sh", "-c", 'ulimit -n 321; exec "$@"', "sh"], "ulimit -n", /^321\n$/],
    "a lower priority": [["nice", "-n", "7"], "cut -d ' ' -f 19 /proc/self/stat", /^7\n$/],
  };

test.skipIf(!mayRun)(
  "no caller gets through the helper what it has not itself",
  async () => {
    await using bundle = new Bundle(ours ?? "");
    for (const applet of ["cut", "grep", "hostname"]) {
      symlinkSync("busybox", join(bundle.rootfs, "bin", applet));
    }
    await bundle.call("list");
    for (const [name, [words, script, shows]] of Object.entries(callers)) {
      const names = ["CAP_KILL", "CAP_SYS_TIME"];
      const capabilities = { bounding: names, effective: names, permitted: names };
      const { hostname: _none, ...spec } = shell(script, { capabilities });
      const types = ["pid", "mount", "ipc"] as const;
      const given = { destination: "/given", type: "bind", source: "/mnt", options: ["rbind", "ro"] };
      bundle.configure({
        ...spec,
        mounts: [...(spec.mounts ?? []), given],
        linux: { namespaces: types.map((type) => ({ type })) },
      });
      const child = Bun.spawn([...words, bundle.runtime, "--root", bundle.root, "run", bundle.id], {
        cwd: bundle.path,
        stdin: "ignore",
        stdout: "pipe",
        stderr: "pipe",
      });
      const [stdout, stderr] = [
        await new Response(child.stdout).text(),
        await new Response(child.stderr).text(),
      ];
      expect({ name, stderr, code: await child.exited }).toMatchObject({ name, code: 0 });
      expect(stdout).toMatch(shows);
    }
  },
  120_000,
);
