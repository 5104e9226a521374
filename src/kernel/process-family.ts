/**
 * A process with all that it has begun: killed together, those that fork meanwhile included. Who has left both its session
 * and its parents is not found.
 */
import { parseStat } from "../linux/proc.ts";
import { signalNumbers } from "../linux/signals.ts";
import { readTextIfPossible } from "./files.ts";
import type { OwnedFd } from "./owned-fd.ts";
import { openPidfd, signalPidfd } from "./pidfd.ts";

/** Each round stops all that are found, so a further one is needed only for what they forked before it reached them. */
const roundLimit = 32;

/**
 * Kills `root`, what descends from it, and what is of its session if it leads one. `listed` gives the numbers of processes
 * among which they are.
 */
export function killProcessFamily(root: number, listed: () => readonly number[]): void {
  const held = new Map<number, OwnedFd>();
  using _held = {
    [Symbol.dispose]: () => {
      for (const pidfd of held.values()) pidfd[Symbol.dispose]();
    },
  };
  for (let round = 0; round < roundLimit; round += 1) {
    const found = membersAmong(root, listed());
    if (!stopAll(found, held)) break;
  }
  for (const pidfd of held.values()) signalPidfd(pidfd, signalNumbers.SIGKILL);
}

/** True when one was found that is new. */
function stopAll(found: ReadonlySet<number>, held: Map<number, OwnedFd>): boolean {
  let isNew = false;
  for (const pid of found) {
    if (held.has(pid)) continue;
    const pidfd = openPidfd(pid);
    if (pidfd === undefined) continue;
    held.set(pid, pidfd);
    // One that forks no more cannot bring another while the others are looked for.
    signalPidfd(pidfd, signalNumbers.SIGSTOP);
    isNew = true;
  }
  return isNew;
}

function membersAmong(root: number, pids: readonly number[]): Set<number> {
  const stats = pids.flatMap((pid) => parseStat(readTextIfPossible(`/proc/${pid}/stat`) ?? "") ?? []);
  const leadsSession = stats.some(({ pid, session }) => pid === root && session === root);
  const members = new Set<number>();
  for (const { pid, session } of stats) {
    if (pid === root || (leadsSession && session === root)) members.add(pid);
  }
  for (let before = -1; before !== members.size; ) {
    before = members.size;
    for (const { pid, parentPid } of stats) if (members.has(parentPid)) members.add(pid);
  }
  return members;
}
