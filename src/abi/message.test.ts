import { expect, test } from "bun:test";
import { decodeMessage, encodeMessage } from "./message.ts";
import { decodeRecord } from "./record.ts";
import { abiVersion, limits, recordBytes, recordMagic } from "./schema.ts";

test("messages survive encoding and decoding", () => {
  const body = { pid: 7, waitStatus: 0x8000_0001, oomKilled: 1, reserved: 0, finishedAtNs: 1n << 60n };
  const bytes = encodeMessage("exited", body);
  expect(decodeMessage(bytes)).toEqual({
    message: { name: "exited", fields: body, object: "", detail: "", opTimes: new Uint32Array(0) },
    consumed: 32,
  });
});

test("a failure carries its object and an explanation", () => {
  const text = new TextEncoder().encode("lowerdir+=/ü\0overlay: no such layer");
  const head = encodeMessage("failed", { op: 3, step: 1, errno: 2, objectBytes: text.length });
  const bytes = new Uint8Array([...head, ...text]);
  new DataView(bytes.buffer).setUint32(4, 16 + text.length, true);
  expect(decodeMessage(bytes)?.message).toMatchObject({
    name: "failed",
    object: "lowerdir+=/ü",
    detail: "overlay: no such layer",
  });
});

test("the times of the ops follow a start; half a number is refused, and more of them than are ever sent", () => {
  const head = encodeMessage("started", { pid: 7, reserved: 0, cloneNs: 1n, execNs: 2n });
  const withTimes = (bytes: number): Uint8Array => {
    const message = new Uint8Array(head.length + bytes);
    message.set(head);
    message[head.length] = 5;
    new DataView(message.buffer).setUint32(4, 24 + bytes, true);
    return message;
  };
  expect(decodeMessage(head)?.message.opTimes).toEqual(new Uint32Array(0));
  expect(decodeMessage(withTimes(8))?.message).toMatchObject({
    fields: { pid: 7 },
    opTimes: new Uint32Array([5, 0]),
  });
  expect(() => decodeMessage(withTimes(6))).toThrow("body of 30 bytes");
  expect(() => decodeMessage(withTimes(4 * limits.timedOps + 4))).toThrow("body of");
});

test("what is not complete yet is waited for", () => {
  const bytes = new Uint8Array([
    ...encodeMessage("go", { id: 1 }),
    ...encodeMessage("resize", { rows: 2, columns: 3 }),
  ]);
  for (let length = 0; length < 12; length++)
    expect(decodeMessage(bytes.subarray(0, length))).toBeUndefined();
  const first = decodeMessage(bytes);
  expect(first?.message.name).toBe("go");
  expect(decodeMessage(bytes.subarray(first?.consumed))?.message.fields).toEqual({ rows: 2, columns: 3 });
});

test("unknown types and wrong sizes are refused", () => {
  const unknown = new Uint8Array(8);
  new DataView(unknown.buffer).setUint32(0, 99, true);
  const tooLong = encodeMessage("go", { id: 1 });
  new DataView(tooLong.buffer).setUint32(4, 5, true);
  for (const bytes of [unknown, tooLong]) {
    expect(() => decodeMessage(bytes)).toThrow(
      expect.objectContaining({ code: "executor.malformed-message" }),
    );
  }
});

function record(change: (view: DataView) => void): Uint8Array {
  const view = new DataView(new ArrayBuffer(recordBytes));
  view.setUint32(0, recordMagic, true);
  view.setUint32(4, abiVersion, true);
  change(view);
  return new Uint8Array(view.buffer);
}

test("a record is read, an unused one is empty, anything else is refused", () => {
  expect(decodeRecord(new Uint8Array(recordBytes)).state).toBe("empty");
  const exited = record((view) => {
    view.setUint32(8, 2, true);
    view.setUint32(12, 77, true);
    view.setUint32(16, 9, true);
    view.setUint32(20, 1, true);
    view.setBigUint64(24, 5n, true);
    view.setBigUint64(32, 6n, true);
  });
  expect(decodeRecord(exited)).toEqual({
    state: "exited",
    pid: 77,
    waitStatus: 9,
    oomKilled: true,
    startedAtNs: 5n,
    finishedAtNs: 6n,
  });
  const bad = [
    record((view) => view.setUint32(0, 1, true)),
    record((view) => view.setUint32(4, 99, true)),
    record((view) => view.setUint32(8, 9, true)),
    new Uint8Array(10),
  ];
  for (const bytes of bad) {
    expect(() => decodeRecord(bytes)).toThrow(
      expect.objectContaining({ code: "container.record-unreadable" }),
    );
  }
});
