/** A resident helper that is killed or stopped: commands end, at worst with an error, and nothing stays for ever. */
import { expect, test } from "bun:test";
import { existsSync, readdirSync, readFileSync, readlinkSync, realpathSync } from "node:fs";
import { join } from "node:path";
import { Bundle, groupsNamed, type Outcome, specOf, until } from "./bundle.ts";
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

/** Sends a signal to the helper, which a command has to have started first. False where there is never one. */
async function signalHelper(bundle: Bundle, signal: NodeJS.Signals): Promise<boolean> {
  for (let attempt = 0; attempt < 20; attempt += 1) {
    const pid = helperPid(bundle.runtime);
    if (pid !== undefined) {
      process.kill(pid, signal);
      return true;
    }
    await bundle.call("list");
    await Bun.sleep(20);
  }
  return false;
}

test.skipIf(!mayRun)(
  "a helper that is killed: commands end, and what they left can be deleted",
  async () => {
    await using bundle = new Bundle(ours ?? "");
    bundle.configure(specOf(["/bin/sleep", "1000"]));
    for (let turn = 0; turn < 10; turn += 1) {
      await bundle.call("list");
      const ids = Array.from({ length: 4 }, (_, at) => `${bundle.id}-${turn}-${at}`);
      const calls = ids.map((id): Promise<Outcome> => bundle.detached("run", "-d", id));
      await Bun.sleep(turn * 2);
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
  60_000,
);

test.skipIf(!mayRun)(
  "a helper that does not answer is done without",
  async () => {
    await using bundle = new Bundle(ours ?? "");
    bundle.configure(specOf(["/bin/echo", "done"]));
    if (!(await signalHelper(bundle, "SIGSTOP"))) return;
    const pid = helperPid(bundle.runtime);
    try {
      expect(await bundle.call("run", bundle.id)).toEqual({ code: 0, stdout: "done\n", stderr: "" });
    } finally {
      if (pid !== undefined) process.kill(pid, "SIGCONT");
    }
    expect(await bundle.call("run", bundle.id)).toEqual({ code: 0, stdout: "done\n", stderr: "" });
    expect(groupsNamed(bundle.id)).toEqual([]);
  },
  30_000,
);

test.skipIf(!mayRun)(
  "a command that hangs holds up no other one",
  async () => {
    await using bundle = new Bundle(ours ?? "");
    bundle.configure(specOf(["/bin/echo", "done"]));
    await bundle.call("list");
    // A process document that nobody writes, a configuration that nobody writes, a console that nobody reads.
    const pipe = join(bundle.directory, "pipe");
    Bun.spawnSync(["mkfifo", pipe]);
    const stuck = Bun.spawn(
      [bundle.runtime, "--root", bundle.root, "update", "--resources", pipe, bundle.id],
      {
        cwd: bundle.path,
        stdin: "ignore",
        stdout: "ignore",
        stderr: "ignore",
      },
    );
    const other = Bun.spawn([bundle.runtime, "--root", bundle.root, "--log", pipe, "state", "nobody"], {
      cwd: bundle.path,
      stdin: "ignore",
      stdout: "ignore",
      stderr: "ignore",
    });
    try {
      await Bun.sleep(100);
      expect(await bundle.call("run", bundle.id)).toEqual({ code: 0, stdout: "done\n", stderr: "" });
    } finally {
      for (const child of [stuck, other]) child.kill("SIGKILL");
    }
  },
  30_000,
);
