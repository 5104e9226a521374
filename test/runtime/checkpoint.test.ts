/**
 * `checkpoint` and `restore`, through the criu of this machine. Where that does not work with the kernel (Debian 12's 3.17
 * does not on Linux 6.13 and later) the cases are skipped; test/vm has a kernel that it works with.
 */
import { expect, test } from "bun:test";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { RuntimeSpec } from "../../src/oci/mod.ts";
import { makeBusyboxRoot } from "../support/busybox-root.ts";
import { TerminalSession } from "../support/terminal.ts";
import { pause, until } from "../support/until.ts";
import { type Bundle, groupsNamed, shell, specOf } from "./bundle.ts";
import { criuProblem } from "./criu.ts";
import { type CaseOptions, eachRuntime, runtimes } from "./runtimes.ts";

const problem = criuProblem();
const withoutCriu = "Debian builds it without criu";

/** A case that needs a working criu. */
function withCriu(
  name: string,
  run: (bundle: Bundle) => Promise<void>,
  except: CaseOptions["except"] = {},
): void {
  const all = problem === undefined ? {} : { tiffin: problem, runc: problem };
  eachRuntime(name, run, {
    unaided: true,
    except: { crun: withoutCriu, ...except, ...all },
  });
}

/** Calls the runtime with nothing on its standard descriptors; its exit code, and what it said on standard error. */
async function quiet(bundle: Bundle, ...words: readonly string[]): Promise<{ code: number; stderr: string }> {
  const log = join(bundle.directory, "log");
  writeFileSync(log, "");
  const command = [bundle.runtime, "--root", bundle.root, "--log", log, ...words];
  const child = Bun.spawn(command, { cwd: bundle.path, stdin: "ignore", stdout: "ignore", stderr: "ignore" });
  return { code: await child.exited, stderr: readFileSync(log, "utf8") };
}

const done = { code: 0, stderr: "" };
const counting = "i=0; while :; do i=$((i + 1)); echo $i >> /count; sleep 0.05; done";

function count(bundle: Bundle): number {
  const file = join(bundle.rootfs, "count");
  return existsSync(file) ? Number(readFileSync(file, "utf8").trim().split("\n").at(-1)) : 0;
}

async function run(bundle: Bundle, spec: RuntimeSpec): Promise<void> {
  bundle.configure(spec);
  expect(await quiet(bundle, "run", "--detach", bundle.id)).toEqual(done);
}

function image(bundle: Bundle, name = "image"): string[] {
  return [
    "--image-path",
    join(bundle.directory, name),
    "--work-path",
    join(bundle.directory, `${name}-work`),
  ];
}

withCriu(
  "a saved container is gone, and goes on where it was, under its own id and under another",
  async (bundle) => {
    const spec = shell(counting);
    const data = { destination: "/data", type: "bind", source: bundle.directory, options: ["bind"] };
    await run(bundle, { ...spec, mounts: [...(spec.mounts ?? []), data] });
    await until("it counts", () => count(bundle) > 3);
    expect(await quiet(bundle, "checkpoint", ...image(bundle), bundle.id)).toEqual(done);
    expect((await bundle.call("state", bundle.id)).code).toBe(1);
    expect(groupsNamed(bundle.id)).toEqual([]);
    const saved = count(bundle);
    await pause(200, "what is stopped does not count");
    expect(count(bundle)).toBe(saved);

    expect(await quiet(bundle, "restore", "--detach", ...image(bundle), bundle.id)).toEqual(done);
    await until("it counts on", () => count(bundle) > saved + 3);
    // A number that is missing or comes twice would have been counted by another process.
    const lines = readFileSync(join(bundle.rootfs, "count"), "utf8").trim().split("\n").map(Number);
    expect(lines).toEqual(lines.map((_, index) => index + 1));
    expect(await bundle.state()).toMatchObject({ id: bundle.id, status: "running", bundle: bundle.path });
    expect(await bundle.call("exec", bundle.id, "/bin/echo", "hi")).toEqual({
      code: 0,
      stdout: "hi\n",
      stderr: "",
    });

    expect(await quiet(bundle, "checkpoint", ...image(bundle, "second"), bundle.id)).toEqual(done);
    const other = `${bundle.id}-2`;
    const otherRoot = join(bundle.directory, "other-state");
    const pidFile = join(bundle.directory, "pid");
    const flags = ["--detach", "--pid-file", pidFile, ...image(bundle, "second")];
    const again = count(bundle);
    // As in a root that is made anew from the same image.
    rmdirSync(join(bundle.rootfs, "data"));
    try {
      expect(await quiet(bundle, "--root", otherRoot, "restore", ...flags, other)).toEqual(done);
      await until("it counts on", () => count(bundle) > again + 3);
      const { stdout } = await bundle.call("--root", otherRoot, "state", other);
      expect(JSON.parse(stdout)).toMatchObject({
        status: "running",
        pid: Number(readFileSync(pidFile, "utf8")),
      });
      expect(groupsNamed(other)).not.toEqual([]);
    } finally {
      await bundle.call("--root", otherRoot, "delete", "--force", other);
    }
    expect(groupsNamed(other)).toEqual([]);
  },
);

