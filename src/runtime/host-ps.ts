/** The host's ps(1), for words that only it understands: started with both of its streams in one. */
import { exists } from "../kernel/files.ts";
import type { OwnedFd } from "../kernel/owned-fd.ts";
import { socketPair } from "../kernel/socket-pair.ts";
import { spawn } from "../kernel/spawn.ts";

export interface RunningPs {
  /** What it prints; ends when it does. The caller closes it, and reaps the process. */
  readonly output: OwnedFd;
  readonly pid: number;
}

/** `path` as in PATH. Undefined when no directory of it has the program. */
export function startPs(words: readonly string[], path: string): RunningPs | undefined {
  const program = path
    .split(":")
    .map((directory) => `${directory}/ps`)
    .find((candidate) => candidate.startsWith("/") && exists(candidate));
  if (program === undefined) return undefined;
  const [output, theirs] = socketPair("output of ps");
  using _theirs = theirs;
  try {
    const fds = [
      [theirs, 1],
      [theirs, 2],
    ] as const;
    const pid = spawn({
      executable: program,
      argv: ["ps", ...words],
      env: [`PATH=${path}`, "LC_ALL=C"],
      fds,
      cwd: "/",
    });
    return { output, pid };
  } catch (thrown) {
    output[Symbol.dispose]();
    throw thrown;
  }
}
