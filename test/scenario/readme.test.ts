/**
 * The README's tour, command by command: what it shows is what is printed, but for ids, times, numbers of operations and a port
 * that is free here. Its other claims are checked by tools/readme.test.ts.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { startEngine, type TestEngine, tiffinCommand } from "../support/engine-harness.ts";
import { freePort } from "../support/free-port.ts";
import { expectShown, type Shown, shownCommands } from "../support/shown-commands.ts";
import { succeeds } from "../support/until.ts";

const readme = readFileSync(new URL("../../README.md", import.meta.url), "utf8");
const port = String(freePort());
let engine: TestEngine;

beforeAll(async () => {
  engine = await startEngine();
});
afterAll(async () => {
  await engine[Symbol.asyncDispose]();
});

const shown = shownCommands(readme.replaceAll("8080", port));

function find(start: string): Shown {
  const found = shown.find(({ command }) => command.startsWith(start));
  if (found === undefined) throw new Error(`the README does not show ${start}`);
  return found;
}

/** Runs a line as it is in the README, in a shell where `tiffin` is the program under test. */
async function run(line: string): Promise<{ readonly out: string; readonly code: number }> {
  const words = tiffinCommand().map((word) => `'${word}'`);
  const shell = Bun.spawn(["sh", "-c", `tiffin() { ${words.join(" ")} "$@"; }\n${line}`], {
    env: { ...process.env, TIFFIN_HOST: engine.host },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  const [stdout, stderr, code] = await Promise.all([
    new Response(shell.stdout).text(),
    new Response(shell.stderr).text(),
    shell.exited,
  ]);
  return { out: stdout + stderr, code };
}

test("the first command", async () => {
  const first = find("./tiffin run --rm base echo hello");
  expectShown(first, (await run(first.command.replace("./tiffin", "tiffin"))).out);
});

test("the tour: a web server, its page, its row, its plan", async () => {
  const start = find("tiffin run -d --name web");
  expectShown(start, (await run(start.command)).out);
  const fetched = find("curl");
  const url = fetched.command.slice("curl ".length);
  const page = await succeeds(async () => await (await fetch(url)).text());
  expectShown(fetched, page);
  const listed = find("tiffin ps");
  expectShown(listed, (await run(listed.command)).out);
  const plan = find("tiffin explain web");
  expectShown(plan, (await run(plan.command)).out);
  for (const format of /`--format ([a-z|]+)`/.exec(readme)?.[1]?.split("|") ?? [])
    expect((await run(`tiffin explain --format ${format} web`)).code).toBe(0);
});

test("the tour: the same by hand", async () => {
  const script = find("tiffin explain --format sh run");
  const performed = find("sh by-hand.sh");
  const file = `${engine.directory}/by-hand.sh`;
  expect((await run(script.command.replace("by-hand.sh", file))).code).toBe(0);
  expectShown(performed, (await run(performed.command.replace("by-hand.sh", file))).out);
});

test("who reaches it, and why nobody reaches another port of it", async () => {
  const asked = shown.filter(({ command }) => command.startsWith("tiffin why "));
  expect(asked).toHaveLength(2);
  for (const each of asked) expectShown(each, (await run(each.command)).out);
});

test("the memory of what supervises it", async () => {
  const limitKb = Number(/in less than (\d+) KB of memory/.exec(readme)?.[1]);
  const pid = await engine.output("inspect", "--format", "{{.State.Pid}}", "web");
  const supervisor = / (\d+) /.exec(readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1] ?? "")?.[1];
  const pss = /^Pss:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${supervisor}/smaps_rollup`, "utf8"))?.[1];
  expect(Number(pss)).toBeGreaterThan(0);
  expect(Number(pss)).toBeLessThan(limitKb);
  await engine.output("rm", "-f", "web");
});

test("the error and its exit code", async () => {
  const failing = find("tiffin run --rm base nosuch");
  const code = find("echo $?");
  const result = await run(`${failing.command}`);
  expectShown(failing, result.out);
  expect(code.output).toEqual([String(result.code)]);
});
