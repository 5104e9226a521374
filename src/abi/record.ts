/** The record file of a supervisor: how a container ended, readable while no engine and no supervisor runs. */
import { TiffinError } from "../lib/errors.ts";
import { abiVersion, recordBytes, recordMagic, recordStates } from "./schema.ts";

export type RecordState = keyof typeof recordStates;

export interface SupervisorRecord {
  readonly state: RecordState;
  /** The main process, in the pid namespace of the engine. */
  readonly pid: number;
  /** As wait(2) gives it; for `failed` the errno of the step that failed. */
  readonly waitStatus: number;
  readonly oomKilled: boolean;
  /** CLOCK_REALTIME nanoseconds; 0: never. */
  readonly startedAtNs: bigint;
  readonly finishedAtNs: bigint;
}

// Object.keys loses the key type; the keys are exactly those of `recordStates`.
const states = Object.keys(recordStates) as RecordState[];

/** Decodes a record file. Throws `container.record-unreadable` (internal) when it is not one of this version. */
export function decodeRecord(bytes: Uint8Array): SupervisorRecord {
  const refuse = (text: string): never => {
    throw new TiffinError("internal", "container.record-unreadable", text);
  };
  if (bytes.length !== recordBytes)
    refuse(`the exit record has ${bytes.length} bytes, wanted ${recordBytes}`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.every((byte) => byte === 0)) {
    return { state: "empty", pid: 0, waitStatus: 0, oomKilled: false, startedAtNs: 0n, finishedAtNs: 0n };
  }
  if (view.getUint32(0, true) !== recordMagic) refuse("the exit record does not begin with its magic number");
  const version = view.getUint32(4, true);
  if (version !== abiVersion) refuse(`the exit record has version ${version}, wanted ${abiVersion}`);
  const stateNumber = view.getUint32(8, true);
  return {
    state:
      states.find((state) => recordStates[state] === stateNumber) ??
      refuse(`the exit record has the unknown state ${stateNumber}`),
    pid: view.getUint32(12, true),
    waitStatus: view.getUint32(16, true),
    oomKilled: view.getUint32(20, true) !== 0,
    startedAtNs: view.getBigUint64(24, true),
    finishedAtNs: view.getBigUint64(32, true),
  };
}
