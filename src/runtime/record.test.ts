import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { abiVersion, recordBytes, recordMagic } from "../abi/schema.ts";
import { TiffinError } from "../lib/errors.ts";
import { createRecord, readRecord } from "./record.ts";

let directory = "";
const path = () => `${directory}/record`;
beforeEach(() => {
  directory = mkdtempSync("/tmp/tiffin-test-record-");
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

/** A record as a supervisor writes it. */
function write(state: number, waitStatus = 0, oomKilled = 0): void {
  const view = new DataView(new ArrayBuffer(recordBytes));
  [recordMagic, abiVersion, state, 42, waitStatus, oomKilled].forEach((value, index) => {
    view.setUint32(index * 4, value, true);
  });
  view.setBigUint64(24, 1000n, true);
  view.setBigUint64(32, 2000n, true);
  writeFileSync(path(), new Uint8Array(view.buffer));
}

test("a new record is empty, complete and private", () => {
  createRecord(path());
  expect(readRecord(path())).toEqual({ state: "empty" });
  expect([statSync(path()).size, statSync(path()).mode & 0o777]).toEqual([recordBytes, 0o600]);
});

test("exit status, signal and OOM are told apart", () => {
  const times = { startedAtNs: 1000n, finishedAtNs: 2000n, lost: false };
  write(2, 7 << 8);
  expect(readRecord(path())).toEqual({
    state: "exited",
    pid: 42,
    exit: { exitCode: 7, oomKilled: false, ...times },
  });
  write(2, 9, 1);
  expect(readRecord(path())).toEqual({
    state: "exited",
    pid: 42,
    exit: { exitCode: 137, signal: 9, oomKilled: true, ...times },
  });
  // 0x80: a core was dumped, which changes nothing here.
  write(2, 0x80 | 11);
  expect(readRecord(path())).toMatchObject({ exit: { exitCode: 139, signal: 11 } });
});

test("a process that was running and a start that failed", () => {
  write(1);
  expect(readRecord(path())).toEqual({ state: "running", pid: 42, startedAtNs: 1000n });
  write(3);
  expect(readRecord(path())).toEqual({ state: "failed" });
});

test("a damaged record is an error, not an exit status", () => {
  writeFileSync(path(), new Uint8Array(recordBytes).fill(1));
  let thrown: unknown;
  try {
    readRecord(path());
  } catch (error) {
    thrown = error;
  }
  expect(thrown).toBeInstanceOf(TiffinError);
  expect(thrown).toMatchObject({ kind: "internal", code: "container.record-unreadable" });
});
