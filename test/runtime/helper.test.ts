/**
 * The resident helper of tiffin-runtime, seen from outside: when there is one, whom it serves, what it keeps of others, and
 * whom it waits for.
 */
import { expect, test } from "bun:test";
import { existsSync, readdirSync, readFileSync, readlinkSync, statSync } from "node:fs";
import { join } from "node:path";
import { OwnedFd } from "../../src/kernel/owned-fd.ts";
import { SyscallError, syscall } from "../../src/kernel/syscall.ts";
import { listenUnix } from "../../src/kernel/unix-listener.ts";
import { connectUnix } from "../../src/kernel/unix-stream.ts";
import { pause, until } from "../support/until.ts";
import { Bundle, shell, specOf } from "./bundle.ts";
import { helpers, isRoot, linkOf, ownHelper, stay } from "./own-helper.ts";

const { program, fileName, socketOf, helperPid, call, creation, startHelper, endHelper, whoRuns } =
  ownHelper();

test.skipIf(!isRoot)("the first command does without and starts one, the next is done by it", async () => {
  await using bundle = new Bundle(program);
  await endHelper();
  expect(await whoRuns(bundle)).toBe("alone");
  await until("a helper", () => socketOf() !== undefined);
  expect(await whoRuns(bundle)).toBe("helper");
  expect(await whoRuns(bundle, { TIFFIN_RUNTIME_HELPER: "off" })).toBe("alone");
  expect(statSync(helpers).mode & 0o777).toBe(0o700);
  bundle.configure(specOf(["/bin/true"]));
  const told = async (env: Record<string, string>): Promise<string> =>
    (await call(bundle, ["--debug", "run", bundle.id], env)).stderr;
  expect(await told(stay)).toMatch(/by the helper, configuration and plan [\d.]+ ms/);
  expect(await told({ TIFFIN_RUNTIME_HELPER: "off" })).toMatch(
    /program start [\d.]+ ms, configuration and plan/,
  );
});

test.skipIf(!isRoot)(
  "it serves nobody who differs: namespaces, root directory, capabilities, no_new_privs",
  async () => {
    await using bundle = new Bundle(program);
    await startHelper(bundle);
    const before = helperPid();
    expect(await whoRuns(bundle, stay, ["unshare", "--mount", "--"])).toBe("alone");
    expect(await whoRuns(bundle, stay, ["unshare", "--net", "--"])).toBe("alone");
    expect(await whoRuns(bundle, stay, ["setpriv", "--bounding-set=-sys_time", "--"])).toBe("alone");
    expect(await whoRuns(bundle, stay, ["setpriv", "--no-new-privs", "--"])).toBe("alone");
    expect(await whoRuns(bundle)).toBe("helper");
    expect(helperPid()).toBe(before);
  },
);

test.skipIf(!isRoot)("create and exec start none: engines wait for whatever they leave behind", async () => {
  await using bundle = new Bundle(program);
  await endHelper();
  bundle.configure(specOf(["/bin/sleep", "30"]));
  expect(await creation(bundle).exited).toBe(0);
  expect(helperPid()).toBeUndefined();
  expect((await call(bundle, ["start", bundle.id], { TIFFIN_RUNTIME_HELPER: "off" })).code).toBe(0);
  expect((await call(bundle, ["exec", bundle.id, "/bin/echo", "run"])).code).toBe(0);
  expect(helperPid()).toBeUndefined();
  await call(bundle, ["kill", bundle.id, "KILL"], { TIFFIN_RUNTIME_HELPER: "off" });
});

test.skipIf(!isRoot)("none is started from namespaces other than the machine's", async () => {
  await using bundle = new Bundle(program);
  await endHelper();
  expect(await whoRuns(bundle, stay, ["unshare", "--mount", "--"])).toBe("alone");
  expect(await whoRuns(bundle, stay, ["unshare", "--ipc", "--"])).toBe("alone");
  await pause(200, "no helper may come up");
  expect(helperPid()).toBeUndefined();
});

