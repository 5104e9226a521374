/**
 * Ways back to the host through /proc/self/fd, /proc/self/exe, /proc/PID and descriptors that somebody left open:
 * in the program, its arguments, its working directory, an exec, a hook, a terminal.
 */
import { expect, test } from "bun:test";
import {
  chmodSync,
  closeSync,
  mkdirSync,
  openSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import type { Outcome } from "../support/outcome.ts";
import { until } from "../support/until.ts";
import { Bundle, shell, specOf } from "./bundle.ts";
import { eachRuntime, runtimes } from "./runtimes.ts";

const ours = runtimes.find(({ name }) => name === "tiffin")?.path;
const mayRun = ours !== undefined && process.geteuid?.() === 0;

/** The fourth is the one with which it looks. */
const list = ["/bin/ls", "/proc/self/fd"];
const standard = ["0", "1", "2", "3"];

/** Calls the runtime as somebody does who has left the host's root and a file of the host open, for all to inherit. */
async function callLeaking(bundle: Bundle, ...words: readonly string[]): Promise<Outcome> {
  const script = 'exec 3</ 5</ 7</etc/passwd 9</; exec "$@"';
  const [out, err] = [join(bundle.directory, "out"), join(bundle.directory, "err")];
  for (const file of [out, err]) writeFileSync(file, "");
  const child = Bun.spawn(
    ["/bin/bash", "-c", script, "sh", bundle.runtime, "--root", bundle.root, ...words],
    {
      cwd: bundle.path,
      stdin: "ignore",
      stdout: Bun.file(out),
      stderr: Bun.file(err),
    },
  );
  const code = await child.exited;
  return { code, stdout: readFileSync(out, "utf8"), stderr: readFileSync(err, "utf8") };
}

function numbers(text: string): string[] {
  return text.split(/\s+/).filter(Boolean);
}

eachRuntime("of a caller that leaks a program gets its standard streams and nothing else", async (bundle) => {
  bundle.configure(specOf(list));
  expect(numbers((await callLeaking(bundle, "run", bundle.id)).stdout)).toEqual(standard);
  expect((await callLeaking(bundle, "create", bundle.id)).code).toBe(0);
  // Created with this file as its output: what it prints arrives there.
  const out = openSync(join(bundle.directory, "out"), "r");
  await bundle.start();
  await until("its end", async () => (await bundle.status()) === "stopped");
  expect(numbers(readFileSync(out, "utf8"))).toEqual(standard);
  closeSync(out);
  await bundle.call("delete", bundle.id);
  bundle.configure(specOf(["/bin/sleep", "1000"]));
  expect((await callLeaking(bundle, "run", "-d", bundle.id)).code).toBe(0);
  expect(numbers((await callLeaking(bundle, "exec", bundle.id, ...list)).stdout)).toEqual(standard);
});

eachRuntime("preserved descriptors arrive under their numbers, the next one does not", async (bundle) => {
  const call = async (...words: string[]): Promise<string[]> => {
    const script = 'exec 3</etc/hostname 4</dev/null 5</ 6</; exec "$@"';
    const child = Bun.spawn(
      ["/bin/bash", "-c", script, "sh", bundle.runtime, "--root", bundle.root, ...words],
      { cwd: bundle.path, stdin: "ignore", stdout: "pipe", stderr: "inherit" },
    );
    return numbers(await new Response(child.stdout).text());
  };
  bundle.configure(specOf(list));
  expect(await call("run", "--preserve-fds", "2", bundle.id)).toEqual([...standard, "4", "5"]);
  bundle.configure(specOf(["/bin/sleep", "1000"]));
  await bundle.detached("run", "-d", bundle.id);
  expect(await call("exec", "--preserve-fds", "1", bundle.id, ...list)).toEqual([...standard, "4"]);
});

eachRuntime("hooks, on the host and inside, have 0, 1 and 2 only", async (bundle) => {
  const file = (name: string): string => join(bundle.directory, `fds-${name}`);
  const host = (name: string) => ({
    path: "/bin/sh",
    args: ["sh", "-c", `exec ls /proc/self/fd > ${file(name)}`],
    env: ["PATH=/bin:/usr/bin"],
  });
  const inside = (name: string) => ({
    path: "/bin/sh",
    args: ["sh", "-c", `exec ls /proc/self/fd > /tmp/fds-${name}`],
    env: ["PATH=/bin"],
  });
  const hooks = {
    prestart: [host("prestart")],
    createRuntime: [host("createRuntime")],
    startContainer: [inside("startContainer")],
    poststart: [host("poststart")],
    poststop: [host("poststop")],
  };
  bundle.configure({ ...specOf(["/bin/true"]), hooks });
  expect((await callLeaking(bundle, "run", bundle.id)).code).toBe(0);
  for (const name of ["prestart", "createRuntime", "poststart", "poststop"]) {
    expect({ name, fds: numbers(readFileSync(file(name), "utf8")) }).toEqual({ name, fds: standard });
  }
  const inner = readFileSync(join(bundle.rootfs, "tmp", "fds-startContainer"), "utf8");
  expect(numbers(inner)).toEqual(standard);
});

/** Prints a word when the directory where it starts leads to the host. */
function lookOut(canary: string): string {
  const ways = [".", "..", "../..", "../../../../../../../..", "../../../../../../../../../.."];
  return `for way in ${ways.join(" ")}; do [ -e $way${canary} ] && echo escaped through $way; done; true`;
}

const directories = [
  ...Array.from({ length: 14 }, (_, fd) => `/proc/self/fd/${fd}`),
  "/proc/self/fd/7/../..",
  "/proc/thread-self/fd/9",
  "/proc/1/fd/5",
  "/proc/1/root",
  "/proc/self/cwd",
  "/proc/self/root/..",
  "/dev/fd/3",
  "/dev/stdin",
];

test.skipIf(!mayRun)("no descriptor is a working directory outside, for run, create and exec", async () => {
  await using bundle = new Bundle(ours ?? "");
  const canary = join(bundle.directory, "canary");
  writeFileSync(canary, "");
  const script = lookOut(canary);
  for (const cwd of directories) {
    bundle.configure(shell(script, { cwd }));
    const told = await callLeaking(bundle, "run", bundle.id);
    expect({ cwd, stdout: told.stdout }).toEqual({ cwd, stdout: "" });
  }
  bundle.configure(specOf(["/bin/sleep", "1000"]));
  expect((await callLeaking(bundle, "run", "-d", bundle.id)).code).toBe(0);
  for (const cwd of directories) {
    const told = await callLeaking(bundle, "exec", "--cwd", cwd, bundle.id, "/bin/sh", "-c", script);
    expect({ cwd, stdout: told.stdout }).toEqual({ cwd, stdout: "" });
  }
});

eachRuntime(
  "a standard stream that is a directory of the host is no working directory",
  async (bundle) => {
    const canary = join(bundle.directory, "canary");
    writeFileSync(canary, "");
    bundle.configure(shell(lookOut(canary), { cwd: "/proc/self/fd/0" }));
    const child = Bun.spawn(
      ["/bin/sh", "-c", 'exec "$@" </', "sh", bundle.runtime, "--root", bundle.root, "run", bundle.id],
      { cwd: bundle.path, stdout: "pipe", stderr: "pipe" },
    );
    expect(await new Response(child.stdout).text()).toBe("");
    expect(await child.exited).not.toBe(0);
  },
  { except: { crun: "1.8.1 has a CVE-2024-21626 of its own here" } },
);

test.skipIf(!mayRun)(
  "the runtime as program, as interpreter, as argument: nothing of it can be changed",
  async () => {
    await using bundle = new Bundle(ours ?? "");
    const hash = (): string =>
      new Bun.CryptoHasher("sha256").update(readFileSync(bundle.runtime)).digest("hex");
    const before = hash();
    const attack = "for p in 1 self $$; do (echo x > /proc/$p/exe) 2>/dev/null && echo wrote $p; done; true";
    writeFileSync(join(bundle.rootfs, "bin", "self"), "#!/proc/self/exe\n");
    writeFileSync(join(bundle.rootfs, "bin", "one"), "#!/proc/1/exe\n");
    for (const name of ["self", "one"]) chmodSync(join(bundle.rootfs, "bin", name), 0o755);
    const programs = [
      ["/proc/self/exe", "x"],
      ["/proc/self/fd/3"],
      ["/proc/self/fd/4", "x"],
      ["/bin/self"],
      ["/proc/thread-self/exe", "run", "x"],
      ["/bin/sh", "-c", attack, "/proc/self/exe"],
    ];
    for (const args of programs) {
      const told = await bundle.run(specOf(args));
      expect({ args, stdout: told.stdout }).toEqual({ args, stdout: "" });
    }
    const bind = { destination: "/bin/runtime", type: "bind", source: "/proc/self/exe", options: ["bind"] };
    const spec = shell("(echo x > /bin/runtime) 2>/dev/null; true");
    await bundle.run({ ...spec, mounts: [...(spec.mounts ?? []), bind] });
    await bundle.create(shell("exec sleep 1000"));
    await bundle.start();
    for (const args of [...programs, ["/proc/1/exe"], ["/bin/one"]]) {
      const told = await bundle.call("exec", bundle.id, ...args);
      expect({ args, stdout: told.stdout.includes("BusyBox") ? "" : told.stdout }).toEqual({
        args,
        stdout: "",
      });
    }
    expect(hash()).toBe(before);
  },
);

eachRuntime("a container that watches for newcomers sees nothing of the host in an exec", async (bundle) => {
  // CVE-2016-9962: between joining the namespaces and the exec of the program.
  const watch =
    "while true; do for p in /proc/[0-9]*; do case $p in /proc/1|/proc/$$) continue;; esac; " +
    "(ls -l $p/fd $p/cwd $p/root $p/exe; cat $p/environ) 2>/dev/null; done; done > /tmp/seen";
  await bundle.create(shell(watch));
  await bundle.start();
  for (let turn = 0; turn < 8; turn += 1) {
    expect((await bundle.call("exec", bundle.id, "/bin/true")).code).toBe(0);
  }
  const seen = readFileSync(join(bundle.rootfs, "tmp", "seen"), "utf8");
  for (const word of [bundle.directory, "/sys/fs/cgroup", "memfd:", "HOME=/root", "cgroup.procs", "tasks"]) {
    expect(seen).not.toContain(`-> ${word}`);
  }
  expect(seen).not.toContain(bundle.runtime);
});

eachRuntime(
  "a terminal comes from the container's own devices, whatever the image has at its names",
  async (bundle) => {
    const outside = join(bundle.directory, "outside");
    mkdirSync(outside);
    const file = join(outside, "file");
    writeFileSync(file, "");
    rmSync(join(bundle.rootfs, "dev"), { recursive: true });
    mkdirSync(join(bundle.rootfs, "dev", "pts"), { recursive: true });
    for (const name of ["console", "ptmx", "pts/ptmx", "pts/0", "tty"]) {
      symlinkSync(file, join(bundle.rootfs, "dev", name));
    }
    const spec = shell("echo taken > /dev/console; echo taken > /dev/pts/0; true", { terminal: true });
    // No /dev and no devpts of its own: the image's links are all there is.
    const mounts = (spec.mounts ?? []).filter(({ destination }) => !destination.startsWith("/dev"));
    await bundle.run({ ...spec, mounts });
    const pts = (spec.mounts ?? []).filter(({ destination }) => destination !== "/dev");
    await bundle.run({ ...spec, mounts: pts });
    expect(readFileSync(file, "utf8")).toBe("");
  },
);

eachRuntime(
  "an exec with a terminal does not take what the container has put at /dev/ptmx",
  async (bundle) => {
    await bundle.create(shell("rm /dev/ptmx && mkfifo /dev/ptmx; echo ready; exec sleep 1000"));
    for (const applet of ["mkfifo", "rm"]) symlinkSync("busybox", join(bundle.rootfs, "bin", applet));
    await bundle.start();
    await until("the pipe", () => bundle.output() === "ready\n");
    const told = await bundle.call("exec", "--tty", bundle.id, "/bin/sh", "-c", "tty");
    // An error, or a terminal that was found elsewhere.
    if (told.code === 0) expect(told.stdout).toMatch(/^\/dev\/pts\/\d+\r?\n$/);
    expect(await bundle.status()).toBe("running");
  },
);

eachRuntime("capabilities added to an exec are not inheritable", async (bundle) => {
  // CVE-2022-29162
  await bundle.create(specOf(["/bin/sleep", "1000"]));
  await bundle.start();
  const words = ["--cap", "CAP_NET_RAW", bundle.id, "/bin/busybox", "grep", "CapInh", "/proc/self/status"];
  expect((await bundle.call("exec", ...words)).stdout).toBe("CapInh:\t0000000000000000\n");
});
