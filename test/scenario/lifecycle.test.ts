/** The life of containers through the command line: run, logs, exec, stop, kill, wait, rm. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { startEngine, type TestEngine, tiffinCommand } from "../support/engine-harness.ts";
import { until } from "../support/until.ts";

let engine: TestEngine;

beforeAll(async () => {
  engine = await startEngine();
});
afterAll(async () => {
  await engine[Symbol.asyncDispose]();
});

const output = async (...args: readonly string[]): Promise<string> => await engine.output(...args);

test("run: output, error output and the exit code are the program's", async () => {
  const result = await engine.cli("run", "--rm", "base", "sh", "-c", "echo out; echo err >&2; exit 7");
  expect(result).toEqual({ stdout: "out\n", stderr: "err\n", exitCode: 7 });
});

test("run: a program killed by a signal ends with 128 + n", async () => {
  // Without --init the shell is PID 1, which the kernel protects from signals it does not handle.
  expect((await engine.cli("run", "--rm", "base", "sh", "-c", "kill -TERM $$; exit 4")).exitCode).toBe(4);
  expect(
    (await engine.cli("run", "--rm", "--init", "base", "sh", "-c", "kill -TERM $$; sleep 9")).exitCode,
  ).toBe(143);
});

test("run -i: standard input reaches the program and its end too", async () => {
  const input = "line\n".repeat(50_000);
  const result = await engine.cliWith({ input }, "run", "-i", "--rm", "base", "wc");
  expect(result.stdout.trim().split(/\s+/)).toEqual(["50000", "50000", "250000"]);
});

test("run: ten megabytes of output arrive whole", async () => {
  const result = await engine.cli(
    "run",
    "--rm",
    "base",
    "sh",
    "-c",
    "head -c 10000000 /dev/zero | tr '\\0' x",
  );
  expect(result.stdout.length).toBe(10_000_000);
});

test("run --rm leaves nothing", async () => {
  await output("run", "--rm", "base", "true");
  const before = engine.snapshot();
  await output("run", "--rm", "--name", "gone", "base", "true");
  expect(await engine.leftovers(before)).toEqual([]);
  expect(await output("ps", "-a", "--filter", "name=gone", "-q")).toBe("");
});

test("environment, working directory and user", async () => {
  const script = 'echo "$A $B $HOME"; pwd; id';
  const seen = await output(
    "run",
    "--rm",
    "-e",
    "A=1",
    "--env",
    "B=two words",
    "-w",
    "/made/here",
    "-u",
    "1000:1001",
    "base",
    "sh",
    "-c",
    script,
  );
  expect(seen).toBe("1 two words /\n/made/here\nuid=1000 gid=1001 groups=1001");
  expect(
    (
      await engine.cliWith(
        { env: { FROM_OUTSIDE: "yes" } },
        "run",
        "--rm",
        "-e",
        "FROM_OUTSIDE",
        "base",
        "sh",
        "-c",
        "echo $FROM_OUTSIDE",
      )
    ).stdout,
  ).toBe("yes\n");
});

test("entrypoint replaces the image's command", async () => {
  expect(await output("run", "--rm", "--entrypoint", "echo", "base", "a", "b")).toBe("a b");
});

test("volumes: a bind is the host's directory, read-only when asked, a named one outlives containers", async () => {
  const shared = `${engine.directory}/shared`;
  mkdirSync(shared);
  writeFileSync(`${shared}/in`, "from host\n");
  expect(
    await output(
      "run",
      "--rm",
      "-v",
      `${shared}:/shared`,
      "base",
      "sh",
      "-c",
      "cat /shared/in; echo back > /shared/out",
    ),
  ).toBe("from host");
  expect(readFileSync(`${shared}/out`, "utf8")).toBe("back\n");
  const refused = await engine.cli("run", "--rm", "-v", `${shared}:/shared:ro`, "base", "touch", "/shared/x");
  expect(refused.stderr).toContain("Read-only file system");
  await output("run", "--rm", "-v", "kept:/data", "base", "sh", "-c", "echo remembered > /data/file");
  expect(await output("run", "--rm", "-v", "kept:/data", "base", "cat", "/data/file")).toBe("remembered");
});

test("ps, inspect, create, start, restart of a stopped container keep its files", async () => {
  const id = await output("create", "--name", "again", "base", "sh", "-c", "echo run >> /count; cat /count");
  expect(
    await output("ps", "-a", "--filter", "name=again", "--format", "{{.Names}} {{.Image}} {{.Status}}"),
  ).toBe("again base Created");
  expect(await output("start", "again")).toBe("again");
  expect(await output("wait", "again")).toBe("0");
  expect(await output("start", "-a", "again")).toBe("run\nrun");
  expect(await output("inspect", "--format", "{{.Id}} {{.State.Status}}", "again")).toBe(`${id} exited`);
  expect(await output("ps", "-a", "--filter", "name=again", "--format", "{{.Status}}")).toMatch(
    /^Exited \(0\) /,
  );
});

test("logs: past, tail, streams, timestamps; logs -f follows to the end", async () => {
  await output(
    "run",
    "-d",
    "--name",
    "talks",
    "base",
    "sh",
    "-c",
    "for i in 1 2 3 4 5; do echo line $i; done; echo bad >&2; sleep 1; echo last",
  );
  const followed = await engine.cli("logs", "-f", "talks");
  expect(followed.stdout).toBe("line 1\nline 2\nline 3\nline 4\nline 5\nlast\n");
  expect(followed.stderr).toBe("bad\n");
  expect(
    (await engine.cli("logs", "--tail", "2", "talks")).stdout +
      (await engine.cli("logs", "--tail", "2", "talks")).stderr,
  ).toBe("last\nbad\n");
  expect((await engine.cli("logs", "-t", "talks")).stdout).toMatch(
    /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z line 1\n/,
  );
});

test("exec: output, exit code, environment, user, directory, detached", async () => {
  await output("run", "-d", "--name", "target", "base", "sleep", "1000");
  const result = await engine.cli(
    "exec",
    "-e",
    "X=y",
    "-w",
    "/tmp",
    "-u",
    "1000",
    "target",
    "sh",
    "-c",
    "echo $X; pwd; id -u; exit 42",
  );
  expect(result).toEqual({ stdout: "y\n/tmp\n1000\n", stderr: "", exitCode: 42 });
  expect((await engine.cliWith({ input: "typed" }, "exec", "-i", "target", "cat")).stdout).toBe("typed");
  await output("exec", "-d", "target", "sh", "-c", "echo made > /made");
  await until(
    "what the exec makes",
    async () => (await engine.cli("exec", "target", "cat", "/made")).stdout.trim() === "made",
  );
  expect((await engine.cli("exec", "target", "no-such-program")).exitCode).toBe(127);
  expect((await engine.cli("exec", "target", "/etc/passwd")).exitCode).toBe(126);
});

/** Its program has set its traps when it says so. */
async function ready(name: string): Promise<void> {
  await until(`${name} to be ready`, async () => (await output("logs", name)).includes("ready"));
}

