/** A person at a terminal: typing, resizing, detaching, attaching again. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { startEngine, type TestEngine } from "../support/engine-harness.ts";

let engine: TestEngine;

beforeAll(async () => {
  engine = await startEngine();
});
afterAll(async () => {
  await engine[Symbol.asyncDispose]();
});

test("run -it: the first size is right, typing works, a resize arrives, exit code comes back", async () => {
  await using terminal = engine.terminal(["run", "-it", "--rm", "base", "sh"], { rows: 33, columns: 101 });
  await terminal.see("#");
  terminal.type("stty size\n");
  await terminal.see("33 101");
  terminal.type("tty\n");
  await terminal.see("/dev/pts/0");
  terminal.resize(44, 122);
  await terminal.typeUntil("stty size\n", "44 122");
  terminal.type("echo go-$((6*7)); sleep 1000\n");
  await terminal.see("go-42");
  await terminal.typeUntil("\x03echo after-$((40+2))\n", "after-42");
  terminal.type("exit 13\n");
  expect(await terminal.exited()).toBe(13);
});

test("detach with ctrl-p ctrl-q leaves it running; attach finds it again", async () => {
  {
    await using terminal = engine.terminal(["run", "-it", "--name", "kept", "base", "sh"]);
    await terminal.see("#");
    terminal.type("secret=remembered\n");
    await terminal.see("#");
    terminal.type("\x10\x11");
    expect(await terminal.exited()).toBe(0);
  }
  expect((await engine.cli("inspect", "--format", "{{.State.Running}}", "kept")).stdout.trim()).toBe("true");
  await using again = engine.terminal(["attach", "kept"]);
  await again.typeUntil("echo I-$secret\n", "I-remembered");
  again.type("exit 4\n");
  expect(await again.exited()).toBe(4);
});

test("exec -it has a terminal of its own inside", async () => {
  await engine.cli("run", "-d", "--name", "busy", "base", "sleep", "1000");
  await using terminal = engine.terminal(["exec", "-it", "busy", "sh"], { rows: 20, columns: 70 });
  await terminal.see("#");
  terminal.type("stty size; tty\n");
  await terminal.see("20 70");
  terminal.type("exit 6\n");
  expect(await terminal.exited()).toBe(6);
});

test("-t without a terminal on standard input is refused in Docker's words", async () => {
  const result = await engine.cliWith({ input: "x" }, "run", "-it", "--rm", "base", "sh");
  expect(result.exitCode).toBe(1);
  expect(result.stderr).toContain("the input device is not a TTY");
});
