import { expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { layouts } from "../../src/abi/all-layouts.ts";
import { type EncodableOp, encodePlan } from "../../src/abi/encode.ts";
import { headerBytes } from "../../src/abi/layout.ts";
import { headerFields, limits, slotNone } from "../../src/abi/schema.ts";
import { errno } from "../../src/linux/errno.ts";
import { Scratch } from "./harness.ts";
import { at, slots } from "./plans.ts";
import { Session } from "./session.ts";

interface Refusal {
  readonly op: number;
  readonly check: string;
}

/** What the executor says about these bytes, sent with the usual three descriptors. */
function refusalOf(session: Session, bytes: Uint8Array): Refusal {
  session.beginBytes(bytes);
  const { fields, object, detail } = session.executor.controller.expect("failed");
  expect(fields).toMatchObject({ step: 0, errno: errno.EBADMSG });
  expect(object).toBe("");
  expect(session.executor.reap()).toBe(1);
  return { op: fields.op, check: detail };
}

function good(session: Session): EncodableOp[] {
  return session.plan({ arguments: ["true"] });
}

function refusedOps(change: (ops: EncodableOp[]) => void): string {
  using session = new Session();
  const plan = good(session);
  change(plan);
  return refusalOf(session, encodePlan(plan, 3)).check;
}

function refusedBytes(change: (view: DataView, bytes: Uint8Array) => Uint8Array | undefined): string {
  using session = new Session();
  const bytes = encodePlan(good(session), 3);
  return refusalOf(session, change(new DataView(bytes.buffer), bytes) ?? bytes).check;
}

function headerAt(name: (typeof headerFields)[number]): number {
  return headerFields.indexOf(name) * 4;
}

test("damage to the header is named", () => {
  const cases: readonly [(typeof headerFields)[number], number, string][] = [
    ["magic", 1, "no plan: wrong magic number"],
    ["version", 99, "plan of another version"],
    ["totalBytes", 64, "plan has the wrong length"],
    ["poolOffset", 12, "string pool is outside of the plan"],
    ["poolOffset", 0xfffffff8, "string pool is outside of the plan"],
    ["opCount", limits.ops + 1, "too many ops"],
    ["receivedCount", 2, "wrong number of descriptors"],
    ["slotCount", limits.slots + 1, "wrong number of slots"],
    ["slotCount", 2, "wrong number of slots"],
  ];
  for (const [field, value, check] of cases) {
    const told = refusedBytes((view) => {
      view.setUint32(headerAt(field), value, true);
      return undefined;
    });
    expect({ field, told }).toEqual({ field, told: check });
  }
  expect(refusedBytes((_, bytes) => bytes.slice(0, 16))).toBe("plan is shorter than its header");
  expect(refusedBytes((_, bytes) => bytes.slice(0, -1))).toBe("plan has the wrong length");
});

test("damage to an op is named with its index", () => {
  const first = headerBytes;
  const pathOfFirst =
    first + (layouts.get("fsMount")?.fields.find(({ name }) => name === "type")?.offset ?? 0);
  expect(refusedBytes((view) => void view.setUint16(first, 0, true))).toBe("unknown op");
  expect(refusedBytes((view) => void view.setUint16(first, 999, true))).toBe("unknown op");
  expect(refusedBytes((view) => void view.setUint16(first + 2, 8, true))).toBe("op has the wrong size");
  expect(refusedBytes((view) => void view.setUint16(first + 4, 3, true))).toBe("op in the wrong stage");
  expect(refusedBytes((view) => void view.setUint16(first + 6, 1, true))).toBe("unknown op flags");
  expect(refusedBytes((view) => void view.setUint32(pathOfFirst, 0x7fffffff, true))).toBe(
    "string leaves the pool",
  );
  expect(refusedBytes((view, bytes) => void view.setUint8(bytes.length - 1, 65))).toBe(
    "string list leaves the pool",
  );
});

test("the order of ops is checked", () => {
  const find = (ops: readonly EncodableOp[], name: string): number => ops.findIndex(({ op }) => op === name);
  expect(refusedOps((ops) => void ops.splice(find(ops, "clone"), 1))).toBe(
    "op of a process before the clone",
  );
  expect(refusedOps((ops) => void ops.splice(find(ops, "exec"), 1))).toBe(
    "clone, exec and finish, or supervise and leave are missing",
  );
  expect(refusedOps((ops) => void ops.splice(find(ops, "supervise"), 1))).toBe(
    "clone, exec and finish, or supervise and leave are missing",
  );
  expect(refusedOps((ops) => void ops.push(...at("child", { op: "setsid", fields: {} })))).toBe(
    "child op after exec or finish",
  );
  expect(
    refusedOps(
      (ops) =>
        void ops.splice(find(ops, "supervise") + 1, 0, ...at("parent", { op: "sync", fields: { id: 1 } })),
    ),
  ).toBe("parent op after the last one");
  expect(refusedOps((ops) => void ops.push(...at("prepare", { op: "unshare", fields: { flags: 0 } })))).toBe(
    "prepare op after the clone",
  );
  expect(
    refusedOps(
      (ops) =>
        void ops.splice(find(ops, "exec"), 0, ...at("child", { op: "awaitPeer", fields: { mark: 1 } })),
    ),
  ).toBe("a mark is awaited that nobody reaches");
});

test("the flow of slots is checked", () => {
  const childOp = (op: Parameters<typeof at>[1]): string =>
    refusedOps(
      (ops) =>
        void ops.splice(
          ops.findIndex((one) => one.op === "exec"),
          0,
          ...at("child", op),
        ),
    );
  expect(childOp({ op: "close", fields: { slot: 99 } })).toBe("slot is used while it is empty");
  expect(
    childOp({
      op: "open",
      fields: { out: slots.root, dir: slotNone, path: "/", flags: 0, mode: 0, resolve: 0 },
    }),
  ).toBe("slot is filled twice");
  expect(
    refusedOps((ops) => {
      const index = ops.findIndex((one) => one.op === "supervise");
      ops.splice(index, 0, ...at("parent", { op: "close", fields: { slot: slots.outR } }));
    }),
  ).toBe("slot is used while it is empty");
});

test("values that no kernel call may get are refused", () => {
  const childOp = (op: Parameters<typeof at>[1]): string =>
    refusedOps(
      (ops) =>
        void ops.splice(
          ops.findIndex((one) => one.op === "exec"),
          0,
          ...at("child", op),
        ),
    );
  expect(childOp({ op: "prctl", fields: { option: 1000, value: 0 } })).toBe(
    "prctl option is not on the list",
  );
  expect(childOp({ op: "unshare", fields: { flags: 0x100 } })).toBe("not namespace flags");
  expect(childOp({ op: "setRlimit", fields: { resource: 99, soft: 0, hard: 0 } })).toBe("unknown rlimit");
  expect(childOp({ op: "dup2", fields: { slot: slots.root, fd: 5000 } })).toBe(
    "descriptor number is too large",
  );
  expect(
    childOp({ op: "seccomp", fields: { program: new Uint8Array(9), flags: 0, listener: slotNone } }),
  ).toBe("seccomp program has no size that can be");
});

test("START with another number of descriptors than it says ends the executor", () => {
  using session = new Session();
  session.executor.controller.send(new Uint8Array([1, 0, 0, 0, 4, 0, 0, 0, 5, 0, 0, 0]));
  expect(session.executor.controller.next()).toBeUndefined();
  expect(session.executor.reap()).toBe(0);
});

test("bytes that are no message end the executor", () => {
  using session = new Session();
  session.executor.controller.send(new Uint8Array(64).fill(255));
  expect(session.executor.controller.next()).toBeUndefined();
  expect(session.executor.reap()).toBe(0);
});

test("the decoder survives damaged plans under ASan and UBSan", () => {
  const directory = join(import.meta.dir, "..");
  const built = Bun.spawnSync(["make", "-s", "-C", directory, "fuzz"]);
  expect(built.stderr.toString()).toBe("");
  using scratch = new Scratch();
  using session = new Session();
  const plans = [
    session.plan({ arguments: ["true"] }),
    session.plan({ arguments: ["sh", "-c", "exit 3"], terminal: true, init: true }),
    session.plan({ arguments: ["sleep", "1"], leave: true, environment: [] }),
    session.plan({ arguments: ["env"], extra: everyChildOp(), environment: ["A=1", "B=2"] }),
  ];
  const files = plans.map((plan, index) => {
    const path = join(scratch.path, `seed-${index}`);
    writeFileSync(path, encodePlan(plan, 3));
    return path;
  });
  const run = Bun.spawnSync([join(directory, "build", "fuzz-decode"), "300000", "1", ...files]);
  expect(run.stderr.toString()).toBe("");
  expect(run.exitCode).toBe(0);
  const accepted = Number(/^(\d+) of/.exec(run.stdout.toString())?.[1]);
  // Undamaged copies pass; a decoder that refuses everything would prove nothing.
  expect(accepted).toBeGreaterThan(50_000);
  expect(accepted).toBeLessThan(300_000);
}, 120_000);

function everyChildOp(): EncodableOp[] {
  return at(
    "child",
    { op: "write", fields: { dir: slots.proc, path: "/self/oom_score_adj", data: new Uint8Array([48]) } },
    {
      op: "createFile",
      fields: { root: slotNone, path: "/etc/x", mode: 0o644, uid: 0, gid: 0, content: new Uint8Array(20) },
    },
    { op: "setGroups", fields: { groups: new Uint8Array(8), mayBeForbidden: 0 } },
    { op: "setIds", fields: { uid: 1, gid: 1 } },
    { op: "setCapabilities", fields: { effective: 1n, permitted: 1n, inheritable: 0n, ambient: 0n } },
    { op: "dropBounding", fields: { keep: 1n } },
    { op: "keyring", fields: { name: "ring" } },
    { op: "seccomp", fields: { program: new Uint8Array(16), flags: 0, listener: 100 } },
    { op: "closeFrom", fields: { first: 3 } },
  );
}
