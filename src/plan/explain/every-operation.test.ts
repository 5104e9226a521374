/** Every operation of the executor's table and of the host's, whatever it is: explained, with an inverse, and done by hand. */
import { describe, expect, test } from "bun:test";
import { type FieldType, type OpName, ops } from "../../abi/schema.ts";
import { own } from "../../lib/own.ts";
import { capabilityNames } from "../../linux/capabilities.ts";
import { hostDetail } from "../host-detail.ts";
import { detailOf } from "../op-detail.ts";
import { inverseOf, targetOf } from "../op-text.ts";
import { type HostOp, hostOpNames, type ProcessOp } from "../plan.ts";
import { sayChinese, sayEnglish } from "../say/mod.ts";
import { hostLines } from "../script/control-groups.ts";
import { type Gathered, opLines, unneeded } from "../script/op-script.ts";
import { Places } from "../script/places.ts";
import { chapterOf, chapters } from "./chapters.ts";

/** A value that every operation takes. */
const samples: Readonly<Record<FieldType, unknown>> = {
  u32: 1,
  i32: 1,
  u64: 1n,
  i64: 1n,
  slot: 1,
  slotOrNone: 1,
  newSlot: 2,
  newSlotOrNone: 2,
  string: "word",
  stringOrNone: "word",
  strings: ["one", "two"],
  blob: new Uint8Array(8),
};

function sampleOf(name: OpName, filling: Partial<Record<FieldType, unknown>> = {}): ProcessOp {
  const { fields, stages } = ops[name];
  const values = Object.entries(fields).map(([field, type]: [string, FieldType]) => [
    field,
    { ...samples, ...filling }[type],
  ]);
  const made = {
    op: name,
    stage: stages.at(-1),
    fields: Object.fromEntries(values),
    cause: "no stdin",
    target: "it",
  };
  return { ...made, inverse: "" } as ProcessOp;
}

const hostSamples: { readonly [N in HostOp["op"]]: Extract<HostOp, { readonly op: N }> } = {
  cgroupCreate: {
    op: "cgroupCreate",
    hierarchy: "memory",
    directory: "/x",
    cause: "c",
    target: "/sys/x",
    inverse: "rmdir",
  },
  cgroupWrite: {
    op: "cgroupWrite",
    hierarchy: "memory",
    directory: "/x",
    file: "f",
    value: "1",
    tolerate: [],
    cause: "c",
    target: "/sys/x/f",
    inverse: "rmdir",
  },
  cgroupDeviceProgram: {
    op: "cgroupDeviceProgram",
    directory: "/x",
    program: new Uint8Array(8),
    cause: "c",
    target: "/sys/x",
    inverse: "rmdir",
  },
};

const hidden = { ofCommand: new Set<number>(), elsewhere: false };

const opNames = Object.keys(ops).map((name) => name as OpName);

describe("each operation of the executor", () => {
  test.each(opNames)("%s", (name) => {
    const op = sampleOf(name);
    expect(chapters).toContain(chapterOf(op));
    expect(inverseOf(op)).not.toBe("");
    expect(typeof targetOf(op)).toBe("string");
    expect(typeof detailOf(op)).toBe("string");
    const places = new Places({ receives: [], hostOps: [], ops: [], warnings: [] }, new Map());
    const gathered: Gathered = {
      early: [],
      privileges: [],
      late: [],
      filter: undefined,
      entered: false,
      notes: [],
    };
    const before = JSON.stringify([gathered, places.of(2)]);
    const lines = opLines(op, { places, gathered, environment: [], say: sayEnglish, hidden });
    const hasForm = lines.length > 0 || JSON.stringify([gathered, places.of(2)]) !== before;
    const why = own<string>(unneeded, name);
    // Of two kinds of one operation a script needs a line for the other: the working directory of the executor is not its own.
    expect([name, hasForm || why !== undefined || silent.has(name)]).toEqual([name, true]);
    expect([name, hasForm && why !== undefined]).toEqual([name, false]);
  });

  /** Which of them depend on a field: with a sample's value there is nothing to do. */
  const silent = new Set(["prctl", "unshare", "setns"]);

  test("those of which only some kinds have a line have one for these", () => {
    const forms = [
      { ...sampleOf("prctl"), fields: { option: 38, value: 1n } },
      { ...sampleOf("unshare"), fields: { flags: 0x0200_0000n } },
    ];
    for (const op of forms) {
      const places = new Places({ receives: [], hostOps: [], ops: [], warnings: [] }, new Map());
      const gathered: Gathered = {
        early: [],
        privileges: [],
        late: [],
        filter: undefined,
        entered: false,
        notes: [],
      };
      const lines = opLines(op as ProcessOp, { places, gathered, environment: [], say: sayEnglish, hidden });
      expect([op.op, lines.length + gathered.privileges.length > 0]).toEqual([op.op, true]);
    }
  });
});