withCriu(
  "--leave-running saves a running and a paused container and leaves them as they are",
  async (bundle) => {
    await run(bundle, shell(counting));
    await until("it counts", () => count(bundle) > 3);
    expect(await quiet(bundle, "checkpoint", "--leave-running", ...image(bundle), bundle.id)).toEqual(done);
    expect(await bundle.status()).toBe("running");
    const saved = count(bundle);
    await until("it counts on", () => count(bundle) > saved + 3);
    expect(await quiet(bundle, "pause", bundle.id)).toEqual(done);
    expect(
      await quiet(bundle, "checkpoint", "--leave-running", ...image(bundle, "second"), bundle.id),
    ).toEqual(done);
    expect(await bundle.status()).toBe("paused");
    expect(readdirSync(join(bundle.directory, "second"))).toContain("inventory.img");
  },
);

withCriu(
  "limits, masks, read-only places and the filter are there again",
  async (bundle) => {
    const source = join(bundle.directory, "source");
    mkdirSync(source);
    const spec = specOf(["/bin/sleep", "1000"]);
    const bind = (destination: string, ...options: string[]) => ({
      destination,
      type: "bind",
      source,
      options: ["bind", ...options],
    });
    const group = { destination: "/sys/fs/cgroup", type: "cgroup", options: ["ro", "nosuid"] };
    const mounts = [...(spec.mounts ?? []), group, bind("/data"), bind("/data-ro", "ro", "nosuid")];
    const namespaces = [...(spec.linux?.namespaces ?? []), { type: "cgroup" as const }];
    await run(bundle, {
      ...spec,
      mounts,
      root: { path: "rootfs", readonly: true },
      linux: {
        ...spec.linux,
        namespaces,
        resources: { pids: { limit: 20 } },
        maskedPaths: ["/proc/acpi", "/sys/firmware", "/proc/keys"],
        readonlyPaths: ["/proc/sys"],
        seccomp: {
          defaultAction: "SCMP_ACT_ALLOW",
          syscalls: [{ names: ["mkdir", "mkdirat"], action: "SCMP_ACT_ERRNO", errnoRet: 1 }],
        },
      },
    });
    const look =
      "cat /sys/firmware/* /proc/keys; touch /made /data-ro/x /proc/sys/kernel/x; mkdir /data/x; touch /data/y; " +
      "grep -E ' (/|/data|/data-ro|/proc/sys|/sys/firmware|/sys/fs/cgroup.*) ' /proc/mounts | cut -d, -f1; " +
      "cat /sys/fs/cgroup/pids.max /sys/fs/cgroup/pids/pids.max";
    const before = await bundle.call("exec", bundle.id, "/bin/sh", "-c", look);
    expect(existsSync(join(source, "y"))).toBe(true);
    expect(await quiet(bundle, "checkpoint", ...image(bundle), bundle.id)).toEqual(done);
    expect(await quiet(bundle, "restore", "--detach", ...image(bundle), bundle.id)).toEqual(done);
    const after = await bundle.call("exec", bundle.id, "/bin/sh", "-c", look);
    const writable = (text: string): string[] => text.split("\n").filter((line) => line.endsWith(" rw"));
    expect(after.stderr).toBe(before.stderr);
    expect(writable(after.stdout)).toEqual(writable(before.stdout));
    const pid = (await bundle.state())["pid"];
    expect(readFileSync(`/proc/${pid}/status`, "utf8")).toContain("Seccomp:\t2");
  },
  { runc: "criu forgets ro and nosuid of the second mount of a source, and 1.1 does not look" },
);

