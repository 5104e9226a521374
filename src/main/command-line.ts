/** Gives the command line its doors to the kernel and starts the engine on first use. */

import { type CaughtSignals, processIo } from "../cli/process-io.ts";
import { runCli } from "../cli/run-cli.ts";
import { PollSet } from "../kernel/poll.ts";
import { catchSignals as catchAsBytes, releaseSignals } from "../kernel/signal-pipe.ts";
import { cString, syscall, trySyscall } from "../kernel/syscall.ts";
import { isTerminal, makeRaw, restoreTerminal, windowSize } from "../kernel/tty.ts";
import { connectUnix } from "../kernel/unix-stream.ts";
import { own } from "../lib/own.ts";
import { errno } from "../linux/errno.ts";
import { atFlags } from "../linux/open-flags.ts";
import { signalNumbers } from "../linux/signals.ts";
import { version } from "./version.ts";

const longestLinkBytes = 256;
const waitingSignals = 64;

export function runCommandLine(words: readonly string[]): Promise<number> {
  const io = processIo({
    version,
    doors: {
      connect(path) {
        const stream = connectUnix(path);
        return {
          fd: stream.fd.raw,
          read: (into) => stream.read(into),
          write: (bytes) => stream.write(bytes),
          shutdownWrite: () => stream.endWriting(),
          close: () => stream[Symbol.dispose](),
        };
      },
      // Straight to the kernel: loading node:fs takes longer than the rest of a short command.
      descriptors: {
        write: (fd, bytes) => trySyscall("write", fd, bytes, bytes.length),
        read: (fd, into) => trySyscall("read", fd, into, into.length),
        readLink(path) {
          const target = new Uint8Array(longestLinkBytes);
          const length = trySyscall("readlinkat", atFlags.fdcwd, cString(path), target, target.length);
          return length < 0 ? undefined : new TextDecoder().decode(target.subarray(0, length));
        },
        isThere(path) {
          // A link or not: all but the absence of the name is an answer.
          const result = trySyscall("readlinkat", atFlags.fdcwd, cString(path), new Uint8Array(1), 1);
          return result !== -errno.ENOENT && result !== -errno.ENOTDIR;
        },
      },
      catchSignals,
      nameFile(fd, path) {
        const { fdcwd, symlinkFollow } = atFlags;
        syscall("linkat", path, fdcwd, cString(`/proc/self/fd/${fd}`), fdcwd, cString(path), symlinkFollow);
      },
      newPollTable: (length) => new PollSet(length),
      isTerminal,
      windowSize,
      makeRaw(fd) {
        const before = makeRaw(fd);
        return () => restoreTerminal(fd, before);
      },
    },
    runProgram(words, input) {
      const done = Bun.spawnSync([...words], { stdin: new TextEncoder().encode(input), stderr: "inherit" });
      return { exitCode: done.exitCode, stdout: done.stdout.toString() };
    },
    dialOut: async (endpoint) => (await import("./dial-out.ts")).dialOut(endpoint),
    fileDetails: async () => (await import("./file-details.ts")).fileDetails,
    observer: async () => (await import("../observe/mod.ts")).observer,
    ensureEngine: async (where) => (await import("./start-engine.ts")).ensureEngine(where),
  });
  return runCli(words, io);
}

function catchSignals(names: readonly string[]): CaughtSignals {
  const numbersByName: Readonly<Record<string, number>> = signalNumbers;
  const nameOf = new Map<number, string>();
  for (const name of names) {
    const number = own(numbersByName, name);
    if (number !== undefined) nameOf.set(number, name);
  }
  const numbers = [...nameOf.keys()];
  const pipe = catchAsBytes(numbers);
  const bytes = new Uint8Array(waitingSignals);
  return {
    fd: pipe.raw,
    take() {
      const count = trySyscall("read", pipe.raw, bytes, bytes.length);
      const come = count > 0 ? [...bytes.subarray(0, count)] : [];
      return come.flatMap((number) => nameOf.get(number) ?? []);
    },
    release: () => releaseSignals(numbers),
  };
}
