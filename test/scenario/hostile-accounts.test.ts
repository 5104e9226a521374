/** A container decides what its /etc/passwd is; an exec as one of its users must neither hang nor believe everything. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { startEngine, type TestEngine } from "../support/engine-harness.ts";

let engine: TestEngine;
beforeAll(async () => {
  engine = await startEngine();
});
afterAll(async () => {
  await engine[Symbol.asyncDispose]();
});

const unknown = "unable to find user root: no matching entries in passwd file";
const cases: readonly (readonly [what: string, make: string, wanted: string])[] = [
  ["the kernel's log, which keeps its reader", "ln -s /proc/kmsg /etc/passwd", unknown],
  ["a file of /proc without end", "ln -s /proc/self/mem /etc/passwd", unknown],
  ["a file of /sys", "ln -s /sys/kernel/mm/transparent_hugepage/enabled /etc/passwd", unknown],
  ["a pipe", "mkfifo /etc/passwd", unknown],
  ["a directory", "mkdir /etc/passwd", unknown],
  ["a link in a circle", "ln -s /etc/passwd /etc/passwd", unknown],
  ["a device", "mknod /etc/passwd c 1 5", unknown],
  [
    "three gigabytes of nothing",
    "truncate -s 3221225472 /etc/passwd",
    "/etc/passwd of the container is larger than 1048576 bytes",
  ],
  ["bytes that are no text", "printf '\\377\\376:::\\n' >/etc/passwd", unknown],
];

for (const [index, [what, make, wanted]] of cases.entries()) {
  test(`an account file that is ${what}`, async () => {
    const name = `hostile-${index}`;
    await engine.output("run", "-d", "--name", name, "base", "sleep", "1000");
    await engine.output("exec", name, "sh", "-c", `rm /etc/passwd; ${make}`);
    const { exitCode, stderr } = await engine.cli("exec", "-u", "root", name, "true");
    expect([exitCode, stderr]).toEqual([expect.any(Number), expect.stringContaining(wanted)]);
    expect(exitCode).not.toBe(0);
    // The engine serves on.
    expect(await engine.output("ps", "-q", "--filter", `name=${name}`)).not.toBe("");
    await engine.output("rm", "-f", name);
  });
}
