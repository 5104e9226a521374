/** The host of a command that runs in the process that was called. No `process.stdout`: it costs 12 ms. */
import { readLink } from "../../kernel/files.ts";
import { writeAll } from "../../kernel/io.ts";
import { OwnedFd } from "../../kernel/owned-fd.ts";
import { pollIn, waitFor } from "../../kernel/poll.ts";
import { SyscallError, trySyscall } from "../../kernel/syscall.ts";
import { ExecutorProcess } from "./executor-process.ts";
import { enterForeground, serveForeground } from "./foreground.ts";
import type { RuntimeHost } from "./host.ts";

export interface Program {
  readonly version: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Throws in a directory that has been removed. */
  cwd(): string;
  /** The bytes of the executor's binary. */
  executor(): Promise<Uint8Array>;
}

const encoder = new TextEncoder();

export function ownHost(program: Program): RuntimeHost {
  const standard = [
    new OwnedFd(0, "standard input"),
    new OwnedFd(1, "standard output"),
    new OwnedFd(2, "standard error"),
  ] as const;
  let signals: OwnedFd | undefined;
  const executor = async (): Promise<ExecutorProcess> => new ExecutorProcess(await program.executor());
  return {
    version: program.version,
    env: program.env,
    get cwd() {
      return program.cwd();
    },
    get pid() {
      return trySyscall("getpid");
    },
    get uid() {
      return trySyscall("geteuid");
    },
    get gid() {
      return trySyscall("getegid");
    },
    procName: "self",
    standard,
    checkPath: () => undefined,
    inherited(fd) {
      const target = readLink(`/proc/self/fd/${fd}`);
      // The event loop of this very program takes the first free numbers.
      return target === undefined || target.startsWith("anon_inode:[event")
        ? undefined
        : new OwnedFd(fd, `descriptor ${fd}`);
    },
    print(fd, text) {
      try {
        writeAll(standard[fd], encoder.encode(text));
      } catch (thrown) {
        if (!(thrown instanceof SyscallError)) throw thrown;
      }
    },
    executor,
    sideExecutor: executor,
    enterForeground() {
      signals = enterForeground();
    },
    enterTerminal: () => undefined,
    serveForeground: async (pid, terminal) => {
      if (signals === undefined) throw new Error("enterForeground comes before the launch");
      return serveForeground(pid, terminal, signals);
    },
    readable: async (fd, limitMs) => waitFor(fd, pollIn, limitMs),
    pause: async (ms) => {
      trySyscall("ppoll", 0, 0, new BigUint64Array([0n, BigInt(ms * 1_000_000)]), 0, 0);
    },
  };
}
