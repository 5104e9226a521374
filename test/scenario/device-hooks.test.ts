/** Devices by the Container Device Interface, as their vendors describe them: nodes, mounts, variables, groups, and programs at the start. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { type CommandResult, startEngine, type TestEngine } from "../support/engine-harness.ts";

let engine: TestEngine;
const vendor = `hooks-${process.pid}.test`;
const file = `/var/run/cdi/${vendor}.json`;

/** What nvidia's do: find the container's root by the state and the bundle, and put something there. */
const program = `#!/bin/sh
kind=$1; state=$(cat); bundle=$(echo "$state" | sed 's/.*"bundle":"\\([^"]*\\)".*/\\1/')
root=$(sed 's/.*"root":{[^}]*"path":"\\([^"]*\\)".*/\\1/' "$bundle/config.json")
case $root in /*) ;; *) root=$bundle/$root ;; esac
echo "$kind $WORD $(readlink /proc/self/ns/mnt)" >> "$LOG"
[ "$kind" = createContainer ] && ln -s /from-a-hook "$root/linked"
[ "$kind" = createRuntime ] && [ -e "$root/bin/sh" ] && echo "root seen" >> "$LOG"
exit \${FAIL:-0}
`;

beforeAll(async () => {
  engine = await startEngine();
  mkdirSync("/var/run/cdi", { recursive: true });
  const hook = `${engine.directory}/hook`;
  writeFileSync(hook, program, { mode: 0o755 });
  const log = `${engine.directory}/log`;
  const hookOf = (hookName: string, ...env: readonly string[]) => ({
    hookName,
    path: hook,
    args: ["hook", hookName],
    env: [`LOG=${log}`, "PATH=/bin:/usr/bin", "WORD=said", ...env],
  });
  const device = (name: string, containerEdits: object) => ({ name, containerEdits });
  const document = {
    cdiVersion: "0.7.0",
    kind: `${vendor}/card`,
    containerEdits: {
      env: ["CARD=yes"],
      hooks: [hookOf("createRuntime"), hookOf("createContainer"), hookOf("poststart")],
    },
    devices: [
      device("all", {
        deviceNodes: [{ path: "/dev/card0", hostPath: "/dev/null" }],
        mounts: [{ hostPath: "/etc", containerPath: "/driver", options: ["ro", "rbind"] }],
        additionalGids: [4242],
      }),
      device("bad", { hooks: [hookOf("createContainer", "FAIL=3")] }),
      device("late", { hooks: [hookOf("poststop")] }),
      device("rdt", { intelRdt: { closID: "some" } }),
    ],
  };
  writeFileSync(file, JSON.stringify(document));
});
afterAll(async () => {
  rmSync(file, { force: true });
  await engine[Symbol.asyncDispose]();
});

const run = async (name: string, ...words: readonly string[]): Promise<CommandResult> =>
  await engine.cli("run", "--rm", "--device", `${vendor}/card=${name}`, ...words);

describe.each(["tiffin", "crun", "runc"])("with the runtime %s", (runtime) => {
  test("hooks run once each, know the container by its state and bundle, and what they leave in its root is there", async () => {
    const log = `${engine.directory}/log`;
    rmSync(log, { force: true });
    const look =
      "readlink /linked; ls /driver/passwd; id -G | tr ' ' '\\n' | grep 4242; echo $CARD; echo x > /dev/card0 && echo written";
    // crun lets hooks write only where the program may, too.
    const access = runtime === "crun" ? [] : ["--read-only"];
    const words = ["--runtime", runtime, ...access, "base", "sh", "-c", look];
    const { stdout, stderr, exitCode } = await run("all", ...words);
    expect({ stdout, stderr, exitCode }).toEqual({
      stdout: "/from-a-hook\n/driver/passwd\n4242\nyes\nwritten\n",
      stderr: "",
      exitCode: 0,
    });
    const lines = readFileSync(log, "utf8").trim().split("\n");
    const kinds = lines.map((line) => line.replace(/ mnt:.*/, ""));
    expect(kinds).toContain("createRuntime said");
    expect(kinds).toContain("poststart said");
    expect(kinds.filter((line) => line === "createContainer said")).toHaveLength(1);
    // In the container's namespaces, and in those of whoever calls the hook.
    const [host, inside] = ["createRuntime", "createContainer"].map(
      (kind) => lines.find((line) => line.startsWith(kind))?.split(" ")[2],
    );
    expect(inside).toMatch(/^mnt:/);
    expect(inside).not.toBe(host);
  });

  test("a hook that fails is the end of the start, and nothing is left", async () => {
    const before = engine.snapshot();
    const { exitCode, stderr } = await run("bad", "--runtime", runtime, "base", "true");
    expect(exitCode).toBe(125);
    expect(stderr).toContain("hook");
    expect(stderr).not.toContain("not supported");
    expect(await engine.leftovers(before)).toEqual([]);
  });
});

test("what is not done is refused with the reason: hooks at the end, Intel RDT, hooks in a user namespace", async () => {
  for (const [name, words, reason] of [
    ["late", [], 'has a hook of the kind "poststop"'],
    ["rdt", [], "has intelRdt, which is not done"],
    ["all", ["--userns", "private"], "the root of a user namespace cannot walk there"],
  ] as const) {
    const { exitCode, stderr } = await run(name, ...words, "base", "true");
    expect([exitCode, stderr.includes(reason) ? reason : stderr]).toEqual([125, reason]);
  }
  expect(existsSync(`${engine.run}/bundle/config.json`)).toBe(false);
});
