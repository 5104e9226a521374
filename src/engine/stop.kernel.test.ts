/** How long a stop waits before it kills, for every number that a client may send. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { EngineFixture } from "../../test/support/engine-in-process.ts";

const fixture = new EngineFixture();
beforeAll(async () => {
  await fixture.open();
});
afterAll(async () => {
  await fixture[Symbol.asyncDispose]();
});

/** Takes a while to end after SIGTERM, then ends with 3. */
const slow = ["sh", "-c", "trap 'sleep 0.3; exit 3' TERM; echo ready; while :; do sleep 0.05; done"];

async function stopped(name: string, body: object, timeoutSeconds?: number): Promise<number> {
  const { containers } = fixture.engine;
  const id = await fixture.start(slow, body, name);
  const { exit } = await containers.wait(id, "not-running", new AbortController().signal);
  // The trap must be set before the signal.
  const reading = await containers.logs(
    id,
    { follow: true, stdout: true, stderr: false },
    new AbortController().signal,
  );
  for await (const batch of reading.batches) if (batch.length > 0) break;
  await containers.stop(id, { timeoutSeconds });
  const { StatusCode } = await exit;
  await containers.remove(id, { force: true, volumes: true });
  return StatusCode;
}

for (const seconds of [2_147_483, 2_147_484, 4_294_968, 2 ** 40, Number.MAX_SAFE_INTEGER, -1]) {
  test(`stop with a limit of ${seconds} s lets the program end by itself`, async () => {
    expect(await stopped("limit", {}, seconds)).toBe(3);
  });
}

test("a container's own limit may be as long", async () => {
  expect(await stopped("own", { StopTimeout: 2_147_484 })).toBe(3);
});

test("a limit of 0 s kills at once", async () => {
  expect(await stopped("none", {}, 0)).toBe(137);
});
