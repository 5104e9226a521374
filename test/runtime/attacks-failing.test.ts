/** A start that fails at step K, for every K, on the host and in the executor: one error, and nothing is left. */
import { expect } from "bun:test";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type Bundle, groupsNamed, specOf } from "./bundle.ts";
import type { Tries, Try } from "./orphan-count.ts";
import { eachOfOurs } from "./runtimes.ts";

/** Beyond the last step of an ordinary bundle. */
const steps = 110;

function failpoints(kind: "host" | "op", every: number): string[] {
  return Array.from({ length: Math.ceil(steps / every) }, (_, at) => `${kind}:${at * every}`);
}

async function tryEach(
  bundle: Bundle,
  points: readonly string[],
  ...words: readonly string[]
): Promise<Try[]> {
  const command = [bundle.runtime, "--root", bundle.root, ...words];
  const tries: Tries = { command, cwd: bundle.path, failpoints: points };
  const child = Bun.spawn(
    [process.execPath, join(import.meta.dir, "orphan-count.ts"), JSON.stringify(tries)],
    {
      stdin: "ignore",
      stdout: "pipe",
      stderr: "inherit",
    },
  );
  // A decode border: our own program wrote it.
  return JSON.parse(await new Response(child.stdout).text()) as Try[];
}

/** Every point that was reached failed as it should; how many that were. */
function expectFailures(tries: readonly Try[], code: number): number {
  const reached = tries.filter((each) => each.code !== 0);
  for (const { failpoint, stderr, ...rest } of reached) {
    expect({ failpoint, ...rest }).toEqual({ failpoint, code, left: [] });
    // The step between the end of a creation and the wait for the start can tell nobody: then it has stopped.
    expect(stderr).toMatch(/^tiffin-runtime: .*(?:does\/not\/exist|that has stopped).*\n$/);
  }
  // The last ones lie beyond the plan, or there may be more steps than were tried.
  expect(tries.at(-1)?.code).toBe(0);
  return reached.length;
}

function expectNothingLeft(bundle: Bundle): void {
  expect(groupsNamed(bundle.id)).toEqual([]);
  if (existsSync(bundle.root)) expect(readdirSync(bundle.root)).toEqual([]);
  expect(readFileSync("/proc/self/mountinfo", "utf8")).not.toContain(bundle.directory);
}

function ordinary(args: readonly string[]): ReturnType<typeof specOf> {
  const spec = specOf(args, { rlimits: [{ type: "RLIMIT_NOFILE", soft: 64, hard: 64 }], oomScoreAdj: 100 });
  const linux = {
    ...spec.linux,
    resources: { memory: { limit: 64 * 1024 * 1024 }, pids: { limit: 50 } },
    maskedPaths: ["/proc/kcore", "/sys/firmware"],
    readonlyPaths: ["/proc/sys"],
  };
  return { ...spec, linux };
}

eachOfOurs("run fails at each step", async (bundle, how) => {
  bundle.configure(ordinary(["/bin/true"]));
  const onHost = expectFailures(
    await tryEach(bundle, failpoints("host", 1).slice(0, 30), "run", bundle.id),
    1,
  );
  const inside = expectFailures(
    await tryEach(bundle, failpoints("op", how === "helped" ? 1 : 5), "run", bundle.id),
    1,
  );
  expect(onHost).toBeGreaterThan(5);
  expect(inside).toBeGreaterThan(how === "helped" ? 40 : 8);
  expectNothingLeft(bundle);
});

eachOfOurs("create fails at each step, and start at those that come after it", async (bundle, how) => {
  bundle.configure(ordinary(["/bin/true"]));
  // Create, start and delete as one command, which fails with the first of them.
  const call = `${bundle.runtime} --root ${bundle.root}`;
  const script = `${call} create $0 && { ${call} start $0; code=$?; ${call} delete --force $0; exit $code; }`;
  const tries: Tries = {
    command: ["/bin/sh", "-c", script, bundle.id],
    cwd: bundle.path,
    failpoints: failpoints("op", how === "helped" ? 1 : 7),
  };
  const child = Bun.spawn(
    [process.execPath, join(import.meta.dir, "orphan-count.ts"), JSON.stringify(tries)],
    {
      stdout: "pipe",
      stderr: "inherit",
    },
  );
  // A decode border: our own program wrote it.
  const told = JSON.parse(await new Response(child.stdout).text()) as Try[];
  expect(expectFailures(told, 1)).toBeGreaterThan(how === "helped" ? 40 : 6);
  expectNothingLeft(bundle);
});

eachOfOurs("exec fails at each step, and the container goes on", async (bundle, how) => {
  bundle.configure(ordinary(["/bin/sleep", "1000"]));
  await bundle.detached("run", "-d", bundle.id);
  const points = how === "helped" ? failpoints("op", 1).slice(0, 45) : failpoints("op", 4);
  const reached = expectFailures(await tryEach(bundle, points, "exec", bundle.id, "/bin/true"), 255);
  expect(reached).toBeGreaterThan(how === "helped" ? 12 : 3);
  expect(await bundle.status()).toBe("running");
  // A JSON list of numbers.
  const pids = JSON.parse((await bundle.call("ps", "--format", "json", bundle.id)).stdout) as number[];
  expect(pids).toHaveLength(1);
});
