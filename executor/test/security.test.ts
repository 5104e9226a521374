import { expect, test } from "bun:test";
import { createHash } from "node:crypto";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readlinkSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import type { EncodableOp } from "../../src/abi/encode.ts";
import { slotNone } from "../../src/abi/schema.ts";
import type { OwnedFd } from "../../src/kernel/owned-fd.ts";
import { openPidfd } from "../../src/kernel/pidfd.ts";
import { errno } from "../../src/linux/errno.ts";
import { binaryPath } from "./harness.ts";
import { at, slots } from "./plans.ts";
import { Session } from "./session.ts";

const pathOnly = 0o10000000;

/** A directory tree outside of the root, which no op may touch. */
function outside(session: Session): string {
  return session.scratch.directory("outside");
}

function run(
  session: Session,
  extra: readonly EncodableOp[],
  script = "true",
): ReturnType<Session["finish"]> {
  session.start({ arguments: ["sh", "-c", script], extra });
  return session.finish();
}

/** Prepare-stage ops on the mounted root, before anything of the container exists. */
function withPrepared(session: Session, ops: readonly EncodableOp[]): EncodableOp[] {
  const plan = session.plan({ arguments: ["true"] });
  plan.splice(1, 0, ...ops);
  return plan;
}

test("creating below a symlink that points out of the root stays inside", () => {
  using session = new Session();
  const target = outside(session);
  symlinkSync(target, join(session.lower, "absolute"));
  symlinkSync("../../../../../../../../../../../../tmp/tiffin-test-escape", join(session.lower, "upwards"));
  const ops = at(
    "prepare",
    { op: "mkdir", fields: { root: slots.root, path: "/absolute/made", mode: 0o755, uid: 0, gid: 0 } },
    { op: "mkdir", fields: { root: slots.root, path: "/upwards/made", mode: 0o755, uid: 0, gid: 0 } },
    {
      op: "createFile",
      fields: {
        root: slots.root,
        path: "/absolute/file",
        mode: 0o644,
        uid: 0,
        gid: 0,
        content: new Uint8Array(1),
      },
    },
    { op: "symlink", fields: { root: slots.root, path: "/absolute/link", target: "x" } },
  );
  session.start(withPrepared(session, ops));
  session.finish();
  expect(existsSync(join(target, "made"))).toBe(false);
  expect(existsSync("/tmp/tiffin-test-escape")).toBe(false);
  const upper = join(session.scratch.path, "upper");
  expect(existsSync(join(upper, target, "made"))).toBe(true);
  expect(existsSync(join(upper, target, "file"))).toBe(true);
  expect(readlinkSync(join(upper, target, "link"))).toBe("x");
  expect(existsSync(join(upper, "tmp/tiffin-test-escape/made"))).toBe(true);
});

test("renames elsewhere on the machine, which make guarded lookups fail for a moment, fail no start", async () => {
  using storm = new Session();
  const place = outside(storm);
  writeFileSync(join(place, "a"), "");
  const program =
    'const { renameSync } = require("node:fs"); const [a, b] = ["a", "b"].map((n) => process.argv.at(-1) + "/" + n); const end = Date.now() + 20000; while (Date.now() < end) { renameSync(a, b); renameSync(b, a); }';
  const renaming = Bun.spawn([process.execPath, "-e", program, place], {
    stdout: "ignore",
    stderr: "inherit",
  });
  try {
    await Bun.sleep(100);
    for (let round = 0; round < 20; round += 1) {
      using session = new Session();
      symlinkSync(`${"../".repeat(12)}inside`, join(session.lower, "upwards"));
      const ops = Array.from({ length: 20 }, (_, index) =>
        at("prepare", {
          op: "mkdir",
          fields: { root: slots.root, path: `/upwards/${index}`, mode: 0o755, uid: 0, gid: 0 },
        }),
      ).flat();
      session.start(withPrepared(session, ops));
      expect(session.finish()).toMatchObject({ waitStatus: 0 });
    }
    expect(renaming.exitCode).toBeNull();
  } finally {
    renaming.kill();
    await renaming.exited;
  }
});

test("a dangling symlink chain ends, a loop is an error", () => {
  using session = new Session();
  symlinkSync("loop-b", join(session.lower, "loop-a"));
  symlinkSync("loop-a", join(session.lower, "loop-b"));
  const ops = at("prepare", {
    op: "mkdir",
    fields: { root: slots.root, path: "/loop-a/x", mode: 0o755, uid: 0, gid: 0 },
  });
  session.begin(withPrepared(session, ops));
  expect(session.executor.controller.expect("failed")).toMatchObject({
    fields: { errno: errno.ELOOP },
    object: "/loop-a/x",
  });
});

