/**
 * Reaps executors that this process started. An executor closes its connections a moment before it can be waited
 * for, so a few attempts with growing pauses follow the close; the timers keep no event loop alive.
 */
import { reapChild, signalPid } from "../kernel/pidfd.ts";
import { after } from "../lib/timer.ts";

const pausesMs = [0, 2, 10, 50, 250, 1000] as const;
const lastPauseMs = 1000;
const attemptLimit = 60;
const sigkill = 9;

/** Reaps `pid` soon. One that is still there after the growing pauses is killed: it has no way to be of use. */
export function reapSoon(pid: number, attempt = 0): void {
  if (reapChild(pid) !== "running" || attempt >= attemptLimit) return;
  if (attempt >= pausesMs.length) signalPid(pid, sigkill);
  after(pausesMs[attempt] ?? lastPauseMs, () => reapSoon(pid, attempt + 1), { background: true });
}

/** Reaps a supervisor whenever it ends: one that was let go of, or that still has output for a client that is slow. */
export function reapEventually(pid: number, attempt = 0): void {
  if (reapChild(pid) !== "running") return;
  after(pausesMs[attempt] ?? lastPauseMs, () => reapEventually(pid, attempt + 1), { background: true });
}

/** Kills an executor of ours that does not end; the end of its connections then leads to `reapSoon`. */
export function killExecutor(pid: number): void {
  signalPid(pid, sigkill);
}
