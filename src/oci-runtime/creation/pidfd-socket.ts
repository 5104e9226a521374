/** Hands a pidfd of the process that was made to whoever listens at `--pidfd-socket`. */
import { openPidfd } from "../../kernel/pidfd.ts";
import { sendWithFds } from "../../kernel/send-fds.ts";
import { SyscallError } from "../../kernel/syscall.ts";
import type { UnixStream } from "../../kernel/unix-stream.ts";
import { TiffinError } from "../../lib/errors.ts";
import { connectForCaller, type RuntimeHost } from "../host/host.ts";

/** Connects early, so that a wrong path is known before there is a process. */
export function connectPidfdSocket(path: string | undefined, host: RuntimeHost): UnixStream | undefined {
  if (path === undefined) return undefined;
  try {
    return connectForCaller(path, host);
  } catch (thrown) {
    if (!(thrown instanceof SyscallError)) throw thrown;
    const message = `cannot connect to pidfd socket ${path}: ${thrown.code}`;
    throw new TiffinError("invalid", "runtime.pidfd-socket", message);
  }
}

/** Receivers ignore the bytes that go with it. Of a process that is gone already they only see the end. */
export function sendPidfd(receiver: UnixStream | undefined, pid: number): void {
  if (receiver === undefined) return;
  using pidfd = openPidfd(pid);
  if (pidfd !== undefined) sendWithFds(receiver.fd, new TextEncoder().encode("pidfd"), [pidfd]);
}
