/**
 * Many numbered lines through a log that rotates every 64 kB, beside readers that are fast, slow, and late: each has each line once, and is
 * told to the byte of what was rotated away before it came to it.
 *
 *   TIFFIN_LINES=1000000 bun test --timeout 600000 test/recovery/rotation.test.ts
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { FrameDecoder, frameTypes } from "../../src/docker/framing.ts";
import { startEngine, type TestEngine } from "../support/engine-harness.ts";
import { bytesTold, difference, sequence } from "../support/numbered-lines.ts";
import { pause } from "../support/until.ts";

const lines = Number(process.env["TIFFIN_LINES"] ?? 60_000);
const batch = 500;
const fileBytes = 64_000;
const wanted = sequence(1, lines);
/** As many files as it takes to keep all. */
const filesOfAll = Math.ceil(wanted.length / fileBytes) + 2;

let engine: TestEngine;
beforeAll(async () => {
  engine = await startEngine();
});
afterAll(async () => {
  await engine[Symbol.asyncDispose]();
});

/** Starts a container that writes all lines, a pause after each batch. */
async function write(name: string, files: number): Promise<void> {
  const script = `i=0; while [ $i -lt ${lines} ]; do seq $((i+1)) $((i+${batch})); i=$((i+${batch})); sleep 0.001; done`;
  const options = ["--log-opt", `max-size=${fileBytes}`, "--log-opt", `max-file=${files}`];
  await engine.output("run", "-d", "--name", name, ...options, "base", "sh", "-c", script);
}

interface Read {
  readonly text: string;
  readonly notes: string;
}

/** A follower that waits after each piece that it has been given. */
async function follow(name: string, waitMs: number): Promise<Read> {
  let text = "";
  let notes = "";
  const decoder = new FrameDecoder({
    part(type, piece) {
      const said = Buffer.from(piece).toString("latin1");
      if (type === frameTypes.stdout) text += said;
      else notes += said;
    },
    control() {},
  });
  const path = `/containers/${name}/logs?follow=1&stdout=1&stderr=1`;
  const response = await fetch(`http://localhost${path}`, { unix: engine.socket });
  if (response.body === null) throw new Error("a log without a body");
  for await (const piece of response.body) {
    decoder.push(piece);
    if (waitMs > 0) await pause(waitMs, "a reader that is slow");
  }
  return { text, notes };
}

async function followByCommand(name: string): Promise<Read> {
  const { stdout, stderr } = await engine.cli("logs", "-f", name);
  return { text: stdout, notes: stderr };
}

test(`each of ${lines} lines once, for followers that are fast, slow and late`, async () => {
  await write("kept", filesOfAll);
  const early = [followByCommand("kept"), follow("kept", 0), follow("kept", 5), follow("kept", 20)];
  await pause(300, "lines are written meanwhile");
  const late = [followByCommand("kept"), follow("kept", 10)];
  const all = await Promise.all([...early, ...late]);
  expect(all.map(({ text, notes }) => [difference(text, wanted), notes])).toEqual(
    all.map(() => ["none", ""]),
  );
  const afterwards = await engine.cli("logs", "kept");
  expect([difference(afterwards.stdout, wanted), afterwards.stderr]).toEqual(["none", ""]);
});

test("where few files are kept nobody has a line twice or out of turn, and what is missing is told to the byte", async () => {
  await write("short", 2);
  const all = await Promise.all([followByCommand("short"), follow("short", 0), follow("short", 50)]);
  for (const { text, notes } of all) {
    expect(bytesTold(notes) + text.length).toBe(wanted.length);
    const numbers = text.split("\n").slice(0, -1).map(Number);
    const isRising = numbers.every((number, index) => index === 0 || number > (numbers[index - 1] ?? 0));
    expect([isRising, numbers.at(-1)]).toEqual([true, lines]);
  }
});
