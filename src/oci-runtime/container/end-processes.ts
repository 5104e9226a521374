/** The end of a container's processes, all of them, and of its groups: the heart of `delete` and of every undo. */
import { removeCgroup, tryRemoveCgroup } from "../../kernel/cgroup.ts";
import { killCgroup, listCgroupProcesses } from "../../kernel/cgroup-processes.ts";
import { openPidfd, signalPidfd } from "../../kernel/pidfd.ts";
import { monotonicMs } from "../../lib/clock.ts";
import { TiffinError } from "../../lib/errors.ts";
import type { RuntimeHost } from "../host/host.ts";
import type { MainProcess, StoredContainer } from "./container-record.ts";
import { startTicksOf } from "./status.ts";

const sigkill = 9;
const endLimitMs = 10_000;

/**
 * Kills the main process and everything in the container's group, and waits for it. A process that was given the
 * main process's number since is left alone. Throws `unavailable` when one hangs in the kernel.
 */
export async function endProcesses(
  { id, process, record }: StoredContainer,
  host: RuntimeHost,
): Promise<void> {
  if (process !== undefined) await endMainProcess(id, process, host);
  const { cgroup } = record;
  if (cgroup === null) return;
  // The end of a pid namespace has taken all others along, so mostly there is nothing to kill.
  if (listCgroupProcesses(cgroup.facts, cgroup.directory).length > 0) {
    await killCgroup(cgroup.facts, cgroup.directory);
  }
}

/** Kills the main process alone, unless its number is another one's now. */
export async function endMainProcess(id: string, process: MainProcess, host: RuntimeHost): Promise<void> {
  const pidfd = openPidfd(process.pid);
  if (pidfd === undefined) return;
  using owned = pidfd;
  // Looked at after it was opened: the number stands for this process now.
  if (startTicksOf(process.pid) !== process.startTicks) return;
  signalPidfd(owned, sigkill);
  if (!(await host.readable(owned, endLimitMs))) {
    throw new TiffinError("unavailable", "runtime.process-hangs", `main process of ${id} does not end`);
  }
}

/**
 * Ends what a launch has left whose executor ended in the middle: its child may still be on its way into the groups, so
 * only their removal is proof that there is none.
 */
export async function endLostLaunch({ record }: StoredContainer, host: RuntimeHost): Promise<void> {
  const { cgroup } = record;
  if (cgroup === null) return;
  const untilMs = monotonicMs() + endLimitMs;
  do {
    await killCgroup(cgroup.facts, cgroup.directory);
    if (tryRemoveCgroup(cgroup.facts, cgroup.directory) === undefined) return;
    await host.pause(1);
  } while (monotonicMs() < untilMs);
}

/** Takes the groups away; a group that is still busy is waited for. */
export async function removeGroups({ record }: StoredContainer): Promise<void> {
  const { cgroup } = record;
  if (cgroup?.unit !== undefined) (await import("../../runtime/systemd/mod.ts")).stopScope(cgroup.unit);
  if (cgroup === null || tryRemoveCgroup(cgroup.facts, cgroup.directory) === undefined) return;
  await removeCgroup(cgroup.facts, cgroup.directory);
}
