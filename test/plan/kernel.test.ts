/** Compiled plans on the real kernel, looked at from inside the container and from outside. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { probe } from "../../src/kernel/probe.ts";
import { TiffinError } from "../../src/lib/errors.ts";
import type { HostFacts, KernelFeatures } from "../../src/linux/host-facts.ts";
import type { OciProcess, RuntimeSpec } from "../../src/oci/mod.ts";
import { compileContainer } from "../../src/plan/compile-container.ts";
import type { ContainerOptions } from "../../src/plan/mod.ts";
import { renderScript } from "../../src/plan/script/render-script.ts";
import { defaultSpec, directoryLayer, mapping, scriptSurroundings } from "../../src/plan/testdata/specs.ts";
import { until } from "../support/until.ts";
import { Bench, cgroupParent, type Outcome } from "./bench.ts";

let bench: Bench;

beforeAll(() => {
  bench = new Bench();
});
afterAll(async () => {
  await bench[Symbol.asyncDispose]();
});

const env = ["PATH=/bin"];

function specOf(script: string, more: Partial<OciProcess> = {}, spec = defaultSpec()): RuntimeSpec {
  const { process } = spec;
  if (process === undefined) throw new Error("the default specification has a process");
  return { ...spec, process: { ...process, env, args: ["/bin/sh", "-c", script], ...more } };
}

function withLinux(spec: RuntimeSpec, more: Partial<NonNullable<RuntimeSpec["linux"]>>): RuntimeSpec {
  return { ...spec, linux: { ...spec.linux, ...more } };
}

/** stdout of a script that must succeed. */
async function output(script: string, spec = specOf(script), options?: ContainerOptions): Promise<string> {
  const outcome = await bench.run(spec, options);
  expect({ stderr: outcome.stderr, code: outcome.exit.exitCode }).toEqual({ stderr: "", code: 0 });
  return outcome.stdout.trim();
}

async function failure(promise: Promise<unknown>): Promise<TiffinError> {
  const thrown: unknown = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (thrown instanceof TiffinError) return thrown;
  throw new Error(`wanted a TiffinError, found ${String(thrown)}`);
}

const userNamespace = [...(defaultSpec().linux?.namespaces ?? []), { type: "user" as const }];

test("the program is PID 1 and sees only its own processes, mounts and descriptors", async () => {
  const text = await output(
    "echo $$; ls -d /proc/[0-9]* | wc -l; cat /proc/self/mountinfo; ls /proc/self/fd",
  );
  const lines = text.split("\n");
  expect(lines[0]).toBe("1");
  expect(Number(lines[1])).toBeLessThanOrEqual(4);
  expect(text).not.toContain(" / rw,relatime - ext4");
  const points = lines.filter((line) => line.includes(" - ")).map((line) => line.split(" ")[4]);
  const hierarchies = points.filter((point) => point?.startsWith("/sys/fs/cgroup/"));
  const covered = ["/proc/acpi", "/sys/firmware", "/proc/bus", "/proc/sys"].filter((path) =>
    existsSync(path),
  );
  expect(points.toSorted()).toEqual(
    [
      ...["/", "/proc", "/dev", "/dev/pts", "/sys", "/sys/fs/cgroup", "/dev/mqueue", "/dev/shm"],
      ...hierarchies,
      ...covered,
      ...(existsSync("/proc/kcore") ? ["/proc/kcore"] : []),
    ].toSorted(),
  );
  // 0, 1, 2 and the directory that ls reads.
  expect(lines.slice(-4)).toEqual(["0", "1", "2", "3"]);
});

test("kernel files are masked, read-only or private", async () => {
  const script = [
    "head -c 1 /proc/meminfo | wc -c",
    "ls /sys/firmware | wc -l",
    "(echo x > /proc/sys/kernel/core_pattern) 2>/dev/null || echo refused",
    "(: > /sys/fs/cgroup/x) 2>/dev/null || echo refused",
    "ls -l /dev/null | head -c 1",
  ];
  const maskedPaths = ["/proc/meminfo", "/sys/firmware", "/proc/missing"];
  const text = await output("", withLinux(specOf(script.join("; ")), { maskedPaths }));
  expect(text).toBe("0\n0\nrefused\nrefused\nc");
});

