/**
 * The state directory in the state in which one may find it: absent, full, read-only, somebody else's, with files that
 * the runtime has not written. One clear error, and nobody is hurt.
 */
import { expect, test } from "bun:test";
import {
  chmodSync,
  chownSync,
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import type { Outcome } from "../support/outcome.ts";
import { until } from "../support/until.ts";
import { Bundle, groupsNamed, specOf } from "./bundle.ts";
import { eachRuntime, runtimes } from "./runtimes.ts";

const ours = runtimes.find(({ name }) => name === "tiffin")?.path;
const mayRun = ours !== undefined && process.geteuid?.() === 0;

function expectError(told: Outcome, words: RegExp, code = 1): void {
  expect(told.stderr).toMatch(words);
  expect(told.stderr.trimEnd().split("\n")).toHaveLength(1);
  expect({ code: told.code, stdout: told.stdout }).toEqual({ code, stdout: "" });
}

/** A small file system of its own at the state directory. */
function mountState(bundle: Bundle, options: string): Disposable {
  mkdirSync(bundle.root, { recursive: true });
  Bun.spawnSync(["mount", "-t", "tmpfs", "-o", options, "tiffin-test", bundle.root]);
  return { [Symbol.dispose]: () => void Bun.spawnSync(["umount", "-l", bundle.root]) };
}

eachRuntime("a state directory that is missing is made, for its owner alone", async (bundle) => {
  const root = join(bundle.directory, "not", "there", "yet");
  bundle.configure(specOf(["/bin/true"]));
  const child = Bun.spawnSync([bundle.runtime, "--root", root, "run", bundle.id], { cwd: bundle.path });
  expect(child.exitCode).toBe(0);
  expect(statSync(root).mode & 0o077 & ~0o011).toBe(0);
});

eachRuntime("a state directory behind a link works", async (bundle) => {
  mkdirSync(join(bundle.directory, "real"));
  symlinkSync("real", bundle.root);
  expect((await bundle.create(specOf(["/bin/sleep", "1000"]))).code).toBe(0);
  expect(await bundle.status()).toBe("created");
  expect((await bundle.call("delete", "--force", bundle.id)).code).toBe(0);
  expect(readdirSync(join(bundle.directory, "real")).filter((name) => name === bundle.id)).toEqual([]);
});

test.skipIf(!mayRun)(
  "a state directory that is a file, read-only or full: one error, nothing is left",
  async () => {
    await using bundle = new Bundle(ours ?? "");
    bundle.configure(specOf(["/bin/sleep", "1000"]));
    writeFileSync(bundle.root, "");
    expectError(await bundle.call("run", bundle.id), /ENOTDIR|not a directory/i);
    expectError(await bundle.call("state", bundle.id), /ENOTDIR|not a directory|does not exist/i);
    rmSync(bundle.root);
    {
      using _mounted = mountState(bundle, "ro");
      expectError(await bundle.call("create", bundle.id), /EROFS|read-only/i);
    }
    expect(groupsNamed(bundle.id)).toEqual([]);
    {
      using _mounted = mountState(bundle, "size=16k");
      writeFileSync(join(bundle.root, "@filler"), "x".repeat(12 * 1024));
      const annotations = { a: "x".repeat(64 * 1024) };
      bundle.configure({ ...specOf(["/bin/sleep", "1000"]), annotations });
      expectError(await bundle.call("create", bundle.id), /ENOSPC|no space/i);
      expect(readdirSync(bundle.root)).toEqual(["@filler"]);
      expectError(await bundle.call("state", bundle.id), /does not exist/);
    }
    {
      using _mounted = mountState(bundle, "nr_inodes=3");
      writeFileSync(join(bundle.root, "@filler"), "");
      bundle.configure(specOf(["/bin/sleep", "1000"]));
      // There is room for the record, but none for the socket.
      const told = await bundle.detached("create", bundle.id);
      expectError(told, /ENOSPC|no space/i);
      expect(readdirSync(bundle.root)).toEqual(["@filler"]);
    }
    expect(groupsNamed(bundle.id)).toEqual([]);
  },
);

eachRuntime("a pid file or a log that cannot be written", async (bundle) => {
  bundle.configure(specOf(["/bin/sleep", "1000"]));
  const told = await bundle.detached("create", "--pid-file", "/dev/full/pid", bundle.id);
  expect(told.code).toBe(1);
  expect((await bundle.call("state", bundle.id)).code).toBe(1);
  expect(groupsNamed(bundle.id)).toEqual([]);
});

test.skipIf(!mayRun)("an error reaches people when its log is full", async () => {
  await using bundle = new Bundle(ours ?? "");
  const told = await bundle.callWith({ globals: ["--log", "/dev/full"] }, "state", "nobody");
  expect(told.code).toBe(1);
  expect(told.stderr).toContain("does not exist");
});

const head = (pid: number, ticks: number): string =>
  `tiffin-runtime 1 ${String(pid).padStart(10, "0")} ${String(ticks).padStart(20, "0")}\n`;

/** Files that the runtime did not write, or not to their end. */
const foreign: Readonly<Record<string, (path: string) => void>> = {
  "an empty file": (path) => writeFileSync(path, ""),
  "another format": (path) => writeFileSync(path, '{"ociVersion":"1.0.2","id":"x","pid":1}\n'),
  "half a head": (path) => writeFileSync(path, head(1, 1).slice(0, 20)),
  "a head alone": (path) => writeFileSync(path, head(1, 1)),
  "a head and half a document": (path) => writeFileSync(path, `${head(1, 1)}{"ociVersion":"1.0.2","b`),
  "a head and what is no JSON": (path) => writeFileSync(path, `${head(1, 1)}{not json}\n`),
  "a head and an empty document": (path) => writeFileSync(path, `${head(1, 1)}{}\n`),
  "a head and a document of other types": (path) =>
    writeFileSync(
      path,
      `${head(1, 1)}{"ociVersion":1,"bundle":[],"cgroup":7,"namespaces":"x","hooks":[1]}\n`,
    ),
  "a gigabyte of nothing": (path) => {
    writeFileSync(path, "");
    truncateSync(path, 2 ** 30);
  },
  "a link": (path) => symlinkSync("/etc/passwd", path),
  "a directory": (path) => mkdirSync(path),
  "a pipe": (path) => void Bun.spawnSync(["mkfifo", path]),
};

test.skipIf(!mayRun)(
  "records that the runtime has not written: one error each, and the others are listed",
  async () => {
    await using bundle = new Bundle(ours ?? "");
    bundle.configure(specOf(["/bin/sleep", "1000"]));
    await bundle.detached("run", "-d", bundle.id);
    const names = Object.keys(foreign);
    for (const [at, name] of names.entries()) foreign[name]?.(join(bundle.root, `foreign-${at}`));
    const listed = await bundle.call("list");
    expect({ code: listed.code, rows: listed.stdout.trim().split("\n").length }).toEqual({
      code: 0,
      rows: 2,
    });
    for (const [at, name] of names.entries()) {
      const id = `foreign-${at}`;
      for (const words of [["state"], ["start"], ["delete"]]) {
        const told = await bundle.call(...words, id);
        expect({ name, words, code: told.code, stdout: told.stdout }).toEqual({
          name,
          words,
          code: 1,
          stdout: "",
        });
        expect(told.stderr).toMatch(/^tiffin-runtime: .*foreign-\d+.*\n$/);
      }
      // What a crash of the runtime may leave goes; what is no file at all is somebody else's.
      const removed = await bundle.call("delete", "--force", id);
      const isFile = !["a link", "a directory", "a pipe"].includes(name);
      expect({ name, code: removed.code, left: existsSync(join(bundle.root, id)) && isFile }).toEqual({
        name,
        code: isFile ? 0 : 1,
        left: false,
      });
    }
    expect(await bundle.status()).toBe("running");
  },
  120_000,
);

test.skipIf(!mayRun)("a forced deletion of a container with a damaged record ends its program", async () => {
  await using bundle = new Bundle(ours ?? "");
  bundle.configure(specOf(["/bin/sleep", "1000"]));
  await bundle.detached("run", "-d", bundle.id);
  const { pid } = await bundle.state();
  truncateSync(join(bundle.root, bundle.id), 200);
  expectError(await bundle.call("state", bundle.id), /incomplete/);
  expect((await bundle.call("list")).stderr).toContain(`state of container ${bundle.id} is incomplete`);
  expect((await bundle.call("delete", "--force", bundle.id)).code).toBe(0);
  await until("its end", () => !existsSync(`/proc/${pid}/root/bin`));
  for (const name of groupsNamed(bundle.id)) rmdirSync(join("/sys/fs/cgroup", name, bundle.id));
});

test.skipIf(!mayRun)("a record of another user is not believed", async () => {
  await using bundle = new Bundle(ours ?? "");
  bundle.configure(specOf(["/bin/sleep", "1000"]));
  await bundle.detached("run", "-d", bundle.id);
  const own = readFileSync(join(bundle.root, bundle.id), "utf8");
  chmodSync(bundle.root, 0o777);
  const victim = join(bundle.directory, "victim");
  writeFileSync(victim, "");
  using sleeper = new Sleeper();
  const forged = own
    .replace(/^.*\n/, head(sleeper.pid, sleeper.startTicks))
    .replace('{"bundle"', `{"startSocket":"../victim","bundle"`);
  writeFileSync(join(bundle.root, "forged"), forged);
  chownSync(join(bundle.root, "forged"), 1000, 1000);
  for (const words of [["state"], ["kill"], ["delete", "--force"]]) {
    expectError(await bundle.call(...words, "forged"), /forged/);
  }
  expect(sleeper.lives()).toBe(true);
  expect(existsSync(victim)).toBe(true);
  expect(await bundle.status()).toBe("running");
});

/** A process of ours that somebody might take for a container's. */
class Sleeper implements Disposable {
  readonly #child = Bun.spawn(["sleep", "1000"], { stdout: "ignore" });
  readonly pid = this.#child.pid;

  get startTicks(): number {
    const fields = readFileSync(`/proc/${this.pid}/stat`, "utf8").split(") ")[1]?.split(" ");
    return Number(fields?.[19]);
  }

  lives(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  [Symbol.dispose](): void {
    this.#child.kill("SIGKILL");
  }
}

test.skipIf(!mayRun)(
  "a process that got the number of the container's after its end is left alone",
  async () => {
    await using bundle = new Bundle(ours ?? "");
    bundle.configure(specOf(["/bin/true"]));
    expect((await bundle.call("run", "--keep", bundle.id)).code).toBe(0);
    using sleeper = new Sleeper();
    const record = openSync(join(bundle.root, bundle.id), "r+");
    writeSync(record, head(sleeper.pid, sleeper.startTicks - 1), 0);
    closeSync(record);
    expect(await bundle.status()).toBe("stopped");
    expect((await bundle.state())["pid"]).toBe(0);
    expectError(await bundle.call("kill", bundle.id, "KILL"), /not running/);
    expectError(await bundle.call("exec", bundle.id, "/bin/true"), /not running/, 255);
    expectError(await bundle.call("start", bundle.id), /stopped/);
    expect((await bundle.call("delete", bundle.id)).code).toBe(0);
    expect(sleeper.lives()).toBe(true);
  },
);

test.skipIf(!mayRun)(
  "standard streams that are closed: the container runs, and gets streams of its own",
  async () => {
    await using bundle = new Bundle(ours ?? "");
    const out = mkdtempSync(join(bundle.directory, "out-"));
    const script = "ls /proc/self/fd > /tmp/fds; echo said; echo said >&2; cat; true";
    bundle.configure({ ...specOf(["/bin/sh", "-c", script]) });
    for (const closing of ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"]) {
      const command = `${bundle.runtime} --root ${bundle.root} --log ${out}/log`;
      const words = `run ${bundle.id} ${closing}`;
      const child = Bun.spawnSync(["/bin/sh", "-c", `${command} ${words}`], {
        cwd: bundle.path,
        stdin: "ignore",
      });
      expect({ closing, code: child.exitCode }).toEqual({ closing, code: 0 });
      const fds = readFileSync(join(bundle.rootfs, "tmp", "fds"), "utf8")
        .trim()
        .split("\n");
      expect(fds).toEqual(["0", "1", "2", "3"]);
      const create = `create ${bundle.id} ${closing}`;
      const shell = Bun.spawnSync(
        ["/bin/sh", "-c", `${command} ${create} && ${command} start ${bundle.id} ${closing}`],
        { cwd: bundle.path, stdin: "ignore", stdout: "ignore", stderr: "ignore" },
      );
      expect({ closing, code: shell.exitCode }).toEqual({ closing, code: 0 });
      expect((await bundle.call("delete", "--force", bundle.id)).code).toBe(0);
    }
  },
);
