/**
 * Commands that meet: on a container that is dying, being made, being started, being deleted; and a runtime that is
 * ended at any instant. Whatever comes first, `delete --force` takes everything away.
 */
import { expect } from "bun:test";
import { existsSync, readdirSync, readFileSync, rmdirSync } from "node:fs";
import { join } from "node:path";
import type { Outcome } from "../support/outcome.ts";
import { pause, until } from "../support/until.ts";
import { type Bundle, groupsNamed, shell, specOf } from "./bundle.ts";
import { type CaseOptions, eachOfOurs, eachRuntime } from "./runtimes.ts";

let programs = 0;

/** A program that no other process on this machine is: its argument tells. */
function uniqueSleep(): string[] {
  programs += 1;
  return ["/bin/sleep", `1000.${process.pid}${String(programs).padStart(4, "0")}`];
}

function livingWith(word: string): string[] {
  return readdirSync("/proc").filter((name) => {
    try {
      return (
        /^\d+$/.test(name) &&
        readFileSync(join("/proc", name, "cmdline"), "utf8")
          .split("\0")
          .includes(word)
      );
    } catch {
      return false;
    }
  });
}

/** After `delete --force`: no process, no group, no record, no socket. */
async function expectGone(bundle: Bundle, id: string, argument: string): Promise<void> {
  await until(`${id} is gone`, async () => {
    const told = await bundle.call("delete", "--force", id);
    // What was on its way when the runtime ended may still be arriving.
    return told.code === 0 && groupsNamed(id).length === 0 && livingWith(argument).length === 0;
  });
  expect((await bundle.call("state", id)).code).toBe(1);
  if (existsSync(bundle.root)) expect(readdirSync(bundle.root)).toEqual([]);
}

/** Calls the runtime and sends it `signal` after `afterMs`. */
async function interrupted(
  bundle: Bundle,
  signal: "SIGKILL" | "SIGTERM" | "SIGINT",
  afterMs: number,
  ...words: readonly string[]
): Promise<void> {
  const child = Bun.spawn([bundle.runtime, "--root", bundle.root, ...words], {
    cwd: bundle.path,
    stdin: "ignore",
    stdout: "ignore",
    stderr: "ignore",
  });
  await pause(afterMs, "the caller is interrupted at another moment in each turn");
  child.kill(signal);
  await child.exited;
}

const instantsMs = [0, 1, 2, 3, 4, 5, 6, 8, 10, 13, 18, 24];
/** Fewer: the orphans of an exec are reaped by the init of the host, which may take its time. */
const execInstantsMs = [2, 9];

for (const command of ["create", "run", "start", "exec", "delete"] as const) {
  eachOfOurs(`${command} that is ended by SIGKILL at any instant`, async (bundle) => {
    for (const [turn, afterMs] of (command === "exec" ? execInstantsMs : instantsMs).entries()) {
      const [program = "", argument = ""] = uniqueSleep();
      const id = `${bundle.id}-${turn}`;
      bundle.configure(specOf([program, argument]));
      if (command === "create" || command === "run") {
        await interrupted(bundle, "SIGKILL", afterMs, command, id);
      } else {
        await bundle.detached("create", id);
        if (command !== "start") await bundle.call("start", id);
        const words = { start: [id], exec: [id, program, argument], delete: ["--force", id] }[command];
        await interrupted(bundle, "SIGKILL", afterMs, command, ...words);
      }
      await expectGone(bundle, id, argument);
    }
  });
}

eachOfOurs("create and run that are ended by SIGTERM and SIGINT", async (bundle) => {
  for (const [turn, afterMs] of instantsMs.filter((_, at) => at % 2 === 1).entries()) {
    const [program = "", argument = ""] = uniqueSleep();
    const id = `${bundle.id}-${turn}`;
    bundle.configure(specOf([program, argument]));
    const [command, signal] =
      turn % 2 === 0 ? (["create", "SIGTERM"] as const) : (["run", "SIGINT"] as const);
    // `sleep` as PID 1 ignores what `run` passes on, so the group of the container ends it.
    const ending = interrupted(bundle, signal, afterMs, command, id);
    await pause(afterMs + 100, "the interruption is over");
    await expectGone(bundle, id, argument);
    await ending;
  }
});

eachRuntime("exec into a container that is dying ends, whatever comes first", async (bundle) => {
  for (let turn = 0; turn < 3; turn += 1) {
    const [program = "", argument = ""] = uniqueSleep();
    const [, inner = ""] = uniqueSleep();
    bundle.configure(specOf([program, argument]));
    await bundle.detached("run", "-d", bundle.id);
    const calls: Promise<Outcome>[] = [];
    for (let at = 0; at < 4; at += 1) {
      calls.push(bundle.call("exec", bundle.id, program, inner));
      await pause(turn * 3, "the container dies at another moment of the calls in each turn");
      if (at === 1) calls.push(bundle.call("kill", bundle.id, "KILL"));
    }
    const outcomes = await Promise.all(calls);
    const killed = outcomes.splice(2, 1)[0];
    expect(killed?.code).toBe(0);
    // Killed with the container, refused, or failed on the way in: never 0, and never for ever.
    for (const { code } of outcomes) expect([1, 137, 255]).toContain(code);
    await until("its end", async () => (await bundle.status()) === "stopped");
    await until("the end of all", () => livingWith(inner).length === 0);
    expect((await bundle.call("delete", bundle.id)).code).toBe(0);
    expect(groupsNamed(bundle.id)).toEqual([]);
  }
});