test("cgroups: the container's group is the root that it sees, and the limit bites", async () => {
  const text = await output(
    "cat /proc/self/cgroup; cat /sys/fs/cgroup/memory/memory.limit_in_bytes 2>/dev/null || cat /sys/fs/cgroup/memory.max",
  );
  expect(text).not.toContain("tiffin-test-plan");
  expect(text).toContain("67108864");
  const { exit } = await bench.run(specOf("tail /dev/zero"));
  expect(exit).toMatchObject({ exitCode: 137, oomKilled: true });
});

test("identity: user, groups, no capabilities, no new privileges, limits, umask", async () => {
  const spec = specOf(
    "id; grep -E 'CapEff|CapPrm|CapBnd|NoNewPrivs|Seccomp:' /proc/self/status; umask; ulimit -n; pwd",
    {
      user: { uid: 1000, gid: 1001, additionalGids: [27, 1001], umask: 0o077 },
      noNewPrivileges: true,
      cwd: "/srv/app",
      rlimits: [{ type: "RLIMIT_NOFILE", soft: 99, hard: 100 }],
    },
  );
  const text = await output("", spec);
  expect(text).toContain("uid=1000 gid=1001 groups=27,1001");
  expect(text).toMatch(/CapPrm:\s+0{16}/);
  expect(text).toMatch(/CapEff:\s+0{16}/);
  expect(text).toMatch(/CapBnd:\s+00000000a80425fb/);
  expect(text).toMatch(/NoNewPrivs:\s+1/);
  expect(text).toMatch(/0077\n99\n\/srv\/app$/);
});

test("seccomp: installed with and without no_new_privs", async () => {
  const allow = new Uint8Array([0x06, 0, 0, 0, 0, 0, 0xff, 0x7f]);
  for (const noNewPrivileges of [false, true]) {
    const spec = specOf("grep Seccomp: /proc/self/status", { noNewPrivileges });
    const text = await output("", spec, bench.options({ seccompProgram: allow }));
    expect(text).toMatch(/Seccomp:\s+2/);
  }
});

test("a read-only root still gets its mount points and working directory", async () => {
  const spec = specOf("pwd; (: > /x) 2>/dev/null || echo refused; : > /dev/shm/x && echo written", {
    cwd: "/a/b",
  });
  const text = await output("", { ...spec, root: { path: "/", readonly: true } });
  expect(text).toBe("/a/b\nrefused\nwritten");
});

test("injected files cover the image's", async () => {
  const options = bench.options({
    files: [
      { path: "/etc/hosts", content: "127.0.0.1 localhost\n", mode: 0o644 },
      { path: "/etc/passwd", content: "root:x:0:0::/:/bin/sh\n", mode: 0o600 },
    ],
  });
  const text = await output(
    "",
    specOf("cat /etc/hosts; ls -l /etc/passwd; rm /etc/hosts 2>&1 | head -1"),
    options,
  );
  expect(text).toContain("127.0.0.1 localhost");
  expect(text).toContain("-rw-------");
  expect(text).toContain("busy");
});

/** This machine, without what older kernels lack. */
function olderFacts(): Readonly<Record<string, HostFacts>> {
  const without = (...names: (keyof KernelFeatures)[]): HostFacts => ({
    ...bench.facts,
    features: { ...bench.facts.features, ...Object.fromEntries(names.map((name) => [name, false])) },
  });
  return {
    "this kernel": bench.facts,
    "before Linux 6.15": without("overlayDetachedLowers"),
    "before Linux 6.8": without("overlayDetachedLowers", "overlayLowerdirAdd"),
  };
}

const kernels = ["this kernel", "before Linux 6.15", "before Linux 6.8"] as const;

test("sixty layers join in their order where the kernel takes only one option for all", async () => {
  const layers = Array.from({ length: 60 }, (_, index) => `${bench.files.path}/many/${index}`);
  for (const [index, layer] of layers.entries()) {
    mkdirSync(layer, { recursive: true });
    writeFileSync(`${layer}/top`, String(index));
    writeFileSync(`${layer}/layer${index}`, "");
  }
  const options = bench.options();
  const rootfs = {
    ...options.rootfs,
    lowers: [...layers, bench.layer].map(directoryLayer),
  } as ContainerOptions["rootfs"];
  const outcome = await bench.run(
    specOf("cat /top; ls -d /layer* | wc -l"),
    { ...options, rootfs },
    olderFacts()["before Linux 6.8"],
  );
  expect([outcome.stdout, outcome.stderr]).toEqual(["060\n", ""]);
});

