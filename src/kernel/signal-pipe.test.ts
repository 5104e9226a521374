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
  if (got !== undefined) seen.push(...buffer.subarray(0, got));
}
writeSync(1, seen.join(","));
process.exit(0);
`;

test("each signal is one byte, in a loop that never returns to JavaScript's event loop", async () => {
  const child = Bun.spawn([process.execPath, "-e", program], { stdout: "pipe", stderr: "inherit" });
  const reader = child.stdout.getReader();
  const read = async (): Promise<string> => new TextDecoder().decode((await reader.read()).value);
  expect(await read()).toBe("ready\n");
  process.kill(child.pid, "SIGWINCH");
  await Bun.sleep(20);
  process.kill(child.pid, "SIGINT");
  await Bun.sleep(20);
  process.kill(child.pid, "SIGTERM");
  expect(await read()).toBe("28,2,15");
  expect(await child.exited).toBe(0);
});
