/** The runtime on the real kernel: real plans, the real executor, real processes. */
import { afterAll, afterEach, beforeAll, beforeEach, expect, setDefaultTimeout, test } from "bun:test";
import { existsSync, mkdirSync, readdirSync, readFileSync, readlinkSync, rmSync } from "node:fs";
import { busyboxSpec, makeBusyboxRoot } from "../../test/support/busybox-root.ts";
import { descriptorsOf } from "../../test/support/host-snapshot.ts";
import { type TemporaryDirectory, temporaryDirectory } from "../../test/support/temporary-directory.ts";
import { until } from "../../test/support/until.ts";
import { attachFlags } from "../abi/schema.ts";
import { openFile, openFlags } from "../kernel/files.ts";
import { OwnedFd } from "../kernel/owned-fd.ts";
import { probe } from "../kernel/probe.ts";
import type { ByteDuplex } from "../lib/byte-duplex.ts";
import { TiffinError } from "../lib/errors.ts";
import { type ContainerOptions, compileContainer, type Plan } from "../plan/mod.ts";
import { createRecord, openRuntime, type Runtime, readRecord, type SupervisedProcess } from "./mod.ts";

setDefaultTimeout(120_000);
const executor = new URL("../../executor/build/tiffin-executor", import.meta.url).pathname;
const facts = probe();
const output = attachFlags.stdout | attachFlags.stderr;
const everything = output | attachFlags.stdin;

let files: TemporaryDirectory;
let root = "";
let runtime: Runtime;
let count = 0;

beforeAll(() => {
  files = temporaryDirectory("runtime");
  root = `${files.path}/root`;
  mkdirSync(root);
  makeBusyboxRoot(root);
});
afterAll(() => files[Symbol.dispose]());
beforeEach(() => {
  runtime = openRuntime({ executor, runDirectory: `${files.path}/run` });
});
afterEach(async () => {
  runtime.close();
  await until("what follows", () => executors().length === 0 && runtime.tokens().length === 0);
});

interface PlanOptions {
  readonly clients?: readonly number[];
  readonly terminal?: { readonly rows: number; readonly columns: number };
  readonly stdin?: boolean;
  readonly record?: boolean;
  readonly more?: Partial<ContainerOptions>;
}

function planOf(args: readonly string[], options: PlanOptions = {}): Plan {
  count += 1;
  return compileContainer(busyboxSpec(args, options.terminal !== undefined), facts, {
    id: `tiffin-test-runtime-${count}`,
    cgroupParent: null,
    rootfs: { kind: "directory", path: root },
    network: { kind: "host" },
    stdio:
      options.terminal === undefined
        ? { kind: "pipes", stdin: options.stdin === true }
        : { kind: "terminal", ...options.terminal },
    supervise: {
      kind: "supervise",
      stdinOnce: true,
      record: options.record === true,
      attachClients: (options.clients ?? []).map((flags) => ({ flags })),
    },
    ...options.more,
  });
}

async function launch(args: readonly string[], options: PlanOptions = {}): Promise<SupervisedProcess> {
  return await runtime.launch({ plan: planOf(args, options), fds: new Map() });
}

/** Everything that a stream carries until it ends. */
function collect(stream: ByteDuplex | undefined): Promise<Uint8Array> {
  const { promise, resolve } = Promise.withResolvers<Uint8Array>();
  const chunks: Uint8Array[] = [];
  const finish = (): void => resolve(new Uint8Array(Buffer.concat(chunks)));
  stream?.listen({
    data: (chunk) => {
      chunks.push(chunk.slice());
    },
    end: finish,
    close: finish,
  });
  return promise;
}

/** The payload of Docker's frames, by stream. */
function demultiplex(bytes: Uint8Array): { stdout: string; stderr: string } {
  const parts: [Uint8Array[], Uint8Array[]] = [[], []];
  for (let at = 0; at + 8 <= bytes.length; ) {
    const length = new DataView(bytes.buffer, bytes.byteOffset + at + 4, 4).getUint32(0);
    (bytes[at] === 2 ? parts[1] : parts[0]).push(bytes.subarray(at + 8, at + 8 + length));
    at += 8 + length;
  }
  const [stdout, stderr] = parts.map((part) => Buffer.concat(part).toString());
  return { stdout: stdout ?? "", stderr: stderr ?? "" };
}