test.skipIf(!probe().features.overlayDetachedLowers)(
  "mounts that are attached nowhere are layers among directories, with mapped owners too (skipped before Linux 6.15)",
  async () => {
    const layer = `${bench.files.path}/top-of-two`;
    mkdirSync(layer);
    writeFileSync(`${layer}/top`, "image");
    const lowers = [
      { kind: "image", path: layer },
      { kind: "image", path: bench.layer },
    ] as const;
    const withImages = (options: ContainerOptions, idmap: boolean): ContainerOptions => {
      if (options.rootfs.kind !== "overlay") throw new Error("wanted an overlay");
      return { ...options, rootfs: { ...options.rootfs, lowers, idmap } };
    };
    const spec = specOf("cat /top; stat -c %u /top");
    expect(await output("", spec, withImages(bench.options(), false))).toBe("image0");
    const mapped = { namespaces: userNamespace, uidMappings: mapping, gidMappings: mapping };
    const options = bench.options({ network: { kind: "new" } }, 100_000);
    expect(await output("", withLinux(spec, mapped), withImages(options, true))).toBe("image0");
  },
);

test.each(["before Linux 6.15", "before Linux 6.8"])(
  "mounts that are attached in a namespace of their own are layers, with mapped owners too (%s)",
  async (kernel) => {
    const layer = `${bench.files.path}/top-${kernel}`;
    const places = ["a", "b"].map((name) => `${bench.files.path}/${name}-${kernel}`);
    for (const path of [layer, ...places]) mkdirSync(path);
    writeFileSync(`${layer}/top`, "image");
    const [a = "", b = ""] = places;
    const lowers = [
      { kind: "image", path: layer, attached: { place: a } },
      { kind: "image", path: bench.layer, attached: { place: b } },
    ] as const;
    const withImages = (options: ContainerOptions, idmap: boolean): ContainerOptions => {
      if (options.rootfs.kind !== "overlay") throw new Error("wanted an overlay");
      return { ...options, rootfs: { ...options.rootfs, lowers, idmap } };
    };
    const spec = specOf("cat /top; stat -c %u /top");
    const facts = olderFacts()[kernel];
    const plain = await bench.run(spec, withImages(bench.options(), false), facts);
    expect([plain.stdout, plain.stderr]).toEqual(["image0\n", ""]);
    const mapped = { namespaces: userNamespace, uidMappings: mapping, gidMappings: mapping };
    const options = bench.options({ network: { kind: "new" } }, 100_000);
    const shifted = await bench.run(withLinux(spec, mapped), withImages(options, true), facts);
    expect([shifted.stdout, shifted.stderr]).toEqual(["image0\n", ""]);
    expect(readFileSync("/proc/self/mountinfo", "utf8")).not.toContain(bench.files.path);
  },
);

/** Nothing for a descriptor that has just been closed. */
function linkOrNothing(path: string): string[] {
  try {
    return [readlinkSync(path)];
  } catch {
    return [];
  }
}

test.each(kernels)("a user namespace leaves no mount with its supervisor (%s)", async (kernel) => {
  const spec = withLinux(specOf("exec sleep 1000"), {
    namespaces: userNamespace,
    uidMappings: mapping,
    gidMappings: mapping,
  });
  const options = bench.options({ network: { kind: "new" } }, 100_000);
  const rootfs = { ...options.rootfs, idmap: true } as ContainerOptions["rootfs"];
  const container = await bench.start(spec, { ...options, rootfs }, olderFacts()[kernel]);
  const [, , , supervisor] = readFileSync(`/proc/${container.pid}/stat`, "utf8").split(" ");
  expect(readlinkSync(`/proc/${supervisor}/ns/mnt`)).toBe(readlinkSync("/proc/self/ns/mnt"));
  expect(readlinkSync(`/proc/${supervisor}/cwd`)).toBe("/");
  // It lets go after it has told that the program runs.
  const held = (): string[] =>
    readdirSync(`/proc/${supervisor}/fd`)
      .flatMap((fd) => linkOrNothing(`/proc/${supervisor}/fd/${fd}`))
      .filter(
        (target) => target.startsWith("/") && !/^\/dev\/null$|^\/sys\/fs\/cgroup|\/run\/s$/.test(target),
      );
  await until("the supervisor to let go", () => held().length === 0);
  expect(readFileSync("/proc/self/mountinfo", "utf8")).not.toContain(bench.layer);
  container.signal(9);
  await container.exited;
});

