/** The host of a command that a resident helper does for the process that was called. */
import { encodeMessage } from "../../abi/message.ts";
import { descriptorStatus } from "../../kernel/directory.ts";
import { openFile, openFlags } from "../../kernel/files.ts";
import type { OwnedFd } from "../../kernel/owned-fd.ts";
import { SyscallError } from "../../kernel/syscall.ts";
import { resolveFlags } from "../../linux/open-flags.ts";
import { signalNumbers } from "../../linux/signals.ts";
import { exitRecordOf } from "../../runtime/exit-record.ts";
import { foregroundSignals } from "../host/foreground-signals.ts";
import { type Executor, NotHere, type RuntimeHost } from "../host/host.ts";
import { performPlan } from "../host/plan-talk.ts";
import { type FrontConnection, FrontGone } from "./front-connection.ts";
import type { Request } from "./request.ts";
import type { WaitLoop } from "./wait-loop.ts";

export interface FrontHostParts {
  readonly version: string;
  readonly front: FrontConnection;
  readonly request: Request;
  readonly pid: number;
  readonly loop: WaitLoop;
  /** The executor's binary, sealed. */
  readonly executor: OwnedFd;
  readonly sideExecutor: () => Promise<Executor>;
}

const encoder = new TextEncoder();
/** Names that mean another thing in another process. */
const ownPaths = /^\/(?:dev\/(?:fd|std(?:in|out|err)|tty)|proc\/(?:self|thread-self))(?:\/|$)/;

export function frontHost(parts: FrontHostParts): RuntimeHost {
  const { version, front, request, pid, loop } = parts;
  const { env, cwd, standard } = request;
  /** The command waits for its program's end. */
  let waits = false;
  /** While the front performs a plan it hears of nothing else. */
  let performing = false;
  const kept: Uint8Array[] = [];
  const output = (bytes: Uint8Array): void => {
    if (performing) kept.push(bytes);
    else front.sendBytes(bytes);
  };
  const executor: Executor = {
    async perform(plan, fds, onSync) {
      performing = true;
      try {
        const talk = {
          send: (bytes: Uint8Array, sent: readonly OwnedFd[]) => front.sendBytes(bytes, sent),
          receive: async () => ({ message: await front.receive(), fds: front.takeFds() }),
        };
        return await performPlan(talk, plan, fds, onSync);
      } finally {
        performing = false;
        for (const bytes of kept.splice(0)) front.sendBytes(bytes);
      }
    },
    [Symbol.dispose]: () => undefined,
  };
  return {
    version,
    env,
    cwd,
    pid,
    uid: 0,
    gid: 0,
    procName: String(pid),
    standard,
    checkPath(path) {
      if (ownPaths.test(path) || isOnlyForCaller(path)) throw new NotHere(path);
    },
    inherited() {
      throw new NotHere("descriptors of the caller");
    },
    print(fd, text) {
      const bytes = encoder.encode(text);
      if (bytes.length > 0) output(joined(encodeMessage("output", { fd, bytes: bytes.length }), bytes));
    },
    async executor() {
      front.send("become", { keepSignals: waits ? 1 : 0 }, [parts.executor]);
      return executor;
    },
    sideExecutor: parts.sideExecutor,
    enterForeground() {
      waits = true;
    },
    enterTerminal() {
      throw new NotHere("a terminal");
    },
    async serveForeground() {
      front.send("awaitExit", { reserved: 0, reserved2: 0, signals: signalMask });
      const { name, fields } = await front.receive();
      if (name !== "exited") throw new FrontGone(`${name} is not what was waited for`);
      return exitRecordOf({
        waitStatus: fields.waitStatus,
        oomKilled: false,
        startedAtNs: 0n,
        finishedAtNs: 0n,
      }).exitCode;
    },
    readable: (fd, limitMs) => loop.readable(fd, limitMs),
    pause: (ms) => loop.pause(ms),
  };
}

/**
 * Whether `path` leads through a link of /proc to what only the caller's process has, or to a pipe: opening one waits
 * for its other end, and everybody else would wait with us.
 */
function isOnlyForCaller(path: string): boolean {
  try {
    using file = openFile(undefined, path, openFlags.path, { resolve: resolveFlags.noMagicLinks });
    return descriptorStatus(file).type === "fifo";
  } catch (thrown) {
    if (!(thrown instanceof SyscallError)) throw thrown;
    // Whoever uses the path says what else is wrong with it.
    return thrown.code === "ELOOP";
  }
}

const signalMask = [...foregroundSignals, signalNumbers.SIGWINCH].reduce(
  (mask, signal) => mask | (1n << BigInt(signal - 1)),
  0n,
);

function joined(a: Uint8Array, b: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(a.length + b.length);
  bytes.set(a);
  bytes.set(b, a.length);
  return bytes;
}