/** Executors that are children of this process, by pid. */
function executors(): number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => {
      try {
        const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
        return Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]) === process.pid;
      } catch {
        return false;
      }
    })
    .filter((pid) => readFileSync(`/proc/${pid}/comm`, "utf8").startsWith("t"));
}

/** False for a zombie too: the machine's first process may take its time to reap what was handed to it. */
function isAlive(pid: number | undefined): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return stat[stat.lastIndexOf(")") + 2] !== "Z";
  } catch {
    return false;
  }
}

async function errorOf(promise: Promise<unknown>): Promise<TiffinError> {
  try {
    await promise;
  } catch (thrown) {
    if (thrown instanceof TiffinError) return thrown;
    throw thrown;
  }
  throw new Error("nothing was thrown");
}

test("a program runs to its end and its exit code arrives", async () => {
  const process = await launch(["sh", "-c", "exit 7"]);
  expect(await process.exited).toMatchObject({ exitCode: 7, oomKilled: false, lost: false });
  expect(process.phases?.totalMs).toBeGreaterThan(0);
  // Each of them was looked at; together they are no more than the start took, twice over where two processes worked.
  const times = [...(process.opTimesMs ?? [])];
  expect(times.filter((ms) => ms > 0).length).toBeGreaterThan(times.length / 2);
  expect(times.reduce((sum, ms) => sum + ms, 0)).toBeLessThan(2 * (process.phases?.totalMs ?? 0));
});

test("a signal reaches the main process and is told from an exit", async () => {
  const process = await launch(["sleep", "1000"]);
  expect(existsSync(`/proc/${process.pid}`)).toBe(true);
  process.signal(9);
  expect(await process.exited).toMatchObject({ exitCode: 137, signal: 9, oomKilled: false });
});

test("a client that was attached before the start misses no byte", async () => {
  const script = "seq 1 200000; echo problem >&2";
  const process = await launch(["sh", "-c", script], { clients: [output] });
  const { stdout, stderr } = demultiplex(await collect(process.attachments[0]));
  expect(stdout).toBe(Array.from({ length: 200_000 }, (_, index) => `${index + 1}\n`).join(""));
  expect(stderr).toBe("problem\n");
  expect(await process.exited).toMatchObject({ exitCode: 0 });
});

test("stdin of an attached client reaches the program and its end too", async () => {
  const process = await launch(["cat"], { clients: [everything], stdin: true });
  const [client] = process.attachments;
  const received = collect(client);
  client?.write(new TextEncoder().encode("typed\n"));
  client?.end();
  expect(demultiplex(await received).stdout).toBe("typed\n");
  expect(await process.exited).toMatchObject({ exitCode: 0 });
});

test("a terminal has its size before the program starts, can be resized and joined later", async () => {
  const script = "stty size; read _; stty size";
  const options = { terminal: { rows: 33, columns: 99 }, clients: [everything] };
  const process = await launch(["sh", "-c", script], options);
  const [client] = process.attachments;
  const shown = Promise.withResolvers<void>();
  let text = "";
  const ended = Promise.withResolvers<void>();
  client?.listen({
    data(chunk) {
      text += new TextDecoder().decode(chunk);
      if (text.startsWith("33 99\r\n")) shown.resolve();
    },
    end() {},
    close: () => ended.resolve(),
  });
  await shown.promise;
  await process.resize(44, 55);
  const second = await process.attach(everything);
  const joined = collect(second);
  second.write(new TextEncoder().encode("\n"));
  await ended.promise;
  expect(text).toEndWith("44 55\r\n");
  expect(new TextDecoder().decode(await joined)).toEndWith("44 55\r\n");
  expect(await process.exited).toMatchObject({ exitCode: 0 });
});

test("a missing program is reported with its exit code and leaves nothing", async () => {
  const before = descriptorsOf(process.pid);
  const error = await errorOf(launch(["no-such-program"], { clients: [output] }));
  expect([error.exitCode, error.message.includes("no-such-program")]).toEqual([127, true]);
  await until("what follows", () => executors().length === 0 && runtime.tokens().length === 0);
  expect(descriptorsOf(process.pid).length).toBeLessThanOrEqual(before.length + 1);
});

