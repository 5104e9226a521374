/**
 * The resident helper of tiffin-runtime, seen from outside: when there is one, whom it serves, and what becomes of a
 * command when either side ends. Every case has a copy of the program, and so a helper of its own.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import {
  copyFileSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { OwnedFd } from "../../src/kernel/owned-fd.ts";
import { SyscallError, syscall } from "../../src/kernel/syscall.ts";
import { listenUnix } from "../../src/kernel/unix-listener.ts";
import { connectUnix } from "../../src/kernel/unix-stream.ts";
import { until } from "../support/until.ts";
import { Bundle, groupsNamed, shell, specOf } from "./bundle.ts";
import { runtimes } from "./runtimes.ts";

const built = runtimes.find(({ name }) => name === "tiffin")?.path;
const isRoot = process.geteuid?.() === 0 && built !== undefined;
const helpers = "/run/tiffin-runtime/@helper";
const stay = { TIFFIN_RUNTIME_HELPER: "20" };

let directory = "";
let program = "";

beforeAll(() => {
  if (!isRoot || built === undefined) return;
  directory = mkdtempSync(join(tmpdir(), "tiffin-test-helper-"));
  program = join(directory, "tiffin-runtime");
  copyFileSync(built, program);
});

afterAll(() => {
  const pid = helperPid();
  if (pid !== undefined) process.kill(pid);
  rmSync(directory, { recursive: true, force: true });
});

/** What the name of our helper's socket ends in. A killed helper of an earlier file may have had the same inode. */
function fileName(): string {
  const { ino, mtimeNs } = statSync(program, { bigint: true });
  return [ino, mtimeNs].map((number) => number.toString(16).padStart(16, "0")).join("");
}

function socketOf(): string | undefined {
  if (!existsSync(helpers)) return undefined;
  return readdirSync(helpers).find((name) => name.endsWith(fileName()));
}