test("a mount target that is a dangling symlink is made where it points, inside", () => {
  using session = new Session();
  mkdirSync(join(session.lower, "run"));
  symlinkSync("../run/resolve/stub.conf", join(session.lower, "etc", "resolv.conf"));
  const source = join(session.scratch.path, "source");
  writeFileSync(source, "nameserver 1.2.3.4\n");
  const extra = at("prepare", { op: "openTree", fields: { out: 30, dir: slotNone, path: source, flags: 1 } });
  const plan = withPrepared(session, extra);
  const attach = at("child", {
    op: "moveMount",
    fields: { mount: 30, root: slots.root, path: "/etc/resolv.conf", create: 2, mode: 0o644 },
  });
  const pivot = plan.findIndex(({ op }) => op === "pivotRoot");
  plan.splice(pivot, 0, ...attach);
  session.start(
    plan.map((op) =>
      op.op === "exec"
        ? {
            ...op,
            fields: {
              ...op.fields,
              candidates: ["/bin/cat"],
              arguments: ["cat", "/etc/resolv.conf", "/run/resolve/stub.conf"],
            },
          }
        : op,
    ),
  );
  expect(session.finish().stdout).toBe("nameserver 1.2.3.4\nnameserver 1.2.3.4\n");
});

test("a write to /proc does not cross into what was mounted over it", () => {
  using session = new Session();
  const decoy = join(session.scratch.path, "decoy");
  writeFileSync(decoy, "untouched");
  const extra = [
    ...at(
      "child",
      { op: "open", fields: { out: 31, dir: slotNone, path: "/proc", flags: pathOnly, mode: 0, resolve: 0 } },
      { op: "fsMount", fields: { out: 32, type: "tmpfs", source: "tmpfs", options: [], attributes: 0 } },
      {
        op: "createFile",
        fields: { root: 32, path: "f", mode: 0o644, uid: 0, gid: 0, content: new Uint8Array() },
      },
      { op: "openTree", fields: { out: 33, dir: 32, path: "f", flags: 1 } },
      {
        op: "moveMount",
        fields: { mount: 33, root: slotNone, path: "/proc/self/oom_score_adj", create: 0, mode: 0 },
      },
      { op: "write", fields: { dir: 31, path: "self/oom_score_adj", data: new TextEncoder().encode("500") } },
    ),
  ];
  session.begin({ arguments: ["true"], extra });
  expect(session.executor.controller.expect("failed")).toMatchObject({
    fields: { errno: errno.EXDEV },
    object: "self/oom_score_adj",
  });
});

test("the executor's program cannot be reached or written from inside (CVE-2019-5736)", () => {
  const hash = (): string => createHash("sha256").update(readFileSync(binaryPath)).digest("hex");
  const before = hash();
  for (const init of [false, true]) {
    using session = new Session();
    // The entry point is the executor itself as the kernel names it; what runs is the container's own shell.
    writeFileSync(join(session.lower, "bin", "again"), "#!/proc/self/exe\n");
    chmodSync(join(session.lower, "bin", "again"), 0o755);
    session.begin({ arguments: ["again"], init });
    // The executor as an interpreter is refused by its own argument check; it cannot be opened for writing either.
    const verdict = session.executor.controller.next();
    expect(verdict?.name === "failed" || verdict?.name === "started").toBe(true);
  }
  using session = new Session();
  const script =
    "echo pwned 2>/dev/null >/proc/1/exe && echo written; cat /proc/1/exe 2>/dev/null | wc -c; readlink /proc/1/exe || echo hidden";
  session.start({ arguments: ["sh", "-c", script], init: true, extra: withoutPtrace() });
  expect(session.finish().stdout).toBe("0\nhidden\n");
  expect(hash()).toBe(before);
});

/** A container's usual capabilities: CAP_SYS_PTRACE is not among them. */
function withoutPtrace(): EncodableOp[] {
  const usual = 0xa80425fbn;
  return at(
    "child",
    { op: "dropBounding", fields: { keep: usual } },
    { op: "setCapabilities", fields: { effective: usual, permitted: usual, inheritable: 0n, ambient: 0n } },
  );
}