test.skipIf(!isRoot)(
  "it holds no group, directory or descriptor of those whom it served, and leaves when idle",
  async () => {
    await using bundle = new Bundle(program);
    await endHelper();
    await call(bundle, ["run", bundle.id], { TIFFIN_RUNTIME_HELPER: "1" });
    await until("a helper", () => socketOf() !== undefined);
    bundle.configure(specOf(["/bin/true"]));
    for (let count = 0; count < 20; count += 1) expect((await call(bundle, ["run", bundle.id])).code).toBe(0);
    const pid = helperPid() ?? 0;
    expect(readFileSync(`/proc/${pid}/comm`, "utf8")).toBe("tiffin-runtime\n");
    expect(readlinkSync(`/proc/${pid}/cwd`)).toBe("/");
    expect(
      readFileSync(`/proc/${pid}/cgroup`, "utf8")
        .trim()
        .split("\n")
        .every((line) => line.endsWith(":/")),
    ).toBe(true);
    const held = readdirSync(`/proc/${pid}/fd`).map((fd) => linkOf(`/proc/${pid}/fd/${fd}`));
    expect(
      held.filter((target) => target.includes(bundle.directory) || target.includes("/sys/fs/cgroup")),
    ).toEqual([]);
    expect(held.length).toBeLessThan(25);
    await until("the helper to leave", () => helperPid() === undefined);
    const left = existsSync(helpers) ? readdirSync(helpers) : [];
    expect(left.filter((name) => name.endsWith(fileName()))).toEqual([]);
  },
);

test.skipIf(!isRoot)("one that is killed is replaced, one that hangs is not waited for", async () => {
  await using bundle = new Bundle(program);
  await startHelper(bundle);
  const first = helperPid();
  await endHelper();
  expect(await whoRuns(bundle)).toBe("alone");
  await until("another helper", () => helperPid() !== undefined && socketOf() !== undefined);
  const second = helperPid() ?? 0;
  expect(second).not.toBe(first);
  await until("its answer", async () => (await whoRuns(bundle)) === "helper");
  process.kill(second, "SIGSTOP");
  try {
    expect(await whoRuns(bundle)).toBe("alone");
  } finally {
    process.kill(second, "SIGCONT");
  }
  expect(await whoRuns(bundle)).toBe("helper");
});

test.skipIf(!isRoot)("many at once are all served", async () => {
  await using bundle = new Bundle(program);
  await startHelper(bundle);
  bundle.configure(shell("echo $0; exit 7"));
  const runs = await Promise.all(
    Array.from({ length: 40 }, async (_, number) => await call(bundle, ["run", `${bundle.id}-${number}`])),
  );
  expect(runs.map(({ code, stderr }) => `${code}${stderr}`)).toEqual(Array.from({ length: 40 }, () => "7"));
  expect((await call(bundle, ["list", "-q"])).stdout).toBe("");
});

test.skipIf(!isRoot)("of many that claim one id through it, one gets it", async () => {
  await using bundle = new Bundle(program);
  await startHelper(bundle);
  bundle.configure(specOf(["/bin/sleep", "60"]));
  const codes = await Promise.all(Array.from({ length: 12 }, async () => await creation(bundle).exited));
  expect(codes.sort()).toEqual([0, ...Array.from({ length: 11 }, () => 1)]);
  const starts = await Promise.all(
    Array.from({ length: 6 }, async () => (await call(bundle, ["start", bundle.id])).code),
  );
  expect(starts.sort()).toEqual([0, 1, 1, 1, 1, 1]);
});