test("a descriptor that the plan wants and nobody gave is an error before anything starts", async () => {
  const plan = planOf(["true"], { record: true });
  const error = await errorOf(runtime.launch({ plan, fds: new Map() }));
  expect([error.kind, error.code]).toEqual(["internal", "runtime.slot-missing"]);
  expect(executors()).toEqual([]);
});

test("the engine is asked at a sync point, and may refuse", async () => {
  const plan = planOf(["true"], { more: { holdBeforeExec: true } });
  const pids: number[] = [];
  const process = await runtime.launch({
    plan,
    fds: new Map(),
    onSync(_id, pid) {
      pids.push(pid);
    },
  });
  expect(pids).toEqual([process.pid]);
  await process.exited;
  const refused = runtime.launch({
    plan,
    fds: new Map(),
    onSync(_id, pid) {
      pids.push(pid);
      throw new TiffinError("conflict", "test.refused", "refused");
    },
  });
  expect((await errorOf(refused)).code).toBe("test.refused");
  expect(pids.length).toBe(2);
  await until("what follows", () => !isAlive(pids[1]));
});

test("an executor that is killed in the middle of a start takes its child along", async () => {
  const pids: number[] = [];
  const refused = runtime.launch({
    plan: planOf(["true"], { more: { holdBeforeExec: true } }),
    fds: new Map(),
    onSync(_id, pid) {
      pids.push(pid);
      for (const executor of executors()) process.kill(executor, "SIGKILL");
    },
  });
  expect((await errorOf(refused)).code).toBe("runtime.executor-vanished");
  await until("what follows", () => !isAlive(pids[0]));
});

test("another engine finds a running process by its token and hears of its end", async () => {
  const tokens: string[] = [];
  const plan = planOf(["sh", "-c", "read line; exit $line"], { stdin: true });
  const process = await runtime.launch({ plan, fds: new Map(), onToken: (token) => tokens.push(token) });
  process.disconnect();
  const reconnection = await runtime.reconnect(tokens[0] ?? "");
  if (reconnection.kind !== "found") throw new Error(`it is ${reconnection.kind}`);
  const found = reconnection.process;
  expect(found.pid).toBe(process.pid);
  const client = await found.attach(everything);
  client.write(new TextEncoder().encode("5\n"));
  expect(await found.exited).toMatchObject({ exitCode: 5, lost: false });
  await until("what follows", () => runtime.tokens().length === 0);
  expect(await runtime.reconnect(tokens[0] ?? "")).toEqual({ kind: "gone" });
});

test("a process that was let go of goes on, and so does its supervisor", async () => {
  const path = `${files.path}/record-3`;
  createRecord(path);
  using record = openFile(undefined, path, openFlags.readWrite);
  const plan = planOf(["sh", "-c", "sleep 1.6; exit 6"], { record: true });
  const process = await runtime.launch({ plan, fds: new Map([["record", record]]) });
  process.disconnect();
  await until("what follows", () => readRecord(path).state === "exited");
  expect(readRecord(path)).toMatchObject({ state: "exited", exit: { exitCode: 6 } });
});

test("the record tells how a process ended while nobody was connected", async () => {
  const path = `${files.path}/record`;
  createRecord(path);
  using record = openFile(undefined, path, openFlags.readWrite);
  const plan = planOf(["sh", "-c", "sleep 0.1; exit 9"], { record: true });
  const process = await runtime.launch({ plan, fds: new Map([["record", record]]), recordPath: path });
  expect(readRecord(path)).toMatchObject({ state: "running", pid: process.pid });
  process.disconnect();
  await until("what follows", () => readRecord(path).state === "exited");
  expect(readRecord(path)).toMatchObject({ state: "exited", exit: { exitCode: 9 } });
});

test("a supervisor that was killed is reported as lost", async () => {
  const process = await launch(["sleep", "1000"]);
  const [supervisor] = executors();
  globalThis.process.kill(supervisor ?? 0, "SIGKILL");
  expect(await process.exited).toMatchObject({ lost: true, exitCode: 137 });
  await until("what follows", () => !isAlive(process.pid));
  expect(runtime.tokens()).toEqual([]);
});