test.each(kernels)(
  "a user namespace: root inside, nobody outside, layers through the mapping (%s)",
  async (kernel) => {
    const spec = withLinux(
      specOf(
        "id -u; cat /proc/self/uid_map; ls -ln /bin/busybox; : > /made; ls -ln /made; echo 300 > /dev/null; cat /proc/self/oom_score_adj; hostname",
        { oomScoreAdj: 300 },
      ),
      {
        namespaces: userNamespace,
        uidMappings: mapping,
        gidMappings: mapping,
      },
    );
    const options = bench.options({ network: { kind: "new" } }, 100_000);
    const { rootfs } = options;
    if (rootfs.kind !== "overlay") throw new Error("wanted an overlay");
    const facts = olderFacts()[kernel];
    const outcome = await bench.run(spec, { ...options, rootfs: { ...rootfs, idmap: true } }, facts);
    expect([outcome.stderr, outcome.exit.exitCode]).toEqual(["", 0]);
    const lines = outcome.stdout.split("\n");
    expect(lines[0]).toBe("0");
    expect(lines[1]?.trim().split(/\s+/)).toEqual(["0", "100000", "65536"]);
    expect(lines[2]).toMatch(/ 0 +0 /);
    expect(lines[3]).toMatch(/ 0 +0 /);
    expect(lines[4]).toBe("300");
    expect(lines[5]).toBe("box");
    expect(statSync(`${rootfs.upper}/made`).uid).toBe(100_000);
  },
);

test("a user namespace with a user of its own and sysctls of its network", async () => {
  const spec = withLinux(
    specOf("id -u; cat /proc/sys/net/ipv4/ip_forward; (: > /x) 2>/dev/null || echo refused", {
      user: { uid: 7, gid: 7 },
    }),
    {
      namespaces: userNamespace,
      uidMappings: mapping,
      gidMappings: mapping,
      sysctl: { "net.ipv4.ip_forward": "1" },
    },
  );
  const text = await output("", spec, bench.options({ network: { kind: "new" } }, 100_000));
  expect(text).toBe("7\n1\nrefused");
});

test("a terminal: size, owner, console, session", async () => {
  const options = bench.options({ stdio: { kind: "terminal", rows: 33, columns: 99 } });
  const { stdout } = await bench.run(
    specOf("stty size; ls -ln /dev/console; ls /dev/pts; cat /proc/self/stat"),
    options,
  );
  expect(stdout).toContain("33 99\r\n");
  expect(stdout).toMatch(/crw--w----\s+1 0 +5 .*\/dev\/console/);
  // pid, name, state, parent, process group, session, terminal: PID 1 leads the session that owns a terminal.
  expect(stdout).toMatch(/\) [RS] 0 1 1 [1-9]\d* /);
});

test("init: PID 1 is the small one, with pipes and with a terminal", async () => {
  for (const stdio of [
    { kind: "pipes", stdin: false },
    { kind: "terminal", rows: 24, columns: 80 },
  ] as const) {
    const { stdout, exit } = await bench.run(
      specOf("cat /proc/1/comm; exit 9"),
      bench.options({ init: true, stdio }),
    );
    expect(stdout.trim()).toBe("tiffin-init");
    expect(exit.exitCode).toBe(9);
  }
});

test("a time namespace counts from its offset", async () => {
  const namespaces = [...(defaultSpec().linux?.namespaces ?? []), { type: "time" as const }];
  const timeOffsets = { boottime: { secs: 100_000_000 }, monotonic: { secs: 100_000_000 } };
  const text = await output("", withLinux(specOf("cat /proc/uptime"), { namespaces, timeOffsets }));
  expect(Number(text.split(" ")[0])).toBeGreaterThan(100_000_000);
});

test("sysctls and the OOM score are the container's own", async () => {
  const spec = withLinux(
    specOf(
      "cat /proc/sys/kernel/shmmax /proc/sys/net/ipv4/ip_unprivileged_port_start /proc/self/oom_score_adj",
      {
        oomScoreAdj: 123,
      },
    ),
    { sysctl: { "kernel.shmmax": "1048576", "net.ipv4.ip_unprivileged_port_start": "7" } },
  );
  expect(await output("", spec)).toBe("1048576\n7\n123");
});