test.skipIf(!isRoot)("it has nothing of the priority, processors and limits of who started it", async () => {
  await using bundle = new Bundle(program);
  await endHelper();
  bundle.configure(specOf(["/bin/true"]));
  const slow = ["nice", "-n", "7", "chrt", "--batch", "0", "taskset", "-c", "0", "prlimit", "--cpu=1000:"];
  expect((await call(bundle, ["run", bundle.id], stay, slow)).code).toBe(0);
  await until("a helper", () => socketOf() !== undefined);
  const entry = `/proc/${helperPid()}`;
  const shown = (path: string, line: RegExp): string => line.exec(readFileSync(path, "utf8"))?.[1] ?? "";
  const processors = /^Cpus_allowed_list:\t(.*)$/m;
  expect(readFileSync(`${entry}/stat`, "utf8").split(" ")[18]).toBe("0");
  expect(shown(`${entry}/sched`, /^policy\s*:\s*(\d+)$/m)).toBe("0");
  expect(shown(`${entry}/status`, processors)).toBe(shown("/proc/1/status", processors));
  expect(shown(`${entry}/limits`, /^Max cpu time\s+(\S+)/m)).toBe("unlimited");
});

test.skipIf(!isRoot)("it waits for no front whose output stands still", async () => {
  await using bundle = new Bundle(program);
  await using other = new Bundle(program);
  await startHelper(bundle);
  const annotations = Object.fromEntries(
    Array.from({ length: 100 }, (_, number) => [`a${number}`, "x".repeat(10_000)]),
  );
  bundle.configure({ ...specOf(["/bin/sleep", "60"]), annotations });
  expect(await creation(bundle).exited).toBe(0);
  const script = `"$0" --root "$1" state "$2" | { sleep 1000 & echo $!; wait; cat; }`;
  const reading = Bun.spawn(["sh", "-c", script, program, bundle.root, bundle.id], {
    env: { ...process.env, ...stay },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const reader = reading.stdout.getReader();
  const sleeper = Number.parseInt(new TextDecoder().decode((await reader.read()).value), 10);
  await pause(200, "the helper has met the reader that stands still");
  expect(await whoRuns(other)).toBe("helper");
  process.kill(sleeper);
  let count = 0;
  for (let part = await reader.read(); !part.done; part = await reader.read()) count += part.value.length;
  expect(count).toBeGreaterThan(1_000_000);
});

test.skipIf(!isRoot)("it waits for no console socket whose listener is busy", async () => {
  await using bundle = new Bundle(program);
  await using other = new Bundle(program);
  await startHelper(bundle);
  using listener = listenUnix(bundle.directory, "console", 0);
  const listens = join(bundle.directory, "console");
  using _queued = connectUnix(listens);
  bundle.configure(shell("true", { terminal: true }));
  const creating = Bun.spawn(
    [program, "--root", bundle.root, "create", "--console-socket", listens, bundle.id],
    { cwd: bundle.path, env: { ...process.env, ...stay }, stdio: ["ignore", "ignore", "ignore"] },
  );
  await pause(200, "the caller must not end");
  expect(creating.exitCode).toBeNull();
  expect(await whoRuns(other)).toBe("helper");
  const accept = (): OwnedFd =>
    new OwnedFd(syscall("accept4", listens, listener.raw, 0, 0, 0), "console connection");
  using _first = accept();
  using _second = accept();
  expect(await creating.exited).toBe(0);
});

test.skipIf(!isRoot)("one that has not accepted for a thousand connections is not waited for", async () => {
  await using bundle = new Bundle(program);
  await startHelper(bundle);
  const pid = helperPid() ?? 0;
  process.kill(pid, "SIGSTOP");
  try {
    expect(fillQueue(join(helpers, socketOf() ?? ""))).toBe("EAGAIN");
    expect((await call(bundle, ["run", bundle.id])).code).toBe(0);
  } finally {
    process.kill(pid, "SIGCONT");
  }
});

/** Connects until the listener takes no more; why that is. */
function fillQueue(path: string): string {
  for (let count = 0; count < 10_000; count += 1) {
    try {
      connectUnix(path, { wait: false })[Symbol.dispose]();
    } catch (thrown) {
      return thrown instanceof SyscallError ? thrown.code : String(thrown);
    }
  }
  return "";
}
