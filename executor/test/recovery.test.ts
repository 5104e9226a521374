import { expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { encodeMessage } from "../../src/abi/message.ts";
import { attachFlags } from "../../src/abi/schema.ts";
import { openPidfd, signalPidfd } from "../../src/kernel/pidfd.ts";
import { pollIn, waitFor } from "../../src/kernel/poll.ts";
import { type Controller, openPath, readAll, unframe, writeText } from "./harness.ts";
import { connectTo, Session } from "./session.ts";

test("the container outlives its engine; the next one finds it and its exit", () => {
  using session = new Session();
  session.start({ arguments: ["sh", "-c", "read go; echo survived; exit 21"] });
  session.executor.controller.socket[Symbol.dispose]();
  using next = connectTo(session.executor.socketPath);
  next.send(encodeMessage("query", {}));
  expect(next.expect("status").fields).toMatchObject({ phase: 2, pid: session.pid });
  using watcher = connectTo(session.executor.socketPath);
  watcher.send(encodeMessage("attach", { flags: attachFlags.stdout }));
  next.send(encodeMessage("query", {}));
  next.expect("status");
  writeText(session.client, "go\n");
  expect(unframe(readAll(watcher.socket)).stdout).toBe("survived\n");
  expect(next.expect("exited").fields.waitStatus).toBe(21 << 8);
  expect(session.record).toMatchObject({ state: "exited", waitStatus: 21 << 8 });
});

test("with nobody listening the record alone tells how it ended", () => {
  using session = new Session();
  session.start({ arguments: ["sh", "-c", "read go; exit 22"] });
  session.executor.controller.socket[Symbol.dispose]();
  writeText(session.client, "go\n");
  session.executor.reap();
  expect(session.record).toMatchObject({ state: "exited", waitStatus: 22 << 8 });
  expect(readdirSync(session.executor.directory)).toEqual([]);
});

test("a controller that dies at any moment of a start leaves a running container or nothing", () => {
  for (let delayMs = 0; delayMs < 12; delayMs++) {
    using session = new Session();
    session.begin({ arguments: ["sh", "-c", "read go; exit 23"] });
    Bun.sleepSync(delayMs / 3);
    session.executor.controller.socket[Symbol.dispose]();
    writeText(session.client, "go\n");
    session.executor.reap();
    expect(session.record).toMatchObject({ state: "exited", waitStatus: 23 << 8 });
    expect(readdirSync(session.executor.directory)).toEqual([]);
  }
});

test("signals that end other programs do not end the supervisor", () => {
  using session = new Session();
  session.start({ arguments: ["sh", "-c", "read go; exit 24"] });
  using supervisor = openPidfd(session.executor.pid);
  if (!supervisor) throw new Error("the supervisor is gone");
  for (const number of [1, 2, 3, 13, 15, 10, 12, 14]) signalPidfd(supervisor, number);
  writeText(session.client, "go\n");
  expect(session.finish().waitStatus).toBe(24 << 8);
});

test("a container does not outlive a killed supervisor", () => {
  for (const ids of [false, true]) {
    using session = new Session();
    const extra = ids ? ([{ op: "setIds", stage: "child", fields: { uid: 1000, gid: 1000 } }] as const) : [];
    session.start({ arguments: ["sleep", "1000"], extra });
    using main = openPidfd(session.pid);
    using supervisor = openPidfd(session.executor.pid);
    if (!main || !supervisor) throw new Error("something has ended");
    signalPidfd(supervisor, 9);
    expect(waitFor(main, pollIn, 20_000)).toBe(true);
    expect(session.record.state).toBe("running");
  }
});

test("an out-of-memory kill is recorded", () => {
  const cgroup = join("/sys/fs/cgroup/memory", `tiffin-test-executor-${process.pid}`);
  Bun.spawnSync(["mkdir", cgroup]);
  try {
    using session = new Session();
    using limit = openPath(join(cgroup, "memory.limit_in_bytes"), 1);
    writeText(limit, "8388608");
    using tasks = openPath(join(cgroup, "tasks"), 1);
    using oom = openPath(join(cgroup, "memory.oom_control"), 0);
    const extra = [
      { op: "write", stage: "child", fields: { dir: 3, path: null, data: new Uint8Array([48]) } },
    ] as const;
    // A string that doubles until the limit bites.
    const script = "x=0123456789; while :; do x=$x$x; done";
    session.start({ arguments: ["sh", "-c", script], extra, oomFile: 4 }, [tasks, oom]);
    expect(session.finish()).toMatchObject({ waitStatus: 9, oomKilled: true });
    expect(session.record).toMatchObject({ oomKilled: true, waitStatus: 9 });
    // A kill without memory pressure is told apart.
    using other = new Session();
    other.start({ arguments: ["sh", "-c", "kill -9 $$; sleep 9"], init: true });
    expect(other.finish()).toMatchObject({ oomKilled: false });
  } finally {
    Bun.spawnSync(["rmdir", cgroup]);
  }
});

test("idle supervisors stay small", () => {
  using first = new Session();
  using second = new Session();
  using third = new Session();
  using fourth = new Session();
  const sessions = [first, second, third, fourth];
  for (const session of sessions) {
    session.start({ arguments: ["sh", "-c", "echo output; sleep 1000"] });
    expect(session.readFrame()).toBe("output\n");
  }
  for (const { executor } of sessions) {
    const rollup = readFileSync(`/proc/${executor.pid}/smaps_rollup`, "utf8");
    const kilobytes = Number(/^Pss:\s+(\d+) kB/m.exec(rollup)?.[1]);
    expect(kilobytes).toBeLessThan(300);
  }
});

test("attaching again and again does not grow the supervisor", () => {
  using session = new Session();
  session.start({ arguments: ["sh", "-c", "while read line; do echo $line; done"] });
  const resident = (): number => {
    const status = readFileSync(`/proc/${session.executor.pid}/status`, "utf8");
    return Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1]);
  };
  const cycle = (): void => {
    const client: Controller = connectTo(session.executor.socketPath);
    client.send(encodeMessage("attach", { flags: attachFlags.stdout }));
    session.executor.controller.send(encodeMessage("query", {}));
    session.executor.controller.expect("status");
    writeText(session.client, "x\n");
    session.readFrame();
    client[Symbol.dispose]();
  };
  for (let round = 0; round < 20; round++) cycle();
  const before = resident();
  for (let round = 0; round < 2000; round++) cycle();
  expect(resident() - before).toBeLessThan(16);
  expect(readdirSync(`/proc/${session.executor.pid}/fd`).length).toBeLessThan(20);
});