eachOfOurs("of two deletes one finds the container; forced ones are both content", async (bundle) => {
  for (const force of [[], ["--force"]]) {
    bundle.configure(specOf(["/bin/true"]));
    expect((await bundle.call("run", "--keep", bundle.id)).code).toBe(0);
    const both = await Promise.all([
      bundle.call("delete", ...force, bundle.id),
      bundle.call("delete", ...force, bundle.id),
    ]);
    const codes = both.map(({ code }) => code).sort();
    expect(codes).toEqual(force.length === 0 ? [0, 1] : [0, 0]);
  }
});

eachOfOurs("a forced deletion is not held up by a start that hangs in a hook", async (bundle) => {
  const [program = "", argument = ""] = uniqueSleep();
  const hooks = { startContainer: [{ path: program, args: ["sleep", argument] }] };
  bundle.configure({ ...specOf(["/bin/true"]), hooks });
  expect((await bundle.detached("create", bundle.id)).code).toBe(0);
  const starting = bundle.call("start", bundle.id);
  await until("the hook", () => livingWith(argument).length > 0);
  expect((await bundle.call("delete", "--force", bundle.id)).code).toBe(0);
  await starting;
  await expectGone(bundle, bundle.id, argument);
});

eachOfOurs("a forced deletion of a container that is still being made", async (bundle) => {
  const mark = join(bundle.directory, "hook");
  const wait = `touch ${mark}; while [ -e ${mark} ]; do sleep 0.01; done`;
  const hooks = {
    createRuntime: [{ path: "/bin/sh", args: ["sh", "-c", wait], env: ["PATH=/bin:/usr/bin"] }],
  };
  const [program = "", argument = ""] = uniqueSleep();
  bundle.configure({ ...specOf([program, argument]), hooks });
  const creating = bundle.detached("create", bundle.id);
  await until("the hook", () => existsSync(mark));
  expect(await bundle.status()).toBe("creating");
  for (const words of [["start"], ["kill"], ["delete"], ["pause"]]) {
    expect({ words, code: (await bundle.call(...words, bundle.id)).code }).toEqual({ words, code: 1 });
  }
  const inside = await bundle.call("exec", bundle.id, "/bin/sh", "-c", "echo where the host is");
  expect({ code: inside.code, stdout: inside.stdout }).toEqual({ code: 255, stdout: "" });
  expect((await bundle.call("delete", "--force", bundle.id)).code).toBe(0);
  // Its id is free again, and another container may have it before the first creation knows of its failure.
  const other = uniqueSleep();
  bundle.configure(specOf(other));
  expect((await bundle.detached("create", bundle.id)).code).toBe(0);
  Bun.spawnSync(["rm", mark]);
  const told = await creating;
  expect(told.code).toBe(1);
  expect(livingWith(argument)).toEqual([]);
  expect(await bundle.status()).toBe("created");
  await expectGone(bundle, bundle.id, other[1] ?? "");
});

const poststartCase: CaseOptions = { except: { runc: "1.1 runs these hooks while it creates" } };

eachRuntime(
  "a poststart hook may call commands on its container",
  async (bundle) => {
    const call = `${bundle.runtime} --root ${bundle.root}`;
    const script = `cat > /dev/null; ${call} pause ${bundle.id} && ${call} resume ${bundle.id} && ${call} state ${bundle.id}`;
    const poststart = [
      {
        path: "/bin/sh",
        args: ["sh", "-c", `(${script}) > ${bundle.directory}/said 2>&1`],
        env: ["PATH=/bin:/usr/bin"],
        timeout: 20,
      },
    ];
    expect((await bundle.create({ ...shell("exec sleep 1000"), hooks: { poststart } })).code).toBe(0);
    const { code, stderr } = await bundle.start();
    expect({ code, stderr, said: bundle.read("said").includes('"running"') }).toEqual({
      code: 0,
      stderr: "",
      said: true,
    });
  },
  poststartCase,
);

eachOfOurs(
  "the group of another container, or above one, is refused: its end would be theirs",
  async (bundle) => {
    const spec = specOf(["/bin/sleep", "1000"]);
    const at = (cgroupsPath: string) => ({ ...spec, linux: { ...spec.linux, cgroupsPath } });
    const group = `/${bundle.id}/inner`;
    await bundle.create(at(group));
    await bundle.start();
    const groups = (): number =>
      Bun.spawnSync(["find", "/sys/fs/cgroup", "-path", `*/${bundle.id}*`, "-type", "d"]).stdout.toString()
        .length;
    const before = groups();
    for (const path of [group, `/${bundle.id}`, `${bundle.id}/inner/`]) {
      bundle.configure(at(path));
      const told = await bundle.call("run", `${bundle.id}-2`);
      expect({ path, code: told.code, stdout: told.stdout }).toEqual({ path, code: 1, stdout: "" });
      expect(told.stderr).toMatch(/^tiffin-runtime: .*processes already.*\n$/);
      expect(groups()).toBe(before);
    }
    expect(await bundle.status()).toBe("running");
    expect((await bundle.call("delete", "--force", bundle.id)).code).toBe(0);
    for (const name of groupsNamed(bundle.id)) rmdirSync(join("/sys/fs/cgroup", name, bundle.id));
  },
);
