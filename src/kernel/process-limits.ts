/** Limits and priority of this very process, as far as they go over to the programs that it starts. */
import { rlimitInfinity, rlimitNumbers } from "../linux/rlimits.ts";
import { trySyscall } from "./syscall.ts";

const priorityProcess = 0;
const ioPriorityProcess = 1;
const schedOther = 0;
const allProcessors = new Uint8Array(1024).fill(0xff);
/** What would end or stop a process that serves others: processor time, size of files, memory. */
const endingLimits = [
  rlimitNumbers.RLIMIT_CPU,
  rlimitNumbers.RLIMIT_FSIZE,
  rlimitNumbers.RLIMIT_DATA,
  rlimitNumbers.RLIMIT_AS,
];

/** How many descriptors this process may have. */
export function fdLimit(): number {
  const limit = new BigUint64Array(2);
  if (trySyscall("prlimit64", 0, rlimitNumbers.RLIMIT_NOFILE, 0, limit) !== 0) return 0;
  return Number(limit[0] ?? 0n);
}

/** Lowers the soft limit of descriptors to `soft`, unless it is there already (see getrlimit(2)). */
export function lowerFdLimit(soft: number): void {
  const limit = new BigUint64Array(2);
  if (trySyscall("prlimit64", 0, rlimitNumbers.RLIMIT_NOFILE, 0, limit) !== 0) return;
  if ((limit[0] ?? 0n) <= BigInt(soft)) return;
  limit[0] = BigInt(soft);
  trySyscall("prlimit64", 0, rlimitNumbers.RLIMIT_NOFILE, limit, 0);
}

/**
 * Gives this thread, for what it starts next, the priority, scheduling and processors of any process, and lifts its
 * limits. False when a limit stays.
 */
export function becomeOrdinary(): boolean {
  trySyscall("setpriority", priorityProcess, 0, 0);
  trySyscall("sched_setscheduler", 0, schedOther, new Int32Array(1));
  trySyscall("sched_setaffinity", 0, allProcessors.length, allProcessors);
  trySyscall("ioprio_set", ioPriorityProcess, 0, 0);
  const none = new BigUint64Array(2).fill(rlimitInfinity);
  return endingLimits.every((number) => trySyscall("prlimit64", 0, number, none, 0) === 0);
}