/** Calls the runtime with a pipe for standard output, until `enough` lines have come out of it. */
async function linesOf(bundle: Bundle, enough: number, ...words: readonly string[]): Promise<string[]> {
  const out = join(bundle.directory, `lines-${words[0]}`);
  writeFileSync(out, "");
  // Not a pipe of this program: those are sockets. It ends with the container.
  const piped = ["/bin/sh", "-c", 'out=$1; shift; "$@" | cat >"$out"', "sh", out];
  const command = [...piped, bundle.runtime, "--root", bundle.root, ...words];
  Bun.spawn(command, { cwd: bundle.path, stdin: "ignore", stdout: "ignore", stderr: "ignore" });
  const lines = (): string[] => readFileSync(out, "utf8").trim().split("\n");
  await until("there is output", () => lines().length > enough);
  return lines();
}

withCriu("a pipe at standard output is replaced by that of the caller", async (bundle) => {
  // Nobody reads the first pipe between the last line seen and the checkpoint.
  bundle.configure(shell("trap '' PIPE; i=0; while :; do i=$((i + 1)); echo $i; sleep 0.05; done"));
  expect((await linesOf(bundle, 3, "run", "--detach", bundle.id)).slice(0, 3)).toEqual(["1", "2", "3"]);
  expect(await quiet(bundle, "checkpoint", ...image(bundle), bundle.id)).toEqual(done);
  const [first, second] = await linesOf(bundle, 3, "restore", "--detach", ...image(bundle), bundle.id);
  expect(Number(first)).toBeGreaterThan(3);
  expect(Number(second)).toBe(Number(first) + 1);
});

withCriu("a program at a terminal is restored to another terminal", async (bundle) => {
  bundle.configure(
    shell("tty; while read x; do echo got $x; [ $x != quit ] || exit 7; done", { terminal: true }),
  );
  const on = (...words: string[]): string[] => [bundle.runtime, "--root", bundle.root, ...words];
  {
    await using first = new TerminalSession(on("run", "--bundle", bundle.path, bundle.id));
    await first.see("/dev/pts/0");
    first.type("one\r");
    await first.see("got one");
    expect(await quiet(bundle, "checkpoint", ...image(bundle), bundle.id)).toEqual(done);
  }
  await using second = new TerminalSession(
    on("restore", "--bundle", bundle.path, ...image(bundle), bundle.id),
  );
  await until("it runs", async () => (await bundle.call("list", "--quiet")).stdout.includes(bundle.id));
  second.type("two\r");
  await second.see("got two");
  second.type("quit\r");
  expect(await second.exited()).toBe(7);
  expect((await bundle.call("state", bundle.id)).code).toBe(1);
});