test("binds: read-only, recursive, file, propagation, owners through a mapping", async () => {
  const source = `${bench.files.path}/source`;
  mkdirSync(`${source}/below`, { recursive: true });
  writeFileSync(`${source}/file`, "content");
  const base = specOf(
    "(: > /ro/x) 2>/dev/null || echo refused; : > /rw/x; cat /one/file; ls -ln /mapped/file; grep -c nosuid,nodev,noexec /proc/mounts; grep ' /rw ' /proc/self/mountinfo",
  );
  const first = base.mounts?.length ?? 0;
  const spec: RuntimeSpec = {
    ...base,
    mounts: [
      ...(base.mounts ?? []),
      { destination: "/ro", source, options: ["rbind", "rro"] },
      { destination: "/rw", source, options: ["bind", "nosuid", "nodev", "noexec"] },
      { destination: "/one/file", source: `${source}/file`, options: ["bind", "ro"] },
      {
        destination: "/mapped",
        source,
        options: ["rbind", "ridmap"],
        uidMappings: mapping,
        gidMappings: mapping,
      },
    ],
  };
  const options = bench.options({ bindSources: new Map([[first + 2, { kind: "file" }]]) });
  const text = await output("", spec, options);
  expect(text).toStartWith("refused\ncontent");
  expect(text).toMatch(/ 100000 +100000 .*\/mapped\/file/);
});

test("an image full of symbolic links leads nowhere outside", async () => {
  const layer = `${bench.files.path}/trap`;
  mkdirSync(layer);
  mkdirSync(`${layer}/etc`);
  symlinkSync("/../../../../tmp", `${layer}/dev`);
  symlinkSync("../../../../../../etc/passwd", `${layer}/etc/hosts`);
  const options = bench.options({ files: [{ path: "/etc/hosts", content: "mine\n", mode: 0o644 }] });
  const { rootfs } = options;
  if (rootfs.kind !== "overlay") throw new Error("wanted an overlay");
  const spec = withLinux(specOf("cat /etc/hosts; test -c /dev/null && echo device"), {
    maskedPaths: ["/proc/kcore"],
  });
  const text = await output("", spec, {
    ...options,
    rootfs: { ...rootfs, lowers: [directoryLayer(layer), ...rootfs.lowers] },
  });
  expect(text).toBe("mine\ndevice");
  // What a root that follows the link would have put there.
  for (const name of ["null", "pts", "shm", "fd"]) expect(existsSync(`/tmp/${name}`)).toBe(false);
  expect(readFileSync("/etc/passwd", "utf8")).not.toContain("mine");
});

test("an image whose /sys is a symbolic link is refused", async () => {
  const layer = `${bench.files.path}/no-sys`;
  mkdirSync(layer);
  symlinkSync("/../../srv", `${layer}/sys`);
  const options = bench.options();
  const { rootfs } = options;
  if (rootfs.kind !== "overlay") throw new Error("wanted an overlay");
  const lowers = [directoryLayer(layer), ...rootfs.lowers];
  const refused = await failure(bench.run(specOf("true"), { ...options, rootfs: { ...rootfs, lowers } }));
  expect([refused.kind, refused.code, refused.exitCode]).toEqual(["invalid", "start.mount-type", 125]);
  expect(refused.message).toContain('error mounting "sysfs" to rootfs at "/sys": not a directory');
});

test("no directory of the host can be the working directory", async () => {
  // What the start itself holds open of the container's own tree may be reached; the host's never.
  for (let fd = 3; fd <= 30; fd += 1) {
    const cwd = `/proc/self/fd/${fd}`;
    const created = await failure(bench.run(specOf("true", { cwd })));
    expect(created.kind).toBe("invalid");
    const options = bench.options({ createWorkdir: false });
    const seen = await bench
      .run(specOf("pwd; ls -d ../../../../bin/busybox", { cwd }), options)
      .catch(String);
    if (typeof seen === "string") expect(seen).toContain(`chdir to cwd ("${cwd}")`);
    else expect(seen.stdout).toMatch(/^\/[a-z/]*\n.*bin\/busybox\n$/);
  }
});

