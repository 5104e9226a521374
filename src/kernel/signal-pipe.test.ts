import { expect, test } from "bun:test";

/** In a process of its own: the handler stays for the life of a process. */
const program = `
import { catchSignals } from ${JSON.stringify(`${import.meta.dir}/signal-pipe.ts`)};
import { PollSet, pollIn } from ${JSON.stringify(`${import.meta.dir}/poll.ts`)};
import { readAvailable } from ${JSON.stringify(`${import.meta.dir}/io.ts`)};
import { writeSync } from "node:fs";
const signals = catchSignals([2, 15, 28]);
const set = new PollSet(1);
set.set(0, signals, pollIn);
writeSync(1, "ready\\n");
const buffer = new Uint8Array(16);
const seen = [];
while (!seen.includes(15)) {
  set.wait(5000);
  const got = readAvailable(signals, buffer);
  for (const number of buffer.subarray(0, got ?? 0)) {
    seen.push(number);
    writeSync(1, number + "\\n");
  }
}
process.exit(0);
`;

test("each signal is one byte, in a loop that never returns to JavaScript's event loop", async () => {
  const child = Bun.spawn([process.execPath, "-e", program], { stdout: "pipe", stderr: "inherit" });
  const reader = child.stdout.getReader();
  const read = async (): Promise<string> => new TextDecoder().decode((await reader.read()).value);
  expect(await read()).toBe("ready\n");
  for (const [name, number] of [
    ["SIGWINCH", 28],
    ["SIGINT", 2],
    ["SIGTERM", 15],
  ] as const) {
    process.kill(child.pid, name);
    expect(await read()).toBe(`${number}\n`);
  }
  expect(await child.exited).toBe(0);
});
