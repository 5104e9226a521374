/**
 * The record file: where a supervisor writes how its process ended, for an engine that was not there. The file is
 * preallocated so that a full disk cannot lose an exit status, and written in place.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { abiVersion, recordBytes, recordFields, recordMagic } from "../abi/schema.ts";
import { TiffinError } from "../lib/errors.ts";
import { exitRecordOf } from "./exit-record.ts";
import type { ExitRecord } from "./supervised-process.ts";

/** What a record file says. `empty`: never started. `running`: or its supervisor was killed. */
export type ProcessRecord =
  | { readonly state: "empty" }
  | { readonly state: "running"; readonly pid: number; readonly startedAtNs: bigint }
  | { readonly state: "exited"; readonly pid: number; readonly exit: ExitRecord }
  | { readonly state: "failed" };

/** Makes an empty record file. */
export function createRecord(path: string): void {
  writeFileSync(path, new Uint8Array(recordBytes), { mode: 0o600 });
}

/** Reads a record file. Throws `internal` for one that is damaged or from another version, ENOENT when missing. */
export function readRecord(path: string): ProcessRecord {
  return decodeRecord(readFileSync(path));
}

/** The same from its bytes. */
export function decodeRecord(bytes: Uint8Array): ProcessRecord {
  if (bytes.length < recordBytes) throw damaged(`is ${bytes.length} bytes long, wanted ${recordBytes}`);
  const fields = readFields(bytes);
  if (fields.magic === 0n && fields.state === 0n) return { state: "empty" };
  if (fields.magic !== BigInt(recordMagic)) throw damaged("does not begin as a record");
  if (fields.version !== BigInt(abiVersion)) throw damaged(`is of version ${fields.version}`);
  const pid = Number(fields.pid);
  switch (Number(fields.state)) {
    case 0:
      return { state: "empty" };
    case 1:
      return { state: "running", pid, startedAtNs: fields.startedAtNs };
    case 2: {
      const exit = exitRecordOf({
        waitStatus: Number(fields.waitStatus),
        oomKilled: Number(fields.oomKilled),
        startedAtNs: fields.startedAtNs,
        finishedAtNs: fields.finishedAtNs,
      });
      return { state: "exited", pid, exit };
    }
    case 3:
      return { state: "failed" };
    default:
      throw damaged(`has the unknown state ${fields.state}`);
  }
}

type RecordField = keyof typeof recordFields;

function readFields(bytes: Uint8Array): Record<RecordField, bigint> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const values: Partial<Record<RecordField, bigint>> = {};
  let at = 0;
  for (const [name, type] of Object.entries(recordFields)) {
    // Object.entries loses the literal key type of the table it walks.
    const field = name as RecordField;
    values[field] = type === "u64" ? view.getBigUint64(at, true) : BigInt(view.getUint32(at, true));
    at += type === "u64" ? 8 : 4;
  }
  return values as Record<RecordField, bigint>;
}

function damaged(why: string): TiffinError {
  return new TiffinError("internal", "runtime.bad-record", `exit record ${why}`);
}
