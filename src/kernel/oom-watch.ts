/**
 * Hearing of OOM kills in a group while it lives. Version 1 signals an eventfd that was registered with
 * cgroup.event_control; version 2 counts in memory.events and tells inotify.
 */
import { type FSWatcher, watch } from "node:fs";
import { dirname } from "node:path";
import { messageOf } from "../lib/errors.ts";
import { pause } from "../lib/timer.ts";
import { cgroupPath, unifiedHierarchy } from "../linux/cgroup.ts";
import { type CgroupFacts, v1Hierarchy } from "../linux/host-facts.ts";
import { readOomKills } from "./cgroup.ts";
import { exists, openFile, openFlags, writeKernelFile } from "./files.ts";
import { readAvailable } from "./io.ts";
import { OwnedFd } from "./owned-fd.ts";
import { becomesReadable } from "./readable.ts";
import { SyscallError, syscall } from "./syscall.ts";

const killLimitMs = 1000;
const killStepMs = 5;
const eventfdCloexecNonblock = 0o2000000 | 0o4000;

/**
 * Calls `killed` with the group's total whenever the OOM killer has struck in it, from now on; `ended` once if
 * watching stops by itself, because the group was removed (without `reason`) or for a failure. Throws `SyscallError`
 * when it cannot start. Disposing stops it.
 */
export function watchOomKills(
  facts: CgroupFacts,
  directory: string,
  killed: (total: number) => void,
  ended: (reason?: string) => void = () => {},
): Disposable {
  let known = readOomKills(facts, directory);
  const look = (): boolean => {
    const total = readOomKills(facts, directory);
    const more = total > known;
    known = Math.max(known, total);
    if (more) killed(total);
    return more;
  };
  if (facts.mode === "v2")
    return watchEvents(`${cgroupPath(facts, unifiedHierarchy, directory)}`, look, ended);
  const memory = v1Hierarchy(facts, "memory");
  if (memory === undefined) return { [Symbol.dispose]() {} };
  return watchEventfd(memory.mountPoint + directory, look, ended);
}

/** A file of the cgroup file system says nothing when it goes with its group; the directory above does. */
function watchEvents(path: string, look: () => boolean, ended: (reason?: string) => void): Disposable {
  const watchers: FSWatcher[] = [];
  const end = (reason?: string): void => {
    if (watchers.length === 0) return;
    for (const watcher of watchers.splice(0)) watcher.close();
    ended(reason);
  };
  const gone = (): void => {
    if (!exists(path)) end();
  };
  const failed = (thrown: unknown): void => end(exists(path) ? messageOf(thrown) : undefined);
  watchers.push(watch(dirname(path), gone).on("error", failed));
  try {
    watchers.push(watch(`${path}/memory.events`, look).on("error", failed));
  } catch (thrown) {
    for (const watcher of watchers) watcher.close();
    throw thrown;
  }
  return {
    [Symbol.dispose]: () => {
      for (const watcher of watchers.splice(0)) watcher.close();
    },
  };
}

function watchEventfd(path: string, look: () => boolean, ended: (reason?: string) => void): Disposable {
  const eventfd = new OwnedFd(
    syscall("eventfd2", "OOM events", 0, eventfdCloexecNonblock),
    `OOM events of ${path}`,
  );
  try {
    using control = openFile(undefined, `${path}/memory.oom_control`, openFlags.readOnly);
    const failed = writeKernelFile(`${path}/cgroup.event_control`, `${eventfd.raw} ${control.raw}`);
    if (failed !== 0) throw new SyscallError("write", failed, `${path}/cgroup.event_control`);
  } catch (thrown) {
    eventfd[Symbol.dispose]();
    throw thrown;
  }
  const stop = new AbortController();
  const run = async (): Promise<void> => {
    using events = eventfd;
    const counter = new Uint8Array(8);
    while (await becomesReadable(events, stop.signal)) {
      readAvailable(events, counter);
      // The kernel speaks when the group is out of memory, which is before it has chosen and killed a process.
      for (let waitedMs = 0; !look() && waitedMs < killLimitMs; waitedMs += killStepMs) {
        if (stop.signal.aborted || !exists(path)) break;
        await pause(killStepMs);
      }
      // Removing the group signals the eventfd once more.
      if (!exists(path)) {
        ended();
        return;
      }
    }
  };
  run().catch((thrown: unknown) => ended(messageOf(thrown)));
  return { [Symbol.dispose]: () => stop.abort() };
}