function exeOf(pid: number | string): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/exe`);
  } catch {
    return undefined;
  }
}

/** The helper of our copy: the one process of it with that word. */
function helperPid(): number | undefined {
  for (const name of readdirSync("/proc")) {
    if (!/^\d+$/.test(name) || exeOf(name) !== program) continue;
    if (readFileSync(`/proc/${name}/cmdline`, "utf8").split("\0")[1] === "@helper") return Number(name);
  }
  return undefined;
}

async function call(
  bundle: Bundle,
  words: readonly string[],
  env: Record<string, string> = stay,
  prefix: readonly string[] = [],
) {
  const child = Bun.spawn([...prefix, program, "--root", bundle.root, ...words], {
    cwd: bundle.path,
    env: { ...process.env, ...env },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  const [stdout, stderr, code] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  return { code, stdout, stderr };
}

/** `create`, without a pipe that the container's process would keep: its standard streams are ours. */
function creation(bundle: Bundle, stderr: "ignore" | "pipe" = "ignore") {
  return Bun.spawn([program, "--root", bundle.root, "create", bundle.id], {
    cwd: bundle.path,
    env: { ...process.env, ...stay },
    stdio: ["ignore", "ignore", stderr],
  });
}

async function startHelper(bundle: Bundle): Promise<void> {
  bundle.configure(specOf(["/bin/true"]));
  expect((await call(bundle, ["run", bundle.id])).code).toBe(0);
  await until("a helper", () => socketOf() !== undefined);
}

async function endHelper(): Promise<void> {
  const pid = helperPid();
  if (pid !== undefined) process.kill(pid, "SIGKILL");
  await until("the end of the helper", () => helperPid() === undefined);
  const left = socketOf();
  if (left !== undefined) rmSync(join(helpers, left), { force: true });
}

/** What the process of a running `run` executes: the executor when a helper decided, else the program itself. */
async function whoRuns(
  bundle: Bundle,
  env: Record<string, string> = stay,
  prefix: readonly string[] = [],
): Promise<string> {
  bundle.configure(specOf(["/bin/sleep", "30"]));
  const running = Bun.spawn([...prefix, program, "--root", bundle.root, "run", bundle.id], {
    cwd: bundle.path,
    env: { ...process.env, ...env },
    stdin: "ignore",
    stdout: "ignore",
    stderr: "inherit",
  });
  try {
    await until("the container", async () =>
      (await call(bundle, ["state", bundle.id], { TIFFIN_RUNTIME_HELPER: "off" })).stdout.includes(
        '"running"',
      ),
    );
    return exeOf(running.pid)?.startsWith("/memfd:tiffin-executor") === true ? "helper" : "alone";
  } finally {
    await call(bundle, ["kill", bundle.id, "KILL"], { TIFFIN_RUNTIME_HELPER: "off" });
    expect(await running.exited).toBe(137);
  }
}

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
  await Bun.sleep(200);
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
    const held = readdirSync(`/proc/${pid}/fd`).map((fd) => exeLink(`/proc/${pid}/fd/${fd}`));
    expect(
      held.filter((target) => target.includes(bundle.directory) || target.includes("/sys/fs/cgroup")),
    ).toEqual([]);
    expect(held.length).toBeLessThan(25);
    await until("the helper to leave", () => helperPid() === undefined);
    const left = existsSync(helpers) ? readdirSync(helpers) : [];
    expect(left.filter((name) => name.endsWith(fileName()))).toEqual([]);
  },
);

function exeLink(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return "";
  }
}

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

function slowHook(bundle: Bundle): string {
  const reached = join(bundle.directory, "reached");
  const spec = specOf(["/bin/sleep", "60"]);
  bundle.configure({
    ...spec,
    hooks: { createContainer: [{ path: "/bin/sh", args: ["sh", "-c", `echo > ${reached}; exec sleep 1`] }] },
  });
  return reached;
}

for (const signal of ["SIGKILL", "SIGTERM"] as const) {
  test.skipIf(!isRoot)(
    `a caller that ends by ${signal} in the middle of a creation leaves nothing`,
    async () => {
      await using bundle = new Bundle(program);
      await startHelper(bundle);
      const reached = slowHook(bundle);
      const creating = creation(bundle);
      await until("the hook", () => existsSync(reached));
      creating.kill(signal);
      await creating.exited;
      expect(creating.signalCode).toBe(signal);
      await until("nothing to be left", () => !existsSync(join(bundle.root, bundle.id)));
      await until("no group to be left", () => groupsNamed(bundle.id).length === 0);
      expect(await whoRuns(bundle)).toBe("helper");
    },
  );
}

test.skipIf(!isRoot)(
  "a helper that is killed in the middle fails the command, and a forced deletion clears up",
  async () => {
    await using bundle = new Bundle(program);
    await startHelper(bundle);
    const reached = slowHook(bundle);
    const creating = creation(bundle, "pipe");
    await until("the hook", () => existsSync(reached));
    await endHelper();
    expect(await creating.exited).toBe(1);
    expect(await new Response(creating.stderr ?? null).text()).toContain("delete --force");
    expect((await call(bundle, ["delete", "--force", bundle.id])).code).toBe(0);
    expect(existsSync(join(bundle.root, bundle.id))).toBe(false);
    expect(groupsNamed(bundle.id)).toEqual([]);
  },
);

/** Signals are passed on from then on. */
function awaitsProgram(pid: number): boolean {
  const directory = `/proc/${pid}/fd`;
  return readdirSync(directory).some((fd) => exeLink(`${directory}/${fd}`) === "anon_inode:[signalfd]");
}

test.skipIf(!isRoot)("a program that outlives it ends as it would have, for run and exec", async () => {
  await using bundle = new Bundle(program);
  await startHelper(bundle);
  const goOn = join(bundle.rootfs, "go");
  bundle.configure(shell("while ! test -e /go; do sleep 0.05; done; sleep 0.5; exit 7"));
  const options = { cwd: bundle.path, env: { ...process.env, ...stay } };
  const words = [program, "--root", bundle.root];
  const running = Bun.spawn([...words, "run", bundle.id], { ...options, stdio: ["ignore", "pipe", "pipe"] });
  await until("the caller to wait", () => awaitsProgram(running.pid));
  const script = "while ! test -e /go; do sleep 0.05; done; kill -9 $$";
  const executing = Bun.spawn([...words, "exec", bundle.id, "/bin/sh", "-c", script], {
    ...options,
    stdio: ["ignore", "pipe", "pipe"],
  });
  await until("the second caller to wait", () => awaitsProgram(executing.pid));
  await endHelper();
  writeFileSync(goOn, "");
  expect(await executing.exited).toBe(137);
  expect(await running.exited).toBe(7);
  expect((await call(bundle, ["delete", "--force", bundle.id])).code).toBe(0);
});

test.skipIf(!isRoot)(
  "what it does not do for others is done alone: terminals, inherited descriptors, closed ones, long command lines",
  async () => {
    await using bundle = new Bundle(program);
    await startHelper(bundle);
    bundle.configure(shell("echo in; cat <&3"));
    const preserved = await call(bundle, ["run", "--preserve-fds", "1", bundle.id], stay, [
      "sh",
      "-c",
      'echo kept > kept; exec "$@" 3<kept',
      "sh",
    ]);
    expect(preserved).toEqual({ code: 0, stdout: "in\nkept\n", stderr: "" });
    bundle.configure(shell("echo out"));
    expect((await call(bundle, ["run", bundle.id], stay, ["sh", "-c", 'exec "$@" <&-', "sh"])).stdout).toBe(
      "out\n",
    );
    // A closed one is /dev/null in the container, never a file of ours.
    symlinkSync("busybox", join(bundle.rootfs, "bin", "readlink"));
    for (const [fd, closing] of ["<&-", ">&-", "2>&-"].entries()) {
      bundle.configure(shell(`name=$(readlink /proc/$$/fd/${fd}); echo $name > /closed`));
      const closes = ["sh", "-c", `exec "$@" ${closing}`, "sh"];
      expect((await call(bundle, ["run", bundle.id], stay, closes)).code).toBe(0);
      expect(readFileSync(join(bundle.rootfs, "closed"), "utf8")).toBe("/dev/null\n");
    }
    bundle.configure(shell("echo out"));
    const long = "x".repeat(100_000);
    expect((await call(bundle, ["run", bundle.id], { ...stay, LONG_A: long, LONG_B: long })).stdout).toBe(
      "out\n",
    );
    bundle.configure(shell("test -t 0 && echo terminal", { terminal: true }));
    const terminal = await call(bundle, ["run", bundle.id], stay, ["setsid", "-w"]);
    expect(terminal.stdout).toContain("terminal");
  },
);

test.skipIf(!isRoot)("a signal that the caller ignores does not end its command", async () => {
  await using bundle = new Bundle(program);
  await startHelper(bundle);
  const reached = slowHook(bundle);
  const words = ["sh", "-c", "trap '' HUP INT; exec \"$@\"", "sh", program, "--root", bundle.root];
  const creating = Bun.spawn([...words, "create", bundle.id], {
    cwd: bundle.path,
    env: { ...process.env, ...stay },
    stdio: ["ignore", "ignore", "ignore"],
  });
  await until("the hook", () => existsSync(reached));
  creating.kill("SIGHUP");
  creating.kill("SIGINT");
  expect(await creating.exited).toBe(0);
});

test.skipIf(!isRoot)("hooks on the host have the caller's limits and priority", async () => {
  await using bundle = new Bundle(program);
  await startHelper(bundle);
  const told = join(bundle.directory, "told");
  const script = `{ cut -d ' ' -f 19 /proc/self/stat; ulimit -Sn; ulimit -Hn; } >> ${told}`;
  const hook = [{ path: "/bin/sh", args: ["sh", "-c", script], env: ["PATH=/bin:/usr/bin"] }];
  const caller = ["nice", "-n", "7", "prlimit", "--nofile=300:400"];
  const kinds = ["prestart", "createRuntime", "poststart", "poststop"] as const;
  for (const kind of kinds) {
    bundle.configure({ ...specOf(["/bin/true"]), hooks: { [kind]: hook } });
    expect((await call(bundle, ["run", bundle.id], stay, caller)).code).toBe(0);
  }
  expect(readFileSync(told, "utf8")).toBe("7\n300\n400\n".repeat(kinds.length));
});

test.skipIf(!isRoot)(
  "the program has the caller's limit of descriptors, with a helper and without",
  async () => {
    await using bundle = new Bundle(program);
    await startHelper(bundle);
    bundle.configure(shell("ulimit -Sn; ulimit -Hn"));
    for (const wish of ["20", "off"]) {
      const env = { TIFFIN_RUNTIME_HELPER: wish };
      const { stdout } = await call(bundle, ["run", bundle.id], env, ["prlimit", "--nofile=300:400"]);
      expect(stdout).toBe("300\n400\n");
    }
    // So few that the executor could not take what the helper sends.
    const { code, stderr } = await call(bundle, ["run", bundle.id], stay, ["prlimit", "--nofile=16:400"]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  },
);

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
  await Bun.sleep(200);
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
  await Bun.sleep(200);
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

test.skipIf(!isRoot)("a path that leads through a link to the caller's own directory", async () => {
  await using bundle = new Bundle(program);
  await startHelper(bundle);
  bundle.configure({ ...shell("echo out"), root: { path: bundle.rootfs } });
  const link = join(bundle.directory, "link");
  symlinkSync("/proc/self/cwd", link);
  expect(await call(bundle, ["run", "--bundle", link, bundle.id])).toEqual({
    code: 0,
    stdout: "out\n",
    stderr: "",
  });
});

test.skipIf(!isRoot)("signals reach the program, and its end the caller", async () => {
  await using bundle = new Bundle(program);
  await startHelper(bundle);
  const ready = join(bundle.rootfs, "ready");
  bundle.configure(
    shell("trap 'exit 41' TERM; trap 'echo hup' HUP; echo > /ready; while :; do sleep 0.05; done"),
  );
  const running = Bun.spawn([program, "--root", bundle.root, "run", bundle.id], {
    cwd: bundle.path,
    env: { ...process.env, ...stay },
    stdio: ["ignore", "pipe", "inherit"],
  });
  await until("the program", () => existsSync(ready));
  running.kill("SIGHUP");
  await Bun.sleep(200);
  running.kill("SIGTERM");
  expect(await running.exited).toBe(41);
  expect(await new Response(running.stdout).text()).toBe("hup\n");
});

test.skipIf(!isRoot)("without a reader of the output the command ends as it would have", async () => {
  await using bundle = new Bundle(program);
  await startHelper(bundle);
  const child = Bun.spawn(
    [
      "sh",
      "-c",
      `${program} --root ${bundle.root} state none 2>&1 >/dev/null | :; ${program} --root ${bundle.root} kill none 2>&-; echo $?`,
    ],
    { env: { ...process.env, ...stay }, stdout: "pipe", stderr: "pipe" },
  );
  expect(await new Response(child.stdout).text()).toBe("1\n");
});