withCriu("hooks: poststop at the checkpoint, prestart and createRuntime at the restore", async (bundle) => {
  const hooks = bundle.hooks(["prestart", "createRuntime", "poststart", "poststop"]);
  await run(bundle, { ...specOf(["/bin/sleep", "1000"]), hooks });
  const seen = (): string[] => bundle.read("hooks").trim().split("\n");
  expect(seen()).toEqual(["prestart", "createRuntime", "poststart"]);
  expect(await quiet(bundle, "checkpoint", ...image(bundle), bundle.id)).toEqual(done);
  expect(seen().slice(3)).toEqual(["poststop"]);
  expect(await quiet(bundle, "restore", "--detach", ...image(bundle), bundle.id)).toEqual(done);
  expect(seen().slice(4)).toEqual(["prestart", "createRuntime"]);
  const told: unknown = JSON.parse(bundle.read("hooks.createRuntime"));
  expect(told).toMatchObject({ id: bundle.id, pid: (await bundle.state())["pid"] });
});

withCriu(
  "a failing hook, or no image: the restore fails and leaves nothing",
  async (bundle) => {
    await run(bundle, shell(counting));
    expect(await quiet(bundle, "checkpoint", ...image(bundle), bundle.id)).toEqual(done);
    const hooks = { createRuntime: [{ path: "/bin/false" }] };
    bundle.configure({ ...shell(counting), hooks });
    const failed = await quiet(bundle, "restore", "--detach", ...image(bundle), bundle.id);
    expect(failed.code).toBe(1);
    expect(failed.stderr).toContain("hook");
    bundle.configure(shell(counting));
    mkdirSync(join(bundle.directory, "empty"));
    expect((await quiet(bundle, "restore", "--detach", ...image(bundle, "empty"), bundle.id)).code).toBe(1);
    expect((await quiet(bundle, "restore", "--detach", ...image(bundle, "none"), bundle.id)).code).toBe(1);
    expect((await bundle.call("state", bundle.id)).code).toBe(1);
    expect(groupsNamed(bundle.id)).toEqual([]);
    const saved = count(bundle);
    await pause(200, "what is stopped does not count");
    expect(count(bundle)).toBe(saved);
  },
  { runc: "1.1 does not name the hook in its message" },
);

withCriu(
  "what cannot be saved keeps running",
  async (bundle) => {
    const other = { type: "uts" as const, path: "/proc/self/ns/uts" };
    const spec = shell(counting);
    const namespaces = (spec.linux?.namespaces ?? []).map((each) => (each.type === "uts" ? other : each));
    const { hostname: _hostname, ...rest } = spec;
    await run(bundle, { ...rest, linux: { ...spec.linux, namespaces } });
    const { code, stderr } = await quiet(bundle, "checkpoint", ...image(bundle), bundle.id);
    expect(code).toBe(1);
    expect(stderr).toContain("uts namespace");
    expect(await bundle.status()).toBe("running");
  },
  { runc: "restores it into a namespace of its own" },
);

eachRuntime(
  "only what runs can be saved; a missing criu is named",
  async (bundle) => {
    await bundle.create(specOf(["/bin/sleep", "1000"]));
    const created = await bundle.call("checkpoint", ...image(bundle), bundle.id);
    expect(created.code).toBe(1);
    expect(created.stderr).toContain("created");
    await bundle.start();
    const missing = await bundle.callWith({ globals: ["--criu", "/nowhere/criu"] }, "checkpoint", bundle.id);
    expect(missing.code).toBe(1);
    expect(missing.stderr).toContain("there is no /nowhere/criu");
    expect(await bundle.status()).toBe("running");
    await bundle.call("kill", bundle.id, "KILL");
    await until("it has stopped", async () => (await bundle.status()) === "stopped");
    expect((await bundle.call("checkpoint", ...image(bundle), bundle.id)).stderr).toContain("stopped");
  },
  {
    except: {
      crun: withoutCriu,
      runc: "1.1 ignores --criu",
    },
  },
);

/** Since Linux 6.16 TCP sockets have an option less, which criu (4.1) asks for. */
const [major = 0, minor = 0] = readFileSync("/proc/sys/kernel/osrelease", "utf8").split(".").map(Number);
const lacksOption = major > 6 || (major === 6 && minor >= 16);