test.each([...hostOpNames])("on the host: %s", (name) => {
  const op = hostSamples[name];
  expect(chapterOf(op)).toBe("cgroup");
  expect(typeof hostDetail(op)).toBe("string");
  expect(hostLines(op, "0".repeat(64), sayEnglish)).not.toEqual([]);
});

/** Latin words that are names in every language: of the kernel, of tools, of what the samples are called. */
const names = new Set(
  [
    "word one two it fd user mount uts ipc pid net network cgroup time chown kill x setgroups uid gid",
    "nosuid nodev noexec ro rw suid dev exec atime diratime symfollow private shared slave unbindable c b p",
    "rlimit inheritable proc console",
  ].flatMap((line) => line.split(" ")),
);

function latinWords(text: string): string[] {
  return (text.match(/[A-Za-z]{2,}/g) ?? []).filter(
    (word) =>
      !names.has(word) && !word.startsWith("cap") && !/^[0-9A-Fa-f]+$/.test(word) && !/^xf+$/.test(word),
  );
}

describe("in Chinese nothing is left in English", () => {
  const capabilities = new Set(capabilityNames.map((name) => name.replace("CAP_", "").toLowerCase()));

  /** With every field small, and with every field at its largest, so that each choice of words is made. */
  const fillings: readonly Partial<Record<FieldType, unknown>>[] = [
    {},
    { u32: 0, i32: 0, u64: 0n, i64: 0n },
    { u32: 2, u64: 0xffff_ffff_ffff_ffffn },
    { u32: 0xffff_ffff, u64: 4n },
  ];

  test.each(opNames)("details of %s", (name) => {
    for (const filling of fillings) {
      const text = detailOf(sampleOf(name, filling), sayChinese);
      const rest = latinWords(text).filter(
        (word) => ![...capabilities].some((capability) => capability.split("_").includes(word)),
      );
      expect([name, rest, text]).toEqual([name, [], text]);
    }
  });

  test("details on the host", () => {
    for (const op of Object.values(hostSamples)) {
      expect(
        latinWords(hostDetail({ ...op, ...("tolerate" in op && { tolerate: ["EIO"] }) }, sayChinese)),
      ).toEqual("tolerate" in op ? ["EIO"] : []);
    }
  });

  test.each(opNames)("comments and notes of the script for %s", (name) => {
    for (const filling of fillings) {
      const places = new Places(
        { receives: [{ slot: 1, name: "word" }], hostOps: [], ops: [], warnings: [] },
        new Map(),
      );
      const gathered: Gathered = {
        early: [],
        privileges: [],
        late: [],
        filter: undefined,
        entered: false,
        notes: [],
      };
      const lines = opLines(sampleOf(name, filling), {
        places,
        gathered,
        environment: [],
        say: sayChinese,
        hidden,
      });
      const comments = lines.filter((line) => line.startsWith("#"));
      for (const said of [...comments, ...gathered.notes]) expect(said).toMatch(/\p{Script=Han}/u);
    }
  });
});
