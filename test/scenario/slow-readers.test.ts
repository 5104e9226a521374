/** A reader that waits, as a pager does while somebody reads, gets everything, however long ago the program has ended. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { startEngine, type TestEngine, tiffinCommand } from "../support/engine-harness.ts";

let engine: TestEngine;
beforeAll(async () => {
  engine = await startEngine();
});
afterAll(async () => {
  await engine[Symbol.asyncDispose]();
});

const lines = 200_000;
/** Longer than anything in the engine waits: 3 s for late output, 5 s for a farewell, 2 s between two looks. */
const pauseSeconds = 9;

/** How many lines come out of a command whose reader waits first, and the command's exit code. */
async function slowly(...args: readonly string[]): Promise<string> {
  const command = tiffinCommand("-H", engine.host, ...args);
  const script = `{ "$@"; echo "exit $?" >&2; } | { sleep ${pauseSeconds}; wc -l; }`;
  const reader = Bun.spawn(["sh", "-c", script, "slowly", ...command], { stdout: "pipe", stderr: "pipe" });
  const [count, rest] = await Promise.all([
    new Response(reader.stdout).text(),
    new Response(reader.stderr).text(),
  ]);
  return `${count.trim()} ${rest.trim()}`;
}

test("run, exec, start -a and logs", async () => {
  const program = ["base", "seq", String(lines)];
  await engine.output("run", "-d", "--name", "runs", "base", "sleep", "1000");
  await engine.output("create", "--name", "started", ...program);
  await engine.output("run", "--name", "logged", ...program);
  const asked = [
    ["run", "--rm", ...program],
    ["exec", "runs", "seq", String(lines)],
    ["start", "-a", "started"],
    ["logs", "logged"],
    ["logs", "-f", "logged"],
  ];
  expect(await Promise.all(asked.map((args) => slowly(...args)))).toEqual(asked.map(() => `${lines} exit 0`));
}, 60_000);
