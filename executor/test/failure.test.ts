import { expect, test } from "bun:test";
import { mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { EncodableOp } from "../../src/abi/encode.ts";
import { encodeMessage } from "../../src/abi/message.ts";
import { type OpName, ops as schema, slotNone } from "../../src/abi/schema.ts";
import { errno } from "../../src/linux/errno.ts";
import { mountsOf } from "./harness.ts";
import { at, type ContainerOptions, slots } from "./plans.ts";
import { Session } from "./session.ts";

interface Failure {
  readonly op: OpName | "none";
  readonly step: string;
  readonly errno: number;
  readonly object: string;
  readonly detail: string;
}

/** Runs a plan that must fail; checks that the executor and its socket are gone and the record tells the errno. */
function failureOf(session: Session, plan: readonly EncodableOp[]): Failure {
  session.begin(plan);
  const { fields, object, detail } = session.executor.controller.expect("failed");
  expect(session.executor.controller.next()).toBeUndefined();
  expect(session.executor.reap()).toBe(1);
  expect(readdirSync(session.executor.directory)).toEqual([]);
  expect(session.record).toMatchObject({ state: "failed", waitStatus: fields.errno });
  expect(mountsOf(session.scratch)).toEqual([]);
  const op = plan[fields.op]?.op ?? "none";
  const step = op === "none" ? "" : (schema[op].steps[fields.step] ?? "");
  return { op, step, errno: fields.errno, object, detail };
}

function failureWith(options: ContainerOptions): Failure {
  using session = new Session();
  return failureOf(session, session.plan(options));
}

/** Processes whose command line names this test's scratch directory would be a leak. */
function childrenOf(pid: number): readonly string[] {
  return readdirSync("/proc").filter((name) => {
    try {
      return new RegExp(`^PPid:\\t${pid}$`, "m").test(readFileSync(join("/proc", name, "status"), "utf8"));
    } catch {
      return false;
    }
  });
}

test("a missing program is ENOENT at execve, with its name", () => {
  expect(failureWith({ arguments: ["nothing"], candidates: ["/bin/nothing", "/sbin/nothing"] })).toEqual({
    op: "exec",
    step: "execve",
    errno: errno.ENOENT,
    object: "nothing",
    detail: "",
  });
});

test("a file that may not be executed is EACCES, even when a later candidate is missing", () => {
  using session = new Session();
  Bun.spawnSync(["sh", "-c", `echo text > ${session.lower}/bin/plain`]);
  const plan = session.plan({ arguments: ["plain"], candidates: ["/bin/plain", "/bin/other"] });
  expect(failureOf(session, plan)).toMatchObject({ op: "exec", errno: errno.EACCES, object: "plain" });
});

test("a file of no known format is ENOEXEC", () => {
  using session = new Session();
  Bun.spawnSync([
    "sh",
    "-c",
    `printf text > ${session.lower}/bin/plain; chmod 755 ${session.lower}/bin/plain`,
  ]);
  const plan = session.plan({ arguments: ["plain"] });
  expect(failureOf(session, plan)).toMatchObject({ op: "exec", errno: errno.ENOEXEC });
});

test("the kernel's own words about a mount come along", () => {
  using session = new Session();
  const plan = session
    .plan({ arguments: ["true"] })
    .map((op) =>
      op.op === "fsMount" && op.fields.type === "overlay"
        ? { ...op, fields: { ...op.fields, options: ["bogus=1"] } }
        : op,
    );
  const failure = failureOf(session, plan);
  expect(failure).toMatchObject({ op: "fsMount", step: "fsconfig", errno: errno.EINVAL });
  expect(failure.object).toBe("bogus=1");
  expect(failure.detail).toContain("bogus");
});

test("a child that is killed before its exec is told apart from one that fails", () => {
  const filter = new Uint8Array(8);
  // BPF_RET | BPF_K with SECCOMP_RET_KILL_PROCESS: nothing may be called any more, execve included.
  new DataView(filter.buffer).setUint16(0, 6, true);
  new DataView(filter.buffer).setUint32(4, 0x8000_0000, true);
  using session = new Session();
  const extra = [
    ...at("child", { op: "prctl", fields: { option: 38, value: 1 } }),
    ...at("child", { op: "seccomp", fields: { program: filter, flags: 0, listener: slotNone } }),
    ...at("child", { op: "setsid", fields: {} }),
  ];
  const failure = failureOf(session, session.plan({ arguments: ["true"], extra }));
  expect(failure).toMatchObject({ errno: errno.ECHILD, detail: "ended by signal 31" });
});

test("the controller gives a start up with SIGKILL", () => {
  using session = new Session();
  const extra = at("child", { op: "awaitPeer", fields: { mark: 1 } });
  const parentExtra = at(
    "parent",
    { op: "awaitPeer", fields: { mark: 1 } },
    { op: "signalPeer", fields: { mark: 1 } },
  );
  const plan = session.plan({
    arguments: ["true"],
    extra: [...extra, ...at("child", { op: "signalPeer", fields: { mark: 1 } })],
    parentExtra,
  });
  session.begin(plan);
  session.executor.controller.send(encodeMessage("query", {}));
  expect(session.executor.controller.expect("status").fields.phase).toBe(1);
  session.executor.controller.send(encodeMessage("signal", { number: 9 }));
  const failed = session.executor.controller.expect("failed");
  expect(failed).toMatchObject({ fields: { errno: errno.ECHILD }, detail: "ended by signal 9" });
  expect(session.executor.reap()).toBe(1);
});

test("a sync whose controller goes away is the end of the start", () => {
  using session = new Session();
  const parentExtra = at(
    "parent",
    { op: "sync", fields: { id: 3 } },
    { op: "signalPeer", fields: { mark: 1 } },
  );
  const plan = session.plan({
    arguments: ["true"],
    extra: at("child", { op: "awaitPeer", fields: { mark: 1 } }),
    parentExtra,
  });
  session.begin(plan);
  const { id, pid } = session.executor.controller.expect("synced").fields;
  expect(id).toBe(3);
  expect(readFileSync(`/proc/${pid}/comm`, "utf8")).toStartWith("tf-");
  session.executor.controller.socket[Symbol.dispose]();
  expect(session.executor.reap()).toBe(1);
  expect(session.record.state).toBe("failed");
});

test("a sync that is answered goes on", () => {
  using session = new Session();
  const parentExtra = at(
    "parent",
    { op: "sync", fields: { id: 3 } },
    { op: "signalPeer", fields: { mark: 1 } },
  );
  const extra = at("child", { op: "awaitPeer", fields: { mark: 1 } });
  session.begin(session.plan({ arguments: ["true"], extra, parentExtra }));
  session.executor.controller.expect("synced");
  session.executor.controller.send(encodeMessage("go", { id: 3 }));
  session.executor.controller.expect("started");
  expect(session.finish().waitStatus).toBe(0);
});

/** An op that always fails, allowed in the stage: opening what is not there. */
function failing(stage: EncodableOp["stage"]): EncodableOp[] {
  const fields = { out: 200, dir: slotNone, path: "/does/not/exist", flags: 0, mode: 0, resolve: 0 };
  return at(stage, { op: "open", fields });
}

test("a failure in front of any op leaves nothing behind", () => {
  using sample = new Session();
  const count = sample.plan({ arguments: ["true"], init: true }).length;
  for (let index = 0; index < count; index++) {
    using session = new Session();
    const plan = session.plan({ arguments: ["true"], init: true });
    const before = plan[index];
    if (!before) throw new Error("no op");
    plan.splice(index, 0, ...failing(before.stage));
    expect(failureOf(session, plan)).toMatchObject({
      op: "open",
      errno: errno.ENOENT,
      object: "/does/not/exist",
    });
    expect(childrenOf(session.executor.pid)).toEqual([]);
    // Nothing holds the directories of the root file system any more.
    mkdirSync(join(session.scratch.path, "work", "probe"));
  }
});

test("a mask whose null device is something else is refused", () => {
  using session = new Session();
  const plan = session
    .plan({ arguments: ["true"] })
    .map((op) => (op.op === "mknod" ? { ...op, fields: { ...op.fields, device: 0x105 } } : op));
  expect(failureOf(session, plan)).toMatchObject({ op: "maskPath", step: "fstat", errno: errno.ENODEV });
});

test("a working directory outside of the root is refused", () => {
  for (const path of [`/proc/self/fd/${40}`, "/proc/self/fd/3"]) {
    using session = new Session();
    const extra = at(
      "child",
      { op: "dup2", fields: { slot: slots.host, fd: 40 } },
      { op: "chdir", fields: { path } },
    );
    const failure = failureOf(session, session.plan({ arguments: ["true"], extra }));
    expect(failure.op).toBe("chdir");
    const refusals: readonly number[] = [errno.EXDEV, errno.ENOENT, errno.ENOTDIR];
    expect(refusals).toContain(failure.errno);
  }
});