test("warm executors are used first, replaced, survive their own death and leave with the runtime", async () => {
  runtime.warm(2);
  await until("what follows", () => executors().length === 2 && runtime.tokens().length === 2);
  const before = new Set(runtime.tokens());
  const process = await launch(["true"]);
  expect(before.has(process.token)).toBe(true);
  await process.exited;
  await until("what follows", () => executors().length === 2);
  const killed = executors();
  for (const pid of killed) globalThis.process.kill(pid, "SIGKILL");
  await until("what follows", () => !executors().some((pid) => killed.includes(pid)));
  const after = await launch(["true"]);
  expect(await after.exited).toMatchObject({ exitCode: 0 });
  runtime.close();
  await until("what follows", () => executors().length === 0);
  expect((await errorOf(launch(["true"]))).code).toBe("runtime.closed");
});

test("waiting executors, which accept no connection, are neither asked nor swept", async () => {
  runtime.warm(2);
  await until("what follows", () => executors().length === 2 && runtime.tokens().length === 2);
  const before = runtime.tokens().sort();
  runtime.sweep(new Set());
  expect(runtime.tokens().sort()).toEqual(before);
  // As another engine sees them.
  const other = openRuntime({ executor, runDirectory: `${files.path}/run` });
  other.sweep(new Set());
  expect(other.tokens().sort()).toEqual(before);
  other.close();
});

test("a start that is stopped ends in time with a sentence, and leaves nothing", async () => {
  const impatient = openRuntime({ executor, runDirectory: `${files.path}/run`, startLimitMs: 300 });
  impatient.warm(1);
  await until("what follows", () => executors().length === 1 && impatient.tokens().length === 1);
  const [stopped] = executors();
  globalThis.process.kill(stopped ?? 0, "SIGSTOP");
  const error = await errorOf(impatient.launch({ plan: planOf(["true"]), fds: new Map() }));
  expect(error).toMatchObject({ kind: "unavailable", code: "runtime.start-silent" });
  expect(error.message).toContain(
    `the executor (process ${stopped}) has not started the program within 0.3 s`,
  );
  impatient.close();
  await until("what follows", () => executors().length === 0 && impatient.tokens().length === 0);
});

test("a process is signalled past its supervisor, and its end is known though that is stopped for good", async () => {
  const process = await launch(["sleep", "1000"]);
  const [supervisor = 0] = executors();
  globalThis.process.kill(supervisor, "SIGSTOP");
  expect(process.signal(9)).toBe(true);
  await until("its end", () => !isAlive(process.pid));
  expect(process.signal(9)).toBe(false);
  // The supervisor is woken: it knows best how the process ended.
  expect(await process.exited).toMatchObject({ exitCode: 137, lost: false });
  expect(process.signal(9)).toBe(false);
});

test("a user namespace is made with its mapping and kept by its descriptor alone", async () => {
  const name = "idmap:0:100000:1000/0:200000:500";
  const fd = await runtime.userNamespace(name);
  expect(readlinkSync(`/proc/self/fd/${fd.raw}`)).toStartWith("user:[");
  expect(await runtime.userNamespace(name)).toBe(fd);
  await until("what follows", () => executors().length === 0);
});

test("a thousand launches and failures leave no descriptor, process or socket", async () => {
  runtime.warm(2);
  await until("what follows", () => executors().length === 2);
  await (await launch(["true"], { clients: [output] })).exited;
  const settled = (): boolean => executors().length === 2 && runtime.tokens().length === 2;
  await until("what follows", settled);
  const before = descriptorsOf(process.pid).length;
  for (let round = 0; round < 500; round += 1) {
    const started = await launch(["true"], { clients: [output] });
    const closed = collect(started.attachments[0]);
    expect(await started.exited).toMatchObject({ exitCode: 0, lost: false });
    await closed;
    expect((await errorOf(launch(["missing"], { clients: [output] }))).exitCode).toBe(127);
  }
  await until("what follows", settled);
  await until("what follows", () => descriptorsOf(process.pid).length <= before);
});

test("descriptors given to a launch stay the caller's", async () => {
  const path = `${files.path}/record-2`;
  createRecord(path);
  using record = openFile(undefined, path, openFlags.readWrite);
  const plan = planOf(["true"], { record: true });
  const process = await runtime.launch({ plan, fds: new Map([["record", record]]) });
  await process.exited;
  expect(record).toBeInstanceOf(OwnedFd);
  expect(record.open).toBe(true);
  rmSync(path);
});
