/** What `--output` leaves when a command is ended in the middle. */
import { expect, test } from "bun:test";
import { mkdirSync, readdirSync, readFileSync, readlinkSync, writeFileSync } from "node:fs";
import { tiffinCommand } from "../../test/support/engine-harness.ts";
import { temporaryDirectory } from "../../test/support/temporary-directory.ts";
import { until } from "../../test/support/until.ts";

/** Whether process `pid` has a file of `directory` open, with a name or without. */
function hasBegun(pid: number, directory: string): boolean {
  const fds = `/proc/${pid}/fd`;
  return readdirSync(fds).some((fd) => {
    try {
      return readlinkSync(`${fds}/${fd}`).startsWith(`${directory}/out/`);
    } catch {
      return false;
    }
  });
}

test.each([
  ["save", "SIGINT"],
  ["save", "SIGKILL"],
  ["export", "SIGTERM"],
] as const)("a %s that %s ends leaves what was there, and nothing beside it", async (command, signal) => {
  using files = temporaryDirectory("output");
  const socket = `${files.path}/sock`;
  const server = Bun.serve({
    unix: socket,
    fetch: () =>
      new Response(
        new ReadableStream({
          start(controller) {
            controller.enqueue(new Uint8Array(100_000));
          },
        }),
        { headers: { "content-type": "application/x-tar" } },
      ),
  });
  const out = `${files.path}/out`;
  mkdirSync(out);
  writeFileSync(`${out}/file.tar`, "old");
  const child = Bun.spawn(tiffinCommand(command, "-o", `${out}/file.tar`, "some"), {
    env: { ...process.env, TIFFIN_HOST: `unix://${socket}` },
    stdio: ["ignore", "ignore", "ignore"],
  });
  await until("the file has been begun", () => hasBegun(child.pid, files.path));
  child.kill(signal);
  await child.exited;
  expect(readdirSync(out)).toEqual(["file.tar"]);
  expect(readFileSync(`${out}/file.tar`, "utf8")).toBe("old");
  await server.stop(true);
});