test("stop: the stop signal first, SIGKILL after the grace time", async () => {
  await output(
    "run",
    "-d",
    "--name",
    "polite",
    "base",
    "sh",
    "-c",
    "trap 'echo bye; exit 3' TERM; echo ready; while :; do sleep 0.05; done",
  );
  await ready("polite");
  expect(await output("stop", "polite")).toBe("polite");
  expect(await output("inspect", "--format", "{{.State.ExitCode}}", "polite")).toBe("3");
  expect(await output("logs", "polite")).toBe("ready\nbye");
  await output(
    "run",
    "-d",
    "--name",
    "deaf",
    "base",
    "sh",
    "-c",
    "trap '' TERM; echo ready; while :; do sleep 0.05; done",
  );
  await ready("deaf");
  await output("stop", "-t", "1", "deaf");
  expect(await output("inspect", "--format", "{{.State.ExitCode}}", "deaf")).toBe("137");
});

test("kill with a signal, wait, rm and rm -f", async () => {
  await output(
    "run",
    "-d",
    "--name",
    "hit",
    "base",
    "sh",
    "-c",
    "trap 'exit 9' USR1; echo ready; while :; do sleep 0.05; done",
  );
  await ready("hit");
  const waiting = engine.cli("wait", "hit");
  await output("kill", "-s", "USR1", "hit");
  expect((await waiting).stdout.trim()).toBe("9");
  expect(await output("rm", "hit")).toBe("hit");
  await output("run", "-d", "--name", "up", "base", "sleep", "1000");
  const refused = await engine.cli("rm", "up");
  expect(refused.exitCode).toBe(1);
  expect(refused.stderr).toContain("container is running");
  expect(await output("rm", "-f", "up")).toBe("up");
});

test("the signal that the command gets is the program's", async () => {
  const command = Bun.spawn(
    tiffinCommand(
      "run",
      "--rm",
      "base",
      "sh",
      "-c",
      "trap 'echo got; exit 5' TERM; echo ready; while :; do sleep 0.05; done",
    ),
    {
      env: { ...process.env, TIFFIN_HOST: engine.host },
      stdout: "pipe",
    },
  );
  const reader = command.stdout.getReader();
  const first = await reader.read();
  expect(new TextDecoder().decode(first.value)).toBe("ready\n");
  command.kill("SIGTERM");
  expect(await command.exited).toBe(5);
});

test("--init reaps orphans and passes signals on", async () => {
  await output("run", "-d", "--init", "--name", "reaper", "base", "sleep", "1000");
  await output("exec", "reaper", "sh", "-c", "(sleep 0.1 &) ; (sleep 0.1 &)");
  // Its children are the init, sleep, and this shell with its pipeline; an orphan that nobody reaps would stay.
  const orphans = "grep -lE '^State:.Z|^Name:.sleep' /proc/[0-9]*/status 2>/dev/null | wc -l";
  await until(
    "the orphans to be reaped",
    async () => (await output("exec", "reaper", "sh", "-c", orphans)) === "1",
  );
  await output("stop", "reaper");
  expect(await output("inspect", "--format", "{{.State.ExitCode}}", "reaper")).toBe("143");
});