test("even with all capabilities the sealed program cannot be changed", () => {
  using session = new Session();
  const script = "echo pwned >/proc/1/exe && echo written; true";
  session.start({ arguments: ["sh", "-c", script], init: true });
  expect(session.finish().stdout).toBe("");
});

test("no descriptor of the host is a way out (CVE-2024-21626)", () => {
  let refused = 0;
  for (let fd = 3; fd < 30; fd++) {
    using session = new Session();
    const extra = at("child", { op: "chdir", fields: { path: `/proc/self/fd/${fd}` } });
    const script = "test -e ../../../../../../../etc/passwd && echo outside; true";
    session.begin({ arguments: ["sh", "-c", script], extra });
    if (session.executor.controller.next()?.name === "failed") refused += 1;
    // Some of the numbers are mounts of the container itself, which are no way out.
    else expect(session.finish().stdout).toBe("");
  }
  expect(refused).toBeGreaterThan(15);
});

test("a symlink in place of /dev/null does not become a mask (CVE-2025-31133)", () => {
  using session = new Session();
  const plan = session.plan({ arguments: ["true"] });
  const index = plan.findIndex(({ op }) => op === "mknod");
  plan.splice(
    index,
    1,
    ...at("child", {
      op: "symlink",
      fields: { root: slots.dev, path: "null", target: "/proc/sys/kernel/core_pattern" },
    }),
  );
  session.begin(plan);
  expect(session.executor.controller.expect("failed")).toMatchObject({ fields: { errno: errno.ENODEV } });
});

test("something else in place of ptmx is refused (CVE-2025-52565)", () => {
  using session = new Session();
  const extra = at("child", {
    op: "symlink",
    fields: { root: slotNone, path: "/dev/other", target: "null" },
  });
  const plan = session
    .plan({ arguments: ["true"], terminal: true, extra })
    .map((op) => (op.op === "pty" ? { ...op, fields: { ...op.fields, path: "/dev/null" } } : op));
  session.begin(plan);
  expect(session.executor.controller.expect("failed")).toMatchObject({
    fields: { errno: errno.ENODEV },
    object: "/dev/null",
  });
});

test("identity, capabilities, limits and no_new_privs hold in the program", () => {
  using session = new Session();
  const capabilities = (1n << 0n) | (1n << 10n);
  const extra = at(
    "child",
    { op: "setRlimit", fields: { resource: 7, soft: 99, hard: 100 } },
    { op: "dropBounding", fields: { keep: capabilities } },
    { op: "prctl", fields: { option: 8, value: 1 } },
    {
      op: "setGroups",
      fields: { groups: new Uint8Array(new Uint32Array([20, 30]).buffer), mayBeForbidden: 0 },
    },
    { op: "setIds", fields: { uid: 1000, gid: 1001 } },
    { op: "setCapabilities", fields: { effective: 1n, permitted: 1n, inheritable: 1n, ambient: 1n } },
    { op: "umask", fields: { mask: 0o077 } },
    { op: "chdir", fields: { path: "/tmp" } },
    { op: "prctl", fields: { option: 38, value: 1 } },
  );
  const script = "grep -E '^(Uid|Gid|Groups|Cap|NoNewPrivs)' /proc/self/status; ulimit -n; umask; pwd";
  const status = run(session, extra, script).stdout;
  expect(status).toContain("Uid:\t1000\t1000\t1000\t1000\n");
  expect(status).toContain("Gid:\t1001\t1001\t1001\t1001\n");
  expect(status).toContain("Groups:\t20 30 \n");
  expect(status).toContain("CapInh:\t0000000000000001\n");
  expect(status).toContain("CapEff:\t0000000000000001\n");
  expect(status).toContain("CapBnd:\t0000000000000401\n");
  expect(status).toContain("CapAmb:\t0000000000000001\n");
  expect(status).toContain("NoNewPrivs:\t1\n");
  expect(status).toEndWith("99\n0077\n/tmp\n");
});

