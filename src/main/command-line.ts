/** Gives the command line its doors to the kernel and starts the engine on first use. */
import { processIo } from "../cli/process-io.ts";
import { runCli } from "../cli/run-cli.ts";
import { PollSet } from "../kernel/poll.ts";
import { isTerminal, makeRaw, restoreTerminal, windowSize } from "../kernel/tty.ts";
import { connectUnix } from "../kernel/unix-stream.ts";
import { version } from "./version.ts";

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
      newPollTable: (length) => new PollSet(length),
      isTerminal,
      windowSize,
      makeRaw(fd) {
        const before = makeRaw(fd);
        return () => restoreTerminal(fd, before);
      },
    },
    ensureEngine: async (where) => (await import("./start-engine.ts")).ensureEngine(where),
  });
  return runCli(words, io);
}