test("explain: the plan of a start, without doing any of it", async () => {
  await output("create", "--name", "planned", "-m", "64m", "base", "true");
  const before = engine.snapshot();
  const text = await output("explain", "-f", "plain", "planned");
  expect(text).toMatch(/host {5}cgroupWrite .*"67108864" {2}\[linux\.resources\.memory/);
  expect(text).toMatch(/child {4}pivotRoot/);
  expect(text.trimEnd().split("\n").at(-1)).toMatch(/child {4}exec .*\[process\.args\]$/);
  expect(await output("explain", "-f", "shell", "planned")).toStartWith("#!/bin/sh");
  const plan: unknown = JSON.parse(await output("explain", "-f", "json", "planned"));
  expect(plan).toHaveProperty("ops");
  expect(await engine.leftovers(before)).toEqual([]);
  const refused = await engine.cli("explain", "-f", "poem", "planned");
  expect(refused.exitCode).toBe(125);
  expect(refused.stderr).toContain("must be one of text, json, sh, markdown, plain");
});

test("explain run: what would be done, with who asked for it, and nothing is made", async () => {
  const before = engine.snapshot();
  const words = ["-m", "64m", "-v", "pantry:/data", "-v", `${engine.root}/nowhere:/in`, "--network", "none"];
  const text = await output("explain", "run", ...words, "base", "sh", "-c", "true");
  expect(text).toStartWith("This is what a start would do.\n");
  expect(text).toContain("[-v pantry:/data]");
  expect(text).toContain(`[-v ${engine.root}/nowhere:/in]`);
  expect(text).toMatch(/"67108864".*\[--memory 67108864\]/);
  expect(text).toMatch(/ exec +sh .*\[the command of run\]\n/);
  expect(await output("volume", "ls", "-q", "--filter", "name=pantry")).toBe("");
  expect(existsSync(`${engine.root}/nowhere`)).toBe(false);
  expect(await engine.leftovers(before)).toEqual([]);
  const difference = await output("explain", "--diff", "run", "--read-only", "planned", "base", "true");
  expect(difference).toContain("mountSetattr /");
  expect(await output("explain", "planned", "--details")).toContain("becomes the program");
  expect((await engine.cli("explain", "run", "--nosuch", "base")).stderr).toContain("unknown flag: --nosuch");
  expect((await engine.cli("explain", "run", "nosuchimage")).stderr).toContain("No such image");
  expect((await engine.cli("explain", "run", "-u", "nobodyatall", "base")).stderr).toContain("nobodyatall");
});

test("explain and trace: how long each operation of the last start took, and who asked for it", async () => {
  await output("run", "-d", "--name", "timed", "-m", "64m", "base", "sleep", "1000");
  await output("run", "-d", "--name", "plain", "base", "sleep", "1000");
  const text = await output("explain", "timed");
  expect(text).toMatch(/^\d+ operations, [\d.]+ ms\n/);
  expect(text).toMatch(/ clone +new process .* (?:ms|µs) {2}\[default\]\n/);
  expect(text).toMatch(/"67108864" +[\d.]+ (?:ms|µs) {2}\[--memory 67108864\]\n/);
  expect(await output("explain", "--lang", "zh", "timed")).toContain("命名空间");
  const difference = await output("explain", "--diff", "timed", "plain");
  expect(difference).toMatch(/ {2}- cgroupWrite .*"67108864"\n/);
  expect(difference).not.toContain("pivotRoot");

  const trace = JSON.parse(await output("trace", "--json", "timed"));
  const sum = trace.Operations.reduce(
    (total: number, { Nanoseconds }: { Nanoseconds: number }) => total + Nanoseconds,
    0,
  );
  // The two processes work side by side for a moment, and there is more to a launch than its operations.
  expect(sum).toBeGreaterThan(trace.Phases.clone);
  expect(sum).toBeLessThan(2 * (trace.Phases.total + trace.Phases.host));
  const byName = new Map<string, number>(
    trace.Operations.map(({ Operation, Nanoseconds }: { Operation: string; Nanoseconds: number }) => [
      Operation,
      Nanoseconds,
    ]),
  );
  for (const name of ["clone", "exec", "pivotRoot", "cgroupCreate"])
    expect(byName.get(name)).toBeGreaterThan(0);
  expect(await output("trace", "-n", "3", "timed")).toMatch(/^PHASE +TIME +WHAT\n/);
  const told = await engine.cli("run", "--rm", "--timings", "base", "echo", "hello");
  expect(told.stdout).toBe("hello\n");
  expect(told.stderr).toMatch(/^PHASE +TIME +WHAT\nlookUp +[\d.]+ ms /);
  const behind = await engine.cli("run", "-d", "--timings", "base", "sleep", "1000");
  expect(behind.stdout).toMatch(/^[0-9a-f]{64}\n$/);
  expect(behind.stderr).toContain(" clone ");
  expect(await engine.cli("trace", "planned")).toMatchObject({
    exitCode: 1,
    stderr: expect.stringContaining("was not measured by this engine"),
  });
});
