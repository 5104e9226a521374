import { expect, test } from "bun:test";
import { layouts } from "./all-layouts.ts";
import { decodePlan } from "./decode.ts";
import { type EncodableOp, encodePlan } from "./encode.ts";
import { headerBytes } from "./layout.ts";
import { limits, type OpName, ops, slotNone, stages } from "./schema.ts";

/** A value that fits the field, different for each field, with both ends of the ranges among them. */
function sample(type: string, index: number): unknown {
  const samples: Readonly<Record<string, readonly unknown[]>> = {
    u32: [0, 1, 0x8000_0000, 0xffff_ffff],
    i32: [-1, 0, 0x7fff_ffff, -0x8000_0000],
    u64: [0n, 0xffff_ffff_ffff_ffffn, 1n << 63n],
    i64: [-1n, 1n << 62n],
    slot: [0, 255],
    slotOrNone: [slotNone, 7],
    newSlot: [9, 255],
    newSlotOrNone: [slotNone, 8],
    string: ["", "/a path/ü", "x".repeat(5000)],
    stringOrNone: [null, "text"],
    strings: [[], ["one", "", "drei ü"]],
    blob: [new Uint8Array(), new Uint8Array([1, 2, 3]), new Uint8Array(20_000).fill(7)],
  };
  const choices = samples[type] ?? [];
  return choices[index % choices.length];
}

function sampleOp(name: OpName, index: number): EncodableOp {
  const entries = Object.entries(ops[name].fields).map(([field, type], at) => [
    field,
    sample(type, index + at),
  ]);
  // Built from the schema's own field list.
  return {
    op: name,
    stage: ops[name].stages[0],
    fields: Object.fromEntries(entries),
  } as unknown as EncodableOp;
}

const names = Object.keys(ops).map((name) => name as OpName);

test("every op survives encoding and decoding with every kind of value", () => {
  for (let round = 0; round < 6; round++) {
    const plan = names.map((name, index) => sampleOp(name, index + round));
    const decoded = decodePlan(encodePlan(plan, 3));
    expect(decoded.receivedCount).toBe(3);
    expect(decoded.slotCount).toBe(256);
    expect(decoded.ops).toEqual(plan);
  }
});

test("records are aligned and sized as the header says", () => {
  for (const layout of layouts.values()) {
    expect(layout.size % 8).toBe(0);
    let end = 8;
    for (const field of layout.fields) {
      expect(field.offset).toBeGreaterThanOrEqual(end);
      end = field.offset + 4;
    }
    expect(layout.size).toBeGreaterThanOrEqual(end);
  }
  expect(encodePlan([], 0)).toHaveLength(headerBytes);
});

test("codes are unique and stages exist", () => {
  const codes = Object.values(ops).map(({ code }) => code);
  expect(new Set<number>(codes).size).toBe(codes.length);
  for (const { stages: allowed, steps } of Object.values(ops)) {
    for (const stage of allowed) expect(Object.keys(stages)).toContain(stage);
    expect(steps.length).toBeGreaterThan(0);
  }
});

function refusal(op: EncodableOp, receivedCount = 0): unknown {
  try {
    encodePlan([op], receivedCount);
    return undefined;
  } catch (thrown) {
    return thrown;
  }
}

test("values that do not fit their field are refused, not wrapped", () => {
  const cases: readonly [EncodableOp, string][] = [
    [
      { op: "dup2", stage: "child", fields: { slot: limits.slots, fd: 0 } },
      `dup2.slot is slot ${limits.slots}`,
    ],
    [{ op: "dup2", stage: "child", fields: { slot: slotNone, fd: 0 } }, "dup2.slot is slot 4294967295"],
    [{ op: "dup2", stage: "child", fields: { slot: 0, fd: -1 } }, "dup2.fd is -1"],
    [{ op: "dup2", stage: "child", fields: { slot: 0, fd: 2 ** 32 } }, "dup2.fd is 4294967296"],
    [{ op: "dup2", stage: "child", fields: { slot: 0, fd: 0.5 } }, "dup2.fd is 0.5"],
    [{ op: "dropBounding", stage: "child", fields: { keep: -1n } }, "dropBounding.keep is -1"],
    [
      { op: "dropBounding", stage: "child", fields: { keep: 2 ** 60 } },
      "dropBounding.keep is 115292150460684",
    ],
    [{ op: "chdir", stage: "child", fields: { path: "/a\0b" } }, "chdir.path contains a NUL character"],
  ];
  for (const [op, text] of cases) {
    const thrown = refusal(op);
    expect(thrown).toMatchObject({ kind: "internal", code: "plan.not-encodable" });
    expect(String(thrown)).toContain(text);
  }
});

test("too many descriptors and too large plans are refused", () => {
  const setsid: EncodableOp = { op: "setsid", stage: "child", fields: {} };
  expect(refusal(setsid, limits.receivedFds)).toBeUndefined();
  expect(refusal(setsid, limits.receivedFds + 1)).toMatchObject({ code: "plan.not-encodable" });
  const tooLarge = { kind: "invalid", code: "plan.too-large" };
  const long: EncodableOp = {
    op: "chdir",
    stage: "child",
    fields: { path: "x".repeat(limits.stringBytes) },
  };
  expect(refusal(long)).toMatchObject(tooLarge);
  expect(() => encodePlan(Array<EncodableOp>(limits.ops + 1).fill(setsid), 0)).toThrow("operations, at most");
  const path = "x".repeat(limits.stringBytes - 1);
  const many = Array.from(
    { length: 17 },
    (): EncodableOp => ({ op: "chdir", stage: "child", fields: { path } }),
  );
  expect(() => encodePlan(many, 0)).toThrow("the plan of the start is larger than");
});

test("damaged plans are refused by the decoder with one code", () => {
  const plan = encodePlan([{ op: "chdir", stage: "child", fields: { path: "/x" } }], 0);
  const damages: readonly ((view: DataView) => void)[] = [
    (view) => view.setUint8(0, 0),
    (view) => view.setUint32(4, 2, true),
    (view) => view.setUint32(12, 2, true),
    (view) => view.setUint32(16, 4000, true),
    (view) => view.setUint16(headerBytes, 999, true),
    (view) => view.setUint16(headerBytes + 2, 4, true),
    (view) => view.setUint16(headerBytes + 4, 9, true),
    (view) => view.setUint32(headerBytes + 8, 77, true),
    (view) => view.setUint8(plan.length - 1, 1),
  ];
  for (const damage of damages) {
    const copy = plan.slice();
    damage(new DataView(copy.buffer));
    expect(() => decodePlan(copy)).toThrow(expect.objectContaining({ code: "plan.malformed" }));
  }
  expect(() => decodePlan(plan.slice(0, 10))).toThrow(expect.objectContaining({ code: "plan.malformed" }));
});
