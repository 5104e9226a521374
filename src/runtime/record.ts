/**
 * The record file: where a supervisor writes how its process ended, for an engine that was not there. The file is
 * preallocated so that a full disk cannot lose an exit status, and written in place.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { decodeRecord } from "../abi/record.ts";
import { recordBytes } from "../abi/schema.ts";
import { exitRecordOf } from "./exit-record.ts";
import type { ExitRecord } from "./supervised-process.ts";

/** What a record file says. `running` may also mean that the supervisor was killed, or the machine lost power. */
export type ProcessRecord =
  | { readonly state: "empty" }
  | { readonly state: "running"; readonly pid: number; readonly startedAtNs: bigint }
  | { readonly state: "exited"; readonly pid: number; readonly exit: ExitRecord }
  | { readonly state: "failed" };

/** Makes an empty record file. */
export function createRecord(path: string): void {
  writeFileSync(path, new Uint8Array(recordBytes), { mode: 0o600 });
}

/**
 * Reads a record file. Throws `container.record-unreadable` (internal) for one that is damaged or of another
 * version, and the system's ENOENT when it is missing.
 */
export function readRecord(path: string): ProcessRecord {
  const record = decodeRecord(readFileSync(path));
  switch (record.state) {
    case "empty":
    case "failed":
      return { state: record.state };
    case "running":
      return { state: "running", pid: record.pid, startedAtNs: record.startedAtNs };
    case "exited":
      return { state: "exited", pid: record.pid, exit: exitRecordOf(record) };
  }
}
