/**
 * What passes between a client and a program is exact: every byte of short lives, the size of a terminal from the first moment,
 * each signal once; and a client that goes leaves the program alone and nothing in the engine.
 *
 *   TIFFIN_EXECS=10000 TIFFIN_ATTACHES=10000 bun test --timeout 3600000 test/scenario/exact-streams.test.ts
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { connect } from "node:net";
import { startEngine, type TestEngine, tiffinCommand } from "../support/engine-harness.ts";
import { until } from "../support/until.ts";

const execs = Number(process.env["TIFFIN_EXECS"] ?? 60);
const attaches = Number(process.env["TIFFIN_ATTACHES"] ?? 200);
const lanes = 4;

let engine: TestEngine;
beforeAll(async () => {
  engine = await startEngine();
  await engine.output(
    "run",
    "-d",
    "--name",
    "main",
    "base",
    "sh",
    "-c",
    "while :; do echo on; sleep 0.2; done",
  );
});
afterAll(async () => {
  await engine[Symbol.asyncDispose]();
});

async function inLanes(count: number, work: (index: number) => Promise<void>): Promise<void> {
  let next = 0;
  const lane = async (): Promise<void> => {
    for (let index = next++; index < count; index = next++) await work(index);
  };
  await Promise.all(Array.from({ length: lanes }, lane));
}

test(`${execs} execs, short ones and ones of half a megabyte: every byte, on its own stream, and the exit code`, async () => {
  const large = 500_000;
  await inLanes(execs, async (index) => {
    const code = index % 7;
    const words = index % 3 === 0 ? `head -c ${large} /dev/zero | tr '\\0' x` : `echo said ${index}`;
    const { stdout, stderr, exitCode } = await engine.cli(
      "exec",
      "main",
      "sh",
      "-c",
      `${words}; echo e >&2; exit ${code}`,
    );
    const wanted = index % 3 === 0 ? "x".repeat(large) : `said ${index}\n`;
    expect([index, exitCode, stderr, stdout.length, stdout === wanted]).toEqual([
      index,
      code,
      "e\n",
      wanted.length,
      true,
    ]);
  });
});

/** Attaches, waits for output, and goes without a word. */
async function attachAndGo(): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const socket = connect(engine.socket);
  const head =
    "POST /v1.45/containers/main/attach?stream=1&stdout=1&stderr=1&stdin=1 HTTP/1.1\r\nHost: x\r\n" +
    "Connection: Upgrade\r\nUpgrade: tcp\r\n\r\n";
  socket.on("connect", () => socket.write(head));
  socket.on("data", (data) => {
    if (!data.toString().includes("101")) return;
    socket.destroy();
    resolve();
  });
  socket.on("error", reject);
  await promise;
}

function rssKib(): number {
  return Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${engine.pid}/status`, "utf8"))?.[1]);
}

test(`${attaches} clients that attach and go leave the program running, and neither descriptors nor memory in the engine`, async () => {
  await inLanes(40, attachAndGo);
  const [before, memory] = [engine.snapshot(), rssKib()];
  await inLanes(attaches, attachAndGo);
  expect(await engine.leftovers(before)).toEqual([]);
  // A collector takes its time; a leak of a few kilobytes a client over many clients is more than this.
  await until("the memory of before", () => rssKib() < memory + (24 << 10));
  expect(await engine.output("inspect", "-f", "{{.State.Status}}", "main")).toBe("running");
});

test("the first look of a program at its terminal finds the size that the client has, in run and in exec", async () => {
  const looks = [
    ["run", "--rm", "-it", "base", "stty", "size"],
    ["exec", "-it", "main", "stty", "size"],
  ];
  for (let round = 0; round < 5; round += 1) {
    for (const words of looks) {
      await using terminal = engine.terminal(words, { rows: 31 + round, columns: 97 });
      await terminal.see(`${31 + round} 97`);
      expect(await terminal.exited()).toBe(0);
    }
  }
});

test("with --init a thousand orphans are reaped, and the stop signal ends a program that does not handle it", async () => {
  const orphans = "i=0; while [ $i -lt 1000 ]; do (true &); i=$((i+1)); done; echo done; exec sleep 1000";
  await engine.output("run", "-d", "--init", "--name", "parent", "base", "sh", "-c", orphans);
  await until("all to be made", async () => (await engine.output("logs", "parent")) === "done");
  const pid = await engine.output("inspect", "-f", "{{.State.Pid}}", "parent");
  const children = (): number =>
    readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim().split(/\s+/).length;
  await until("none but the program to be a child", () => children() === 1);
  // By the signal and not after the grace time.
  await engine.output("stop", "-t", "3000", "parent");
  expect(await engine.output("inspect", "-f", "{{.State.ExitCode}}", "parent")).toBe("143");
});

test("each signal that the command gets arrives at the program once, and in order", async () => {
  const signals = ["HUP", "QUIT", "USR1", "USR2", "TERM", "INT"] as const;
  const traps = signals.map((name) => `trap 'echo ${name}' ${name}`).join("; ");
  const program = `${traps}; echo ready; while [ ! -e /over ]; do sleep 0.02; done; echo over`;
  const child = Bun.spawn(tiffinCommand("run", "--rm", "--name", "told", "base", "sh", "-c", program), {
    env: { ...process.env, TIFFIN_HOST: engine.host },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "inherit",
  });
  let text = "";
  const reading = (async () => {
    const decoder = new TextDecoder();
    for await (const piece of child.stdout) text += decoder.decode(piece, { stream: true });
  })();
  await until("the program to be ready", () => text.startsWith("ready\n"));
  for (const name of signals) {
    child.kill(`SIG${name}`);
    await until(`${name} to arrive`, () => text.includes(`${name}\n`));
  }
  await engine.output("exec", "told", "touch", "/over");
  expect(await child.exited).toBe(0);
  await reading;
  expect(text).toBe(`ready\n${signals.join("\n")}\nover\n`);
});