withCriu(
  "a TCP connection needs --tcp-established, and goes on with it",
  async (bundle) => {
    const capabilities = ["CAP_NET_ADMIN"];
    const serve = "while :; do echo tick; sleep 0.05; done";
    const script =
      `busybox ip link set lo up; busybox nc -l -p 9999 -e /bin/sh -c '${serve}' & ` +
      "until busybox nc 127.0.0.1 9999 > /count; do sleep 0.05; done; sleep 1000";
    const sets = { bounding: capabilities, effective: capabilities, permitted: capabilities };
    await run(bundle, shell(script, { capabilities: sets }));
    const ticks = (): number => readFileSync(join(bundle.rootfs, "count"), "utf8").length;
    await until("it ticks", () => existsSync(join(bundle.rootfs, "count")) && ticks() > 10);
    const refused = await quiet(bundle, "checkpoint", ...image(bundle), bundle.id);
    expect(refused.code).toBe(1);
    expect(await bundle.status()).toBe("running");
    const flags = ["--tcp-established", ...image(bundle, "second")];
    expect(await quiet(bundle, "checkpoint", ...flags, bundle.id)).toEqual(done);
    const saved = ticks();
    expect(await quiet(bundle, "restore", "--detach", ...flags, bundle.id)).toEqual(done);
    await until("it ticks on", () => ticks() > saved + 10);
  },
  lacksOption ? { tiffin: "this kernel and criu 4.1", runc: "this kernel and criu 4.1" } : {},
);

const ours = runtimes.find(({ name }) => name === "tiffin")?.path;
const podmanLimitMs = 60_000;

test.skipIf(problem !== undefined || ours === undefined || Bun.which("podman") === null)(
  `podman saves, restores, and moves a container to another name (${problem ?? "criu works"})`,
  async () => {
    const directory = mkdtempSync(join(tmpdir(), "tiffin-test-podman-"));
    const at = (name: string): string => join(directory, name);
    const places = ["--root", at("root"), "--runroot", at("run"), "--tmpdir", at("tmp")];
    const settings = ["--storage-driver", "vfs", "--cgroup-manager", "cgroupfs", "--runtime", ours ?? ""];
    const podman = async (...words: readonly string[]): Promise<string> => {
      const child = Bun.spawn(["podman", ...places, ...settings, ...words], {
        stdin: "ignore",
        stdout: "pipe",
        stderr: "pipe",
      });
      const [out, err] = await Promise.all([
        new Response(child.stdout).text(),
        new Response(child.stderr).text(),
      ]);
      if ((await child.exited) !== 0) throw new Error(`podman ${words.join(" ")}: ${err}`);
      return out;
    };
    const last = async (name: string): Promise<number> =>
      Number((await podman("logs", name)).trim().split("\n").at(-1));
    const [first, second] = [`${directory.slice(-6)}-1`, `${directory.slice(-6)}-2`];
    try {
      mkdirSync(at("image"));
      makeBusyboxRoot(at("image"));
      Bun.spawnSync(["tar", "-C", at("image"), "-cf", at("image.tar"), "."]);
      await podman("import", at("image.tar"), "counter");
      const loop = "i=0; while :; do i=$((i + 1)); echo $i; sleep 0.05; done";
      await podman("run", "-d", "--name", first, "--network", "none", "counter", "/bin/sh", "-c", loop);
      await until("it counts", async () => (await last(first)) > 3);
      await podman("container", "checkpoint", first);
      const saved = await last(first);
      await podman("container", "restore", first);
      await until("it counts on", async () => (await last(first)) > saved);
      await podman("container", "checkpoint", "--export", at("export.tar.gz"), first);
      const moved = await last(first);
      await podman("rm", "-f", first);
      await podman("container", "restore", "--import", at("export.tar.gz"), "--name", second);
      await until("it counts on", async () => (await last(second)) > moved);
    } finally {
      for (const name of [first, second]) await podman("rm", "-f", "-t", "0", "-i", name);
      rmSync(directory, { recursive: true, force: true });
    }
  },
  podmanLimitMs,
);
