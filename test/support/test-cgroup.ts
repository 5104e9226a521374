/**
 * A cgroup (v2) around everything that one test starts: an engine, its executors, whatever they leave behind. It
 * tells a test's processes from all others on a busy machine, also when their parents are gone, and ends them.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { randomHex } from "../../src/lib/ids.ts";

const mountPoints = ["/sys/fs/cgroup/unified", "/sys/fs/cgroup"];
const emptyPauseMs = 10;
const emptyAttempts = 6000;

export class TestCgroup {
  readonly directory: string;

  constructor() {
    const mountPoint = mountPoints.find((path) => existsSync(`${path}/cgroup.procs`));
    if (mountPoint === undefined) throw new Error("no cgroup v2 mount on this machine");
    this.directory = `${mountPoint}/tiffin-test-${randomHex(8)}`;
    mkdirSync(this.directory);
  }

  /** A shell command line prefix: `sh -c PREFIX "$@"` runs the command inside the group. */
  wrap(command: readonly string[]): string[] {
    return ["/bin/sh", "-c", `echo 0 > ${this.directory}/cgroup.procs && exec "$@"`, "sh", ...command];
  }

  /** Process ids in it and below it. */
  processes(): number[] {
    return processesBelow(this.directory);
  }

  /** Kills everything in it and removes it. */
  async dispose(): Promise<void> {
    if (!existsSync(this.directory)) return;
    writeFileSync(`${this.directory}/cgroup.kill`, "1");
    for (let attempt = 0; attempt < emptyAttempts && this.processes().length > 0; attempt += 1) {
      await Bun.sleep(emptyPauseMs);
    }
    removeTree(this.directory);
  }
}

function children(directory: string): string[] {
  return readdirSync(directory, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => `${directory}/${entry.name}`);
}

function processesBelow(directory: string): number[] {
  const own = readFileSync(`${directory}/cgroup.procs`, "utf8").split("\n").filter(Boolean).map(Number);
  return [...own, ...children(directory).flatMap(processesBelow)];
}

function removeTree(directory: string): void {
  for (const child of children(directory)) removeTree(child);
  rmdirSync(directory);
}