test("failures: exact kind, code and exit code", async () => {
  writeFileSync(`${bench.layer}/etc/text`, "not a program", { mode: 0o755 });
  const cases: readonly [args: string[], code: string, exitCode: number, text: string][] = [
    [["missing"], "start.program-not-found", 127, 'exec: "missing": executable file not found in $PATH'],
    [
      ["/missing"],
      "start.program-not-found",
      127,
      'exec: "/missing": stat /missing: no such file or directory',
    ],
    [["/etc/passwd"], "start.program-not-executable", 126, 'exec: "/etc/passwd": permission denied'],
    [["/etc"], "start.program-not-executable", 126, 'exec: "/etc": permission denied'],
    [["/etc/text"], "start.program-format", 126, 'exec: "/etc/text": exec format error'],
  ];
  for (const [args, code, exitCode, text] of cases) {
    const error = await failure(bench.run(specOf("", { args })));
    expect({ kind: error.kind, code: error.code, exitCode: error.exitCode, text: error.message }).toEqual({
      kind: "invalid",
      code,
      exitCode,
      text,
    });
  }
});

test("a missing bind source and a wrong target say which", async () => {
  const spec = specOf("true");
  const mounts = [
    ...(spec.mounts ?? []),
    { destination: "/x", source: "/nowhere/at/all", options: ["bind"] },
  ];
  const missing = await failure(bench.run({ ...spec, mounts }));
  expect(missing.message).toBe(
    'invalid mount config for type "bind": bind source path does not exist: /nowhere/at/all',
  );
  const wrong = [...(spec.mounts ?? []), { destination: "/etc/passwd", source: "/tmp", options: ["bind"] }];
  const error = await failure(bench.run({ ...spec, mounts: wrong }));
  expect(error.kind).toBe("invalid");
  expect(error.code).toBe("start.mount-type");
  expect(error.message).toContain('error mounting "/tmp" to rootfs at "/etc/passwd": not a directory');
});

async function withSleeper(
  spec: RuntimeSpec,
  options: ContainerOptions,
  use: (container: { pid: number; spec: RuntimeSpec; options: ContainerOptions }) => Promise<void>,
): Promise<void> {
  const process = await bench.start(spec, options);
  try {
    await use({ pid: process.pid, spec, options });
  } finally {
    process.signal(9);
    await process.exited;
    process.disconnect();
  }
}

function execProcess(script: string, more: Partial<OciProcess> = {}): OciProcess {
  return {
    ...specOf(script).process,
    user: { uid: 0, gid: 0 },
    cwd: "/",
    args: ["/bin/sh", "-c", script],
    env,
    ...more,
  };
}

test("exec: in every namespace and group of the container, with nothing of the host", async () => {
  await withSleeper(specOf("exec sleep 1000"), bench.options(), async (container) => {
    const names = ["pid", "mnt", "net", "uts", "ipc", "cgroup"];
    const script = `for n in ${names.join(" ")}; do busybox readlink /proc/self/ns/$n; done; cat /proc/self/cgroup; ls /proc/self/fd; cat /proc/1/comm`;
    const { stdout, exit } = await bench.exec(execProcess(script, { oomScoreAdj: 77 }), container);
    expect(exit.exitCode).toBe(0);
    const lines = stdout.trim().split("\n");
    expect(lines.slice(0, names.length)).toEqual(
      names.map((name) => readlinkSync(`/proc/${container.pid}/ns/${name}`)),
    );
    expect(stdout).not.toContain("tiffin-test-plan");
    expect(lines.slice(-5)).toEqual(["0", "1", "2", "3", "sleep"]);
  });
});

test("exec: exit code, user, working directory, terminal, failures", async () => {
  await withSleeper(specOf("exec sleep 1000"), bench.options(), async (container) => {
    const user = await bench.exec(
      execProcess("id -u; pwd; exit 5", { user: { uid: 42, gid: 42 }, cwd: "/tmp" }),
      container,
    );
    expect([user.stdout, user.exit.exitCode]).toEqual(["42\n/tmp\n", 5]);
    const terminal = await bench.exec(execProcess("stty size"), container, {
      kind: "terminal",
      rows: 40,
      columns: 120,
    });
    expect(terminal.stdout).toBe("40 120\r\n");
    const missing = await failure(bench.exec(execProcess("", { args: ["nothing"] }), container));
    expect([missing.code, missing.exitCode]).toEqual(["start.program-not-found", 127]);
    const directory = await failure(bench.exec(execProcess("true", { cwd: "/missing" }), container));
    expect([directory.code, directory.exitCode]).toEqual(["start.working-directory", 126]);
  });
});

