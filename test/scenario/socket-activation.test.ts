/** An engine as a service manager starts it: with a socket that is open already, and somebody to tell when it is ready. */
import { afterAll, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { tagOfRoot } from "../../src/engine/config.ts";
import { OwnedFd } from "../../src/kernel/owned-fd.ts";
import { pollIn, waitFor } from "../../src/kernel/poll.ts";
import { acceptEach, takeListeners } from "../../src/kernel/service-manager.ts";
import { syscall } from "../../src/kernel/syscall.ts";
import { listenUnix } from "../../src/kernel/unix-listener.ts";
import { connectUnix, unixAddress } from "../../src/kernel/unix-stream.ts";
import { request, tiffinCommand } from "../support/engine-harness.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";
import { until } from "../support/until.ts";

const place = temporaryDirectory("activation");
const socket = `${place.path}/sock`;
afterAll(() => place[Symbol.dispose]());

const datagramNonBlocking = 2 | 0o4000 | 0o2000000;
const backlog = 64;

function datagrams(path: string): OwnedFd {
  const fd = new OwnedFd(syscall("socket", path, 1, datagramNonBlocking, 0), path);
  const address = unixAddress(path);
  syscall("bind", path, fd.raw, address, address.length);
  return fd;
}

function received(fd: OwnedFd): string {
  const into = new Uint8Array(256);
  return new TextDecoder().decode(into.subarray(0, syscall("read", fd.what, fd.raw, into, into.length)));
}

test("clients that were there first are answered, the manager hears of it, and the socket is the next engine's", async () => {
  const root = `${place.path}/root`;
  using listener = listenUnix(place.path, "sock", backlog);
  using manager = datagrams(`${place.path}/notify`);
  const log = `${place.path}/log`;
  const words = ["daemon", "--root", root, "--run", `${place.path}/run`, "--host", `unix://${socket}`];
  // The identity of the process is only known inside.
  const exec = ["sh", "-c", 'LISTEN_PID=$$ exec "$@"', "sh", ...tiffinCommand(...words)];
  expect(tagOfRoot(root)).not.toBe("");
  for (const _life of ["first", "second"]) {
    const early = request(socket, "GET", "/_ping");
    const engine = Bun.spawn(exec, {
      env: { ...process.env, LISTEN_FDS: "1", NOTIFY_SOCKET: `${place.path}/notify` },
      stdio: ["ignore", Bun.file(log), Bun.file(log), listener.raw],
    });
    try {
      expect((await early).text).toBe("OK");
      await until("READY=1", () => waitFor(manager, pollIn, 0));
      expect(received(manager)).toBe("READY=1");
      const all = await Promise.all(
        Array.from({ length: 40 }, () => request(socket, "GET", "/containers/json?all=1")),
      );
      expect(all.every(({ status }) => status === 200)).toBe(true);
      const environment = readFileSync(`/proc/${engine.pid}/environ`, "utf8");
      expect(environment).toContain(`LISTEN_PID=${engine.pid}`);
    } finally {
      engine.kill("SIGTERM");
      expect(await engine.exited).toBe(0);
    }
    expect(received(manager)).toBe("STOPPING=1");
  }
  expect(readFileSync(log, "utf8")).toBe("");
}, 60_000);

test("variables that speak of another process's descriptors are taken away and not believed", () => {
  const environment: Record<string, string | undefined> = { LISTEN_PID: "1", LISTEN_FDS: "3", OTHER: "kept" };
  expect(takeListeners(environment, process.pid)).toEqual([]);
  expect(environment).toEqual({ OTHER: "kept" });
  expect(takeListeners({ LISTEN_PID: String(process.pid), LISTEN_FDS: "many" }, process.pid)).toEqual([]);
});

test("a listener that is let go keeps its queue for whoever comes next", async () => {
  using listener = listenUnix(place.path, "queue", backlog);
  const stop = new AbortController();
  const taken: number[] = [];
  const accepting = acceptEach(listener, stop.signal, (fd) => taken.push(fd));
  using _one = connectUnix(`${place.path}/queue`);
  await until("a connection", () => taken.length === 1);
  stop.abort();
  await accepting;
  using _two = connectUnix(`${place.path}/queue`);
  expect(waitFor(listener, pollIn, 0)).toBe(true);
  for (const fd of taken) new OwnedFd(fd, "accepted")[Symbol.dispose]();
});
