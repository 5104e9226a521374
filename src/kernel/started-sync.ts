/** A file system that is put on disk while this process does other things: by sync(1), for its own call would wait. */
import { exists } from "./files.ts";
import { reapChild } from "./pidfd.ts";
import { spawn } from "./spawn.ts";

const programs = ["/usr/bin/sync", "/bin/sync"];

export interface StartedSync {
  isRunning(): boolean;
}

/** Of the file system of `directory`; undefined where no such program can be started. Whether it does what it should is not told. */
export function startSync(directory: string): StartedSync | undefined {
  const program = programs.find((path) => exists(path));
  if (program === undefined) return undefined;
  const env = ["LC_ALL=C", "PATH=/usr/bin:/bin"];
  try {
    const pid = spawn({ executable: program, argv: ["sync", "-f", directory], env, cwd: "/" });
    return { isRunning: () => reapChild(pid) === "running" };
  } catch {
    return undefined;
  }
}