test("exec into a user namespace and a time namespace", async () => {
  const spec = withLinux(specOf("exec sleep 1000"), {
    namespaces: [...userNamespace, { type: "time" }],
    uidMappings: mapping,
    gidMappings: mapping,
    timeOffsets: { boottime: { secs: 200_000_000 } },
  });
  await withSleeper(spec, bench.options({ network: { kind: "new" } }, 100_000), async (container) => {
    const script = "id -u; cat /proc/self/uid_map; cat /proc/uptime; cat /proc/self/oom_score_adj";
    const outcome: Outcome = await bench.exec(execProcess(script, { oomScoreAdj: 50 }), container);
    expect(outcome.stderr).toBe("");
    const lines = outcome.stdout.split("\n");
    expect(lines[0]).toBe("0");
    expect(lines[1]?.trim().split(/\s+/)).toEqual(["0", "100000", "65536"]);
    expect(Number(lines[2]?.split(" ")[0])).toBeGreaterThan(200_000_000);
    expect(lines[3]).toBe("50");
    expect(statSync(`/proc/${container.pid}`).uid).toBe(100_000);
  });
});

test("a joined pid, ipc and network namespace is the other container's", async () => {
  await withSleeper(specOf("exec sleep 1000"), bench.options(), async ({ pid }) => {
    const spec = withLinux(
      specOf("cat /proc/1/comm; for n in ipc net; do busybox readlink /proc/self/ns/$n; done"),
      {
        namespaces: [
          { type: "mount" },
          { type: "uts" },
          { type: "pid", path: `/proc/${pid}/ns/pid` },
          { type: "ipc", path: `/proc/${pid}/ns/ipc` },
          { type: "network", path: `/proc/${pid}/ns/net` },
        ],
      },
    );
    const text = await output("", spec);
    expect(text).toBe(
      ["sleep", readlinkSync(`/proc/${pid}/ns/ipc`), readlinkSync(`/proc/${pid}/ns/net`)].join("\n"),
    );
  });
});

// Busybox has programs of these names that lack the options.
const utilLinux = Bun.spawnSync(["unshare", "--version"]).stdout.toString().includes("util-linux");

test.skipIf(!utilLinux)(
  "the shell script of a plan makes a container too (skipped without util-linux)",
  async () => {
    const base = bench.options({ cgroupParent: null });
    const { rootfs } = base;
    if (rootfs.kind !== "overlay") throw new Error("wanted an overlay");
    // The host's own root as layer: after pivot_root the script needs the image's util-linux.
    const options = { ...base, rootfs: { ...rootfs, lowers: [directoryLayer("/")] } };
    const script =
      "echo $$; hostname; cat /proc/meminfo | wc -c; grep -E 'Groups|CapInh|CapAmb|CapBnd' /proc/self/status; grep -c . /mnt/here";
    writeFileSync(`${bench.files.path}/here`, "one\n");
    const user = { uid: 0, gid: 0, additionalGids: [44, 4242] };
    const plain = specOf(script, { env: ["PATH=/usr/sbin:/usr/bin:/sbin:/bin"], user });
    const bind = { type: "bind", source: bench.files.path, destination: "/mnt", options: ["rbind"] };
    const spec = withLinux(
      { ...plain, mounts: [...(plain.mounts ?? []), bind] },
      {
        maskedPaths: ["/proc/meminfo", "/sys/firmware"],
        namespaces: (defaultSpec().linux?.namespaces ?? []).filter(({ type }) => type !== "cgroup"),
      },
    );
    const known = [(plain.mounts ?? []).length, { kind: "directory", received: true }] as const;
    const plan = compileContainer(spec, bench.facts, { ...options, bindSources: new Map([known]) });
    const run = Bun.spawnSync(["/bin/sh"], {
      stdin: new TextEncoder().encode(renderScript(plan, scriptSurroundings())),
      env: { PATH: "/usr/sbin:/usr/bin:/sbin:/bin", TMPDIR: bench.files.path },
    });
    expect(run.stderr.toString()).toBe("");
    expect(run.stdout.toString().replaceAll(/[ \t]+/g, " ")).toBe(
      "1\nbox\n0\nGroups: 44 4242 \nCapInh: 0000000000000000\nCapBnd: 00000000a80425fb\nCapAmb: 0000000000000000\n1\n",
    );
  },
);

test("nothing is left: groups, mounts, processes", async () => {
  await output("true");
  const mounts = readFileSync("/proc/self/mountinfo", "utf8");
  expect(mounts).not.toContain(bench.files.path);
  expect(mounts).not.toContain(cgroupParent);
  rmSync(`${bench.files.path}/nothing`, { force: true });
});