test("a user namespace is mapped while the child waits", () => {
  using session = new Session();
  const newUser = 0x1000_0000;
  const parentExtra = at(
    "parent",
    { op: "awaitPeer", fields: { mark: 1 } },
    { op: "idMap", fields: { uidMap: "0 100000 65536\n", gidMap: "0 200000 65536\n", denySetgroups: 0 } },
    { op: "signalPeer", fields: { mark: 2 } },
  );
  const plan = session.plan({
    arguments: ["sh", "-c", "id -u; id -g; cat /proc/self/uid_map; cat /proc/self/oom_score_adj"],
    parentExtra,
  });
  const clone = plan.findIndex(({ op }) => op === "clone");
  const mapped = plan.map(
    (op): EncodableOp =>
      op.op === "clone" ? { ...op, fields: { ...op.fields, flags: Number(op.fields.flags) | newUser } } : op,
  );
  const first = mapped.findIndex(({ stage }) => stage === "child");
  expect(clone).toBeLessThan(first);
  mapped.splice(
    first,
    0,
    ...at(
      "child",
      { op: "signalPeer", fields: { mark: 1 } },
      { op: "awaitPeer", fields: { mark: 2 } },
      { op: "setIds", fields: { uid: 0, gid: 0 } },
      { op: "prctl", fields: { option: 4, value: 1 } },
      {
        op: "open",
        fields: { out: 40, dir: slotNone, path: "/proc/self/oom_score_adj", flags: 1, mode: 0, resolve: 0 },
      },
      { op: "write", fields: { dir: 40, path: null, data: new TextEncoder().encode("700") } },
    ),
  );
  // Devices cannot be made in a user namespace; the host's null device stands in.
  const devices = mapped.flatMap((op): EncodableOp[] =>
    op.op === "mknod"
      ? at("child", { op: "openTree", fields: { out: 41, dir: slotNone, path: "/dev/null", flags: 1 } })
      : op.op === "moveMount" && op.fields.mount === slots.dev
        ? [
            op,
            ...at("child", {
              op: "moveMount",
              fields: { mount: 41, root: slots.root, path: "/dev/null", create: 2, mode: 0o666 },
            }),
          ]
        : [op],
  );
  chmodSync(session.scratch.path, 0o755);
  session.start(devices);
  const [uid, gid, map, score] = session.finish().stdout.split("\n");
  expect({ uid, gid, score }).toEqual({ uid: "0", gid: "0", score: "700" });
  expect(map?.trim().split(/\s+/)).toEqual(["0", "100000", "65536"]);
});

test("a process joins a running container through its pidfd", () => {
  using session = new Session();
  session.start({ arguments: ["sh", "-c", "echo ready; read line"] });
  session.readFrame();
  using other = new Session();
  using target = openPidfdOf(session.pid);
  const joined = 0x2000_0000 | 0x0002_0000 | 0x0800_0000 | 0x0400_0000 | 0x4000_0000 | 0x0200_0000;
  const plan = [
    ...at(
      "prepare",
      { op: "setns", fields: { slot: 3, nstype: 0x2000_0000 } },
      { op: "pipe", fields: { read: slots.inR, write: slots.inW, uid: 0, gid: 0 } },
      { op: "pipe", fields: { read: slots.outR, write: slots.outW, uid: 0, gid: 0 } },
      { op: "pipe", fields: { read: slots.errR, write: slots.errW, uid: 0, gid: 0 } },
      { op: "clone", fields: { flags: 0, cgroup: slotNone } },
    ),
    ...other.plan({ arguments: ["true"] }).filter(({ op }) => op === "supervise"),
    ...at("child", { op: "setns", fields: { slot: 3, nstype: joined & ~0x2000_0000 } }),
    ...other.plan({ arguments: ["true"] }).filter(({ op }) => op === "dup2"),
    ...at("child", {
      op: "exec",
      fields: {
        candidates: ["/bin/sh"],
        arguments: [
          "sh",
          "-c",
          "cat /proc/sys/kernel/hostname; set -- /proc/[0-9]*; echo $#; sleep 1000 & exit 3",
        ],
        environment: [],
      },
    }),
  ];
  other.start(plan, [target]);
  expect(other.finish()).toMatchObject({ stdout: "box\n2\n", waitStatus: 3 << 8 });
});

function openPidfdOf(pid: number): OwnedFd {
  const pidfd = openPidfd(pid);
  if (!pidfd) throw new Error("the container has ended");
  return pidfd;
}

test("the supervisor is not dumpable: its files in /proc are root's alone", () => {
  using session = new Session();
  session.start({ arguments: ["sleep", "1000"] });
  const probe = Bun.spawnSync([
    "setpriv",
    "--reuid=65534",
    "--clear-groups",
    "ls",
    `/proc/${session.executor.pid}/fd`,
  ]);
  expect(probe.exitCode).not.toBe(0);
});
