/** `--pidfd-socket`: whoever listens gets a pidfd of the very process that was made. */
import { expect } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { OwnedFd } from "../../src/kernel/owned-fd.ts";
import { pollIn, waitFor } from "../../src/kernel/poll.ts";
import { receiveWithFds } from "../../src/kernel/send-fds.ts";
import { syscall } from "../../src/kernel/syscall.ts";
import { listenUnix } from "../../src/kernel/unix-listener.ts";
import { specOf } from "./bundle.ts";
import { eachRuntime } from "./runtimes.ts";

const limitMs = 10_000;
const closeOnExec = 0o2000000;

/** The process that the received descriptor refers to, as the kernel tells it. */
function receivedPid(listener: OwnedFd): number {
  if (!waitFor(listener, pollIn, limitMs)) throw new Error("nobody connected to the pidfd socket");
  using peer = new OwnedFd(syscall("accept4", "pidfd socket", listener.raw, 0, 0, closeOnExec), "peer");
  const [received] = receiveWithFds(peer, new Uint8Array(256), 1).fds;
  if (received === undefined) throw new Error("no descriptor came with the message");
  using pidfd = received;
  return Number(/^Pid:\s*(\d+)$/m.exec(readFileSync(`/proc/self/fdinfo/${pidfd.raw}`, "utf8"))?.[1]);
}

const older = "older than this flag";
const except = { crun: `1.8 is ${older}`, runc: `1.1 is ${older}` };

eachRuntime(
  "a pidfd of the process goes to the pidfd socket: run, create and exec",
  async (bundle) => {
    using listener = listenUnix(bundle.directory, "pidfd");
    const socket = join(bundle.directory, "pidfd");
    const pidFile = join(bundle.directory, "pid");
    const flags = ["--pidfd-socket", socket, "--pid-file", pidFile];
    const writtenPid = (): number => Number(readFileSync(pidFile, "utf8"));
    bundle.configure(specOf(["/bin/sleep", "1000"]));
    expect((await bundle.detached("create", ...flags, bundle.id)).code).toBe(0);
    expect(receivedPid(listener)).toBe(writtenPid());
    expect((await bundle.call("start", bundle.id)).code).toBe(0);
    const program = ["/bin/sleep", "1000"];
    expect((await bundle.detached("exec", "--detach", ...flags, bundle.id, ...program)).code).toBe(0);
    expect(receivedPid(listener)).toBe(writtenPid());
    expect((await bundle.call("delete", "--force", bundle.id)).code).toBe(0);
    expect((await bundle.detached("run", "--detach", ...flags, bundle.id)).code).toBe(0);
    expect(receivedPid(listener)).toBe(writtenPid());
  },
  { except },
);

eachRuntime(
  "a pidfd socket that nobody listens at is an error before anything is made",
  async (bundle) => {
    bundle.configure(specOf(["/bin/true"]));
    const told = await bundle.call("run", "--pidfd-socket", join(bundle.directory, "absent"), bundle.id);
    expect(told.code).not.toBe(0);
    expect(told.stderr).toContain("cannot connect to pidfd socket");
    expect((await bundle.call("state", bundle.id)).code).not.toBe(0);
  },
  { except },
);
