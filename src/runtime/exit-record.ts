/** From wait(2)'s status word to what an engine reports. Pure. */
import type { ExitRecord } from "./supervised-process.ts";

const signalMask = 0x7f;
const signalExitBase = 128;
const sigkill = 9;

export interface RawExit {
  /** As wait4(2) gives it. */
  readonly waitStatus: number;
  readonly oomKilled: boolean;
  readonly startedAtNs: bigint;
  readonly finishedAtNs: bigint;
}

/** Exit code 0-255 from a wait status: the status itself, or 128 + the signal that ended the process. */
export function exitRecordOf(raw: RawExit): ExitRecord {
  const signal = raw.waitStatus & signalMask;
  const common = {
    oomKilled: raw.oomKilled,
    startedAtNs: raw.startedAtNs,
    finishedAtNs: raw.finishedAtNs,
    lost: false,
  };
  if (signal === 0) return { exitCode: (raw.waitStatus >> 8) & 0xff, ...common };
  return { exitCode: signalExitBase + signal, signal, ...common };
}

/** For a supervisor that was killed: nobody knows how the process ended, if it did. */
export function lostExit(startedAtNs: bigint, nowNs: bigint): ExitRecord {
  return {
    exitCode: signalExitBase + sigkill,
    signal: sigkill,
    oomKilled: false,
    startedAtNs,
    finishedAtNs: nowNs,
    lost: true,
  };
}
