/** Hands the master of a terminal to whoever listens at `--console-socket`. */
import type { OwnedFd } from "../../kernel/owned-fd.ts";
import { sendWithFds } from "../../kernel/send-fds.ts";
import { SyscallError } from "../../kernel/syscall.ts";
import type { UnixStream } from "../../kernel/unix-stream.ts";
import { TiffinError } from "../../lib/errors.ts";
import { connectForCaller, type RuntimeHost } from "../host/host.ts";

/** Connects early, so that a wrong path is known before there is a container. */
export function connectConsole(path: string, host: RuntimeHost): UnixStream {
  try {
    return connectForCaller(path, host);
  } catch (thrown) {
    if (!(thrown instanceof SyscallError)) throw thrown;
    throw new TiffinError(
      "invalid",
      "runtime.console-socket",
      `cannot connect to console socket ${path}: ${thrown.code}`,
    );
  }
}

/** The bytes that go with it name what it is, as other runtimes do; receivers ignore them. */
export function sendTerminal(receiver: UnixStream, master: OwnedFd): void {
  sendWithFds(receiver.fd, new TextEncoder().encode("/dev/ptmx"), [master]);
}
