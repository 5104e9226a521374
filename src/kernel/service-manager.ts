/**
 * What a service manager such as systemd shares with a program that it starts: sockets that are open already, and an address
 * to say when the program is ready. sd_listen_fds(3), sd_notify(3)
 */

import { messageOf } from "../lib/errors.ts";
import { pause } from "../lib/timer.ts";
import { errno } from "../linux/errno.ts";
import { OwnedFd } from "./owned-fd.ts";
import { pollIn, waitFor } from "./poll.ts";
import { becomesReadable } from "./readable.ts";
import { syscall, trySyscall } from "./syscall.ts";

const firstFd = 3;
const limitSockets = 16;
const afUnix = 1;
const datagramCloexec = 2 | 0o2000000;
const cloexec = 0o2000000;
const noSignal = 0x4000;
const setDescriptorFlags = 2;
const closeOnExec = 1;
const retryMs = 100;

type Environment = Record<string, string | undefined>;

/** The listening sockets that this process was started with; what says so is taken out of `environment`. */
export function takeListeners(environment: Environment, pid: number): OwnedFd[] {
  const { LISTEN_PID: owner, LISTEN_FDS: count } = environment;
  for (const name of ["LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"]) delete environment[name];
  // A variable that came down from a parent speaks of the parent's descriptors.
  if (owner !== String(pid) || count === undefined || !/^[1-9]\d?$/.test(count)) return [];
  const most = Math.min(Number(count), limitSockets);
  return Array.from({ length: most }, (_, index) => {
    const fd = new OwnedFd(firstFd + index, `listener ${index} of the service manager`);
    syscall("fcntl", fd.what, fd.raw, setDescriptorFlags, closeOnExec);
    return fd;
  });
}

/** Gives every connection to `listener` to `take`, which owns it, until `signal` aborts. */
export async function acceptEach(
  listener: OwnedFd,
  signal: AbortSignal,
  take: (fd: number) => void,
): Promise<void> {
  while (await becomesReadable(listener, signal)) {
    while (!signal.aborted && waitFor(listener, pollIn, 0)) {
      const fd = trySyscall("accept4", listener.raw, 0, 0, cloexec);
      if (fd >= 0) take(fd);
      // Out of descriptors, most likely: the connection stays in the queue, and some will be closed.
      else if (fd !== -errno.EINTR && fd !== -errno.ECONNABORTED) await pause(retryMs);
    }
  }
}

/** Sends `state`, such as `READY=1`, to the manager, if there is one; the reason why it did not arrive otherwise. */
export function notifyManager(address: string | undefined, state: string): string | undefined {
  if (address === undefined || address === "") return undefined;
  try {
    using socket = new OwnedFd(syscall("socket", address, afUnix, datagramCloexec, 0), address);
    const name = new TextEncoder().encode(address);
    // A name in the abstract namespace is written with an at sign, and begins with a zero.
    if (address.startsWith("@")) name[0] = 0;
    const target = new Uint8Array(2 + name.length);
    target[0] = afUnix;
    target.set(name, 2);
    const bytes = new TextEncoder().encode(state);
    syscall("sendto", address, socket.raw, bytes, bytes.length, noSignal, target, target.length);
    return undefined;
  } catch (thrown) {
    return messageOf(thrown);
  }
}
